"""What values a network takes on calibration data: the ranges that quantization needs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.scaling import Ranges
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.ops.view import NodeRun
from snnc.compiler.verify import reference
from snnc.errors import BAD_OPTION, SnncError
from snnc.threads import one_thread


@one_thread()
def calibrate(graph: Graph, windows: Iterable[Array]) -> Ranges:
    """Largest |value| of every node, and of every channel's membrane potential.

    Args:
        graph: an optimised float graph.
        windows: event counts [T, C, H, W]; training data only.

    Raises:
        SnncError: BAD_OPTION where there is no window.
    """
    values: dict[str, float] = {}
    membranes: dict[str, Array] = {}
    for frames in windows:
        x = torch.from_numpy(np.asarray(frames, dtype=np.float32))
        seen = reference.run(graph, {"input": x})
        for node in graph.nodes:
            values[node.name] = max(values.get(node.name, 0.0), float(seen[node.name].abs().max()))
            op = op_of(node)
            if isinstance(op, Neuron):
                largest = _largest_by_channel(
                    op.membrane(NodeRun.of(graph, node, seen).to(x.dtype))
                )
                membranes[node.name] = np.maximum(membranes.get(node.name, 0.0), largest)
    if not values:
        raise SnncError(BAD_OPTION, "there is no recording to calibrate with")
    return Ranges(values, membranes)


def _largest_by_channel(steps: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Array:
    largest = [u.abs().reshape(len(u), -1).amax(dim=1) for u, _ in steps]
    return torch.stack(largest).amax(dim=0).double().numpy()
