"""Writing a network to NIR: one step is the unit of time (dt 1), batch norms are folded.

NIR fires above a threshold, our neurons mostly at it: a threshold that fires is written as the
float32 just below it. The reset rule is not part of NIR: :func:`export_nir` gives it back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snnc.atomic import scratch_folder, write_atomically
from snnc.compiler.frontend.nir.file import NirOptions, Reset, nir_package
from snnc.compiler.ir.graph import Array, Graph, Node
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops import (
    Add,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Delay,
    Feedback,
    FeedbackWrite,
    Flatten,
    Input,
    Linear,
    Neuron,
    SumPool2d,
    TimeMean,
    TimeSum,
)
from snnc.compiler.ops.neurons.neuron import CONSTANTS
from snnc.compiler.passes.fold_batch_norm import fold_batch_norm
from snnc.errors import UNSUPPORTED_LAYER, SnncError

_WIRING = (Add, TimeMean, TimeSum, FeedbackWrite)


def export_nir(graph: Graph, path: str | Path | None = None) -> tuple[Any, NirOptions]:
    """The network as an ``nir.NIRGraph``, and the options that read it back.

    The readout over time is left out: NIR's output is what each step gives.

    Args:
        graph: an imported network (:func:`snnc.import_module`).
        path: also write it to this file.

    Raises:
        SnncError: UNSUPPORTED_LAYER for what NIR has no node for (attention, max pooling, neurons
            of different resets); MISSING_EXTRA without the ``nir`` package; BAD_OUTPUT where
            ``path`` cannot be written.
    """
    nir = nir_package()
    graph = fold_batch_norm(graph)
    if len(graph.outputs) > 1:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"NIR as snnc reads it has one output, and the network has {len(graph.outputs)}",
            where=graph.name,
            hint="Export a network for each output.",
        )
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    sources: dict[str, list[str]] = {}
    for node in graph.nodes:
        feeding = [name for given in node.inputs for name in sources[given]]
        if isinstance(node.op, _WIRING):  # edges into one node are summed
            sources[node.name] = feeding
            continue
        if isinstance(node.op, Feedback):  # an edge from its neuron, which comes later
            sources[node.name] = [node.name]
            continue
        nodes[node.name] = _node(nir, graph, node)
        edges += [(name, node.name) for name in feeding]
        sources[node.name] = [node.name]
    back = {read: sources[write] for read, write in graph.feedback.items()}
    edges = [(name, b) for a, b in edges for name in back.get(a, [a])]
    output = graph[graph.outputs[0]]
    nodes["output"] = nir.Output(np.array(output.type.shape))
    edges += [(name, "output") for name in sources[output.name]]
    written = nir.NIRGraph(nodes, edges)
    if path is not None:
        with scratch_folder() as folder:
            nir.write(str(folder / "graph.nir"), written)
            write_atomically(Path(path), (folder / "graph.nir").read_bytes())
    return written, NirOptions(_reset_of(graph), 1.0)


def _node(nir: Any, graph: Graph, node: Node) -> Any:
    """The node's counterpart. Raises SnncError (UNSUPPORTED_LAYER) where there is none."""
    match node.op:
        case Input():
            return nir.Input(np.array(node.type.shape))
        case Conv2d() as op:
            return _conv2d(nir, graph, node, op)
        case Linear():
            return _linear(nir, graph, node)
        case Flatten():
            return _flatten(nir, graph, node)
        case AvgPool2d() | SumPool2d() as op:
            return _pool(nir, node, op)
        case Delay() as op:
            return nir.Delay(np.full(node.type.shape, float(op.steps)))
        case Neuron() as op:
            return _neuron(nir, graph, node, op)
    raise _no_node(node, f"NIR has no node for {node.op.name}")


def _no_node(node: Node, what: str) -> SnncError:
    return SnncError(
        UNSUPPORTED_LAYER,
        what,
        where=node.loc.module or node.name,
        hint="Export a network of convolutions, linear layers, average pools and LIF neurons.",
    )


