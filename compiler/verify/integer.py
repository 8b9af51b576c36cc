"""The proof for int8: the C equals the integer reference bit for bit.

Every node's value, every membrane potential, every step and the scores are compared, with nothing
forced: integers leave nothing to explain. How far the integers are from the float model is a
question of accuracy, reported beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.compiler.compilation import Compilation
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir.graph import Array, Graph, Node
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.neuron import NeuronI8
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Divergence, LayerResult, Verification, analytic_counts
from snnc.compiler.verify.outputs import output_results, pytorch_outputs


@dataclass
class IntegerVerification(Verification):
    """The result over all samples; a layer is a node, its membrane potentials included."""

    score_mismatches: int = 0
    float_agreement: int = 0
    layers: list[LayerResult] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every value, score and count is equal."""
        return super().passed and self.score_mismatches == 0

    def as_json(self) -> dict[str, Any]:
        """The JSON contract of ``snnc verify``; ``accuracy.pytorch`` is the float model's."""
        return {**super().as_json(), "dtype": "int8", "score_mismatches": self.score_mismatches}


class IntegerVerifier:
    """Verifies one quantized model sample by sample; arguments as for ``verify.Verifier``."""

    def __init__(
        self,
        model: nn.Module,
        compilation: Compilation,
        folder: Path,
        flags: Sequence[str] = NATIVE,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model.eval()
        self.graph = compilation.graph
        self.runs = compilation.schedule.runs
        self.nodes = [node for node in self.graph.nodes if node.op != "input"]
        self.observed = ObservedModel(self.graph, compilation.generated, folder, flags, files=files)
        layers = [LayerResult(node.name, node.loc.module) for node in self.nodes]
        self.result = IntegerVerification(self.graph.time_steps, layers, output_results(self.graph))

    def verify(self, frames: Array, label: int | None = None) -> None:
        """Compare one window of event counts [T, C, H, W]; adds to :attr:`result`."""
        values, membranes = run_reference(self.graph, frames)
        observed = self.observed.run(
            frames,
            observe=[(node.name, "value") for node in self.nodes]
            + [(name, "membrane") for name in membranes],
        )
        for node, layer in zip(self.nodes, self.result.layers, strict=True):
            name = node.name
            self._compare(layer, values[name].numpy(), observed.values[name, "value"])
            if name in membranes:
                self._compare(layer, membranes[name].numpy(), observed.values[name, "membrane"])
        expected = values[self.graph.outputs[0]][0].numpy()
        self.result.score_mismatches += int((observed.scores != expected).sum())
        if self.result.outputs:
            for output, name in zip(self.result.outputs, self.graph.outputs, strict=True):
                output.add(values[name][0].numpy(), observed.outputs[output.name])
        self.result.add_counts(analytic_counts(self.graph, values, self.runs), observed.counts)
        x = torch.from_numpy(np.asarray(frames, dtype=np.float32))
        floats = pytorch_outputs(self.model, x)[self.graph.output_names[0]]
        self.result.add_classes(floats, observed.scores, label)
        self.result.samples += 1

    def _compare(self, layer: LayerResult, expected: Array, own: Array) -> None:
        different = own.astype(np.int64) != expected
        layer.compared += different.size
        layer.mismatches += int(different.sum())
        if different.any() and self.result.first_divergence is None:
            step, *where = (int(i) for i in np.argwhere(different)[0])
            margin = float(own[(step, *where)]) - float(expected[(step, *where)])
            self.result.first_divergence = Divergence(
                self.result.samples, layer.name, step, tuple(where), margin, 0.0
            )


def run_reference(
    graph: Graph, frames: Array
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Values of every node and membrane potentials of every neuron, int64 [T, *shape]."""
    x = torch.from_numpy(np.asarray(frames).astype(np.int64))
    values = reference.run(graph, {"input": x}, dtype=torch.int64)
    return values, {
        node.name: torch.stack(list(_membrane(graph, node, values)))
        for node in graph.nodes
        if node.op == "neuron_i8"
    }


def _membrane(graph: Graph, node: Node, values: Mapping[str, torch.Tensor]) -> Any:
    op = op_of(node)
    assert isinstance(op, NeuronI8)
    params = {role: torch.from_numpy(value) for role, value in graph.params_of(node).items()}
    return op.membrane(node, params, values[node.inputs[0]])