def _reset_of(graph: Graph) -> Reset:
    modes = {node.op.reset_mode for node in graph.nodes if isinstance(node.op, Neuron)}
    names: dict[str, Reset] = {"hard": "zero", "soft": "subtract"}
    if len(modes) > 1 or not modes <= names.keys():
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"its neurons reset in ways that NIR cannot tell apart ({', '.join(sorted(modes))})",
            hint="Use one reset, hard or soft, for all of them.",
        )
    return names[modes.pop()] if modes else "zero"


def _conv2d(nir: Any, graph: Graph, node: Node, op: Conv2d) -> Any:
    top, left, bottom, right = op.padding
    if (top, left) != (bottom, right):
        raise _no_node(node, "NIR has no unequal padding")
    params = graph.params_of(node)
    return nir.Conv2d(
        input_shape=tuple(graph.input_types(node)[0].shape[1:]),
        weight=params["weight"].astype(np.float32),
        stride=op.stride,
        padding=(top, left),
        dilation=op.dilation,
        groups=op.groups,
        bias=_bias(params),
    )


def _bias(params: dict[str, Array]) -> Array:
    return params.get("bias", np.zeros(len(params["weight"]))).astype(np.float32)


def _linear(nir: Any, graph: Graph, node: Node) -> Any:
    params = graph.params_of(node)
    return nir.Affine(weight=params["weight"].astype(np.float32), bias=_bias(params))


def _flatten(nir: Any, graph: Graph, node: Node) -> Any:
    shape = graph.input_types(node)[0].shape
    return nir.Flatten({"input": np.array(shape)}, 0, -1)


def _pool(nir: Any, node: Node, op: AvgPool2d | SumPool2d) -> Any:
    plain = not op.ceil_mode
    if isinstance(op, AvgPool2d):
        plain = plain and op.divisor == 0 and op.padding == (0, 0)
    if not plain:
        raise _no_node(node, "NIR's average pool has no padding, ceil mode or divisor")
    make = nir.SumPool2d if isinstance(op, SumPool2d) else nir.AvgPool2d
    return make(*map(np.array, (op.kernel_size, op.stride, op.padding)))


def _neuron(nir: Any, graph: Graph, node: Node, op: Neuron) -> Any:
    values: dict[str, Any] = {**op.numbers, **graph.params_of(node)}
    beta, drift, gain, reset, threshold = (
        np.broadcast_to(values[role], node.type.shape).astype(np.float64) for role in CONSTANTS
    )
    if op.initial != 0 or bool((beta <= 0).any()):
        raise _no_node(node, "NIR's neurons start at 0 and keep a part of their potential")
    soft = op.reset_mode == "soft"
    if soft and not np.allclose(reset, beta * threshold, rtol=1e-6, atol=0.0):
        raise _no_node(
            node,
            "NIR takes the threshold off as a neuron fires, so that it leaks; here it is taken off "
            "whole a step later",
        )
    if not op.strict:
        threshold = np.nextafter(threshold.astype(np.float32), np.float32(-np.inf))
    # NIR resets at the end of a step; ours at the next, after leak and drift.
    hard = op.reset_mode == "hard"
    v_reset = (reset - drift) / beta if hard else np.zeros(node.type.shape)
    if bool((beta == 1).all()) and not drift.any():
        return nir.IF(r=gain, v_threshold=threshold, v_reset=v_reset)
    if bool((beta >= 1).any()):
        raise _no_node(node, "NIR's leaky neurons cannot leave their potential as it is")
    tau = 1.0 / (1.0 - beta)
    return nir.LIF(
        tau=tau, r=gain * tau, v_leak=drift * tau, v_threshold=threshold, v_reset=v_reset
    )


_NODES: tuple[type[Operation], ...] = (
    Input,
    Conv2d,
    Linear,
    Flatten,
    AvgPool2d,
    SumPool2d,
    Delay,
    Neuron,
)

_WRITTEN: tuple[type[Operation], ...] = (*_NODES, *_WIRING, Feedback, BatchNorm)

EXPORTED = frozenset(op.name for op in _WRITTEN)
"""The operators that can be written; a batch norm is folded first."""
