"""The proof for int8: the C equals the integer reference bit for bit.

Every node's value, every membrane potential, every step and the outputs are compared, with nothing
forced: integers leave nothing to explain. Beside it the model is compared with the float graph that
was quantized (the reading), and the integers with the model (the fidelity).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.compiler.compilation import Compilation
from snnc.compiler.frontend.capture.snapshot import Snapshot
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.model import Pushed
from snnc.compiler.host.observed import Observation, ObservedModel
from snnc.compiler.ir.graph import Array, Graph, Node
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.cells.cell import CellI8
from snnc.compiler.ops.int8.fixed import unit_of
from snnc.compiler.ops.int8.neuron import NeuronI8
from snnc.compiler.ops.readout.time_stack import axes_of, scores_of_classes
from snnc.compiler.ops.view import NodeRun
from snnc.compiler.verify import reference
from snnc.compiler.verify.chain.fidelity import MIN_AGREEMENT, Fidelity
from snnc.compiler.verify.chain.links import VALUES, Check, Divergence, LayerResult, Link
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.chain.vacuous import Activity
from snnc.compiler.verify.counting import analytic_counts
from snnc.compiler.verify.exact import Exact
from snnc.compiler.verify.float_judge import observed_freely
from snnc.compiler.verify.outputs import output_results
from snnc.compiler.verify.pytorch import discrete_nodes, run_pytorch
from snnc.compiler.verify.reading import Reading


@dataclass
class IntegerVerification(Verification):
    """The result over all samples; a layer is a node, its membrane potentials included."""

    score_mismatches: int = 0
    layers: list[LayerResult] = field(default_factory=list)
    fidelity: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The JSON contract of ``snnc verify``; ``accuracy.pytorch`` is the float model's."""
        return {
            **super().as_json(),
            "dtype": "int8",
            "score_mismatches": self.score_mismatches,
            "fidelity": self.fidelity,
        }


class IntegerVerifier:
    """Verifies one quantized model sample by sample; arguments as for ``float_judge.Verifier``."""

    def __init__(
        self,
        model: nn.Module,
        compilation: Compilation,
        folder: Path,
        flags: Sequence[str] = NATIVE,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.graph = compilation.graph
        self.runs = compilation.schedule.runs
        self.nodes = [node for node in self.graph.nodes if not node.plays(Role.INPUT)]
        self.observed = ObservedModel(self.graph, compilation.generated, folder, flags, files=files)
        layers = [LayerResult(node.name, node.loc.module) for node in self.nodes]
        self.result = IntegerVerification(self.graph.time_steps, layers, output_results(self.graph))
        self.beside = BesidePyTorch(model, compilation, self.result)

    def verify(
        self, frames: Array, label: int | None = None, pushed: Pushed | None = None
    ) -> Observation:
        """Compare one window; arguments and result as for ``float_judge.Verifier.verify``."""
        values, membranes = run_reference(self.graph, frames)
        free = observed_freely(self.observed, self.graph, frames, pushed, self.result)
        link, layers = self.result.chain[VALUES], {e.name: e for e in self.result.layers}
        for name, difference in compare_integers(link, self.graph, values, membranes, free):
            layers[name].compared += difference.size
            layers[name].mismatches += int(np.count_nonzero(difference))
            if difference.any():
                self.result.diverge(VALUES, first_difference(name, difference, self.result.samples))
        for output, name in zip(self.result.outputs, self.graph.outputs, strict=True):
            output.add(values[name][0].numpy(), free.outputs[output.name])
        expected = values[self.graph.outputs[0]][0].numpy()
        self.result.score_mismatches += int((free.scores != expected).sum())
        self.result.add_counts(analytic_counts(self.graph, values, self.runs), free.counts)
        self.beside.activity.add(free)
        self.beside.activity.add_potentials(membranes)
        self.beside.add(frames, free.scores, label)
        self.result.samples += 1
        return free

    def finish(
        self, stressed: Activity | None = None, *, min_agreement: float = MIN_AGREEMENT
    ) -> None:
        """Judge the fidelity, and say what the recordings said nothing about."""
        self.beside.finish(stressed, min_agreement)


class BesidePyTorch:
    """PyTorch's model beside the float graph that was quantized, and beside the integers.

    Args:
        model: the PyTorch model, takes [T, 1, C, H, W].
        compilation: its compilation.
        result: where the links are kept.
    """

    def __init__(
        self, model: nn.Module, compilation: Compilation, result: IntegerVerification
    ) -> None:
        self.model = model.eval()
        self.given = Snapshot(model)
        self.source = compilation.source
        self.result = result
        self.reading = Reading(self.source, result)
        self.activity = Activity(compilation.graph)
        scores = compilation.graph[compilation.graph.outputs[0]]
        self.axes = axes_of(scores)
        self.fidelity = Fidelity(unit_of(scores), self.axes)

    def add(self, frames: Array, scores: Array, label: int | None) -> None:
        """Compare one window's spikes, outputs, scores and class."""
        x = torch.from_numpy(np.asarray(frames, dtype=np.float32))
        nodes = discrete_nodes(self.source)
        outputs, spikes = run_pytorch(self.model, self.source, nodes, x, self.given)
        decisions = Exact(self.source, x, spikes, bounds=False).decisions
        self.reading.decisions(x, spikes, decisions)
        self.reading.outputs(x, spikes, outputs)
        floats = outputs[self.source.output_names[0]]
        self.fidelity.add(floats, scores)
        theirs, ours = (scores_of_classes(each, self.axes) for each in (floats, scores))
        self.result.add_classes(theirs, ours, label)

    def finish(self, stressed: Activity | None, min_agreement: float) -> None:
        """Judge the fidelity, and say what the recordings said nothing about."""
        self.fidelity.judge(self.result, min_agreement)
        self.result.fidelity = self.fidelity.as_json(min_agreement)
        self.result.vacuous = self.activity.vacuous(self.result, stressed)


def compare_integers(
    link: Link,
    graph: Graph,
    values: Mapping[str, torch.Tensor],
    membranes: Mapping[str, torch.Tensor],
    run: Observation,
) -> list[tuple[str, Array]]:
    """Compare every integer that a run recorded with the reference's; gives each node's differences
    (its membrane potentials' in an entry of its own), and adds the outputs' to the link."""
    found = []
    for node in graph.nodes:
        if node.plays(Role.INPUT):
            continue
        pairs = [("values", "value", values[node.name])]
        if node.name in membranes:
            pairs.append(("membrane potentials", "membrane", membranes[node.name]))
        for kind, what, expected in pairs:
            apart = _apart(run.values[node.name, what], expected.numpy())
            _add(link.check(kind), apart)
            found.append((node.name, apart))
    for name, node_name in zip(graph.output_names, graph.outputs, strict=True):
        _add(
            link.check("outputs"), run.outputs[name].astype(np.int64) - values[node_name][0].numpy()
        )
    return found


def _apart(own: Array, expected: Array) -> Array:
    """Differences of integers; of the potentials of cells, of their bits, a NaN being a NaN."""
    if own.dtype != np.float32:
        return own.astype(np.int64) - expected
    bits = own.view(np.int32).astype(np.int64) - expected.view(np.int32)
    return np.where(np.isnan(own) & np.isnan(expected), 0, bits)


def _add(check: Check, apart: Array) -> None:
    check.add(apart.size, int(np.count_nonzero(apart)))


def first_difference(name: str, apart: Array, sample: int) -> Divergence:
    """Where the first of some differences [T, *shape] of a node is."""
    step, *where = (int(i) for i in np.argwhere(apart)[0])
    return Divergence(sample, name, step, tuple(where), float(apart[(step, *where)]), 0.0)


def run_reference(
    graph: Graph,
    frames: Array,
    forced: Mapping[str, torch.Tensor] | None = None,
    potentials: Mapping[str, torch.Tensor] | None = None,
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Values of every node and membrane potentials of every neuron, int64 [T, *shape].

    With ``forced`` spikes and masks every node computes on those, and so do the potentials of a
    neuron go on; the neuron's own value then is what it fires before it is replaced. A neuron of
    ``potentials`` goes on from those after each step.
    """
    x = torch.from_numpy(np.asarray(frames).astype(np.int64))
    values = reference.run(graph, {"input": x}, dtype=torch.int64, forced=forced)
    membranes = {
        node.name: torch.stack(
            list(_membrane(graph, node, values, forced, (potentials or {}).get(node.name)))
        )
        for node in graph.nodes
        if isinstance(op_of(node), NeuronI8)
    }
    for node in graph.nodes:
        if isinstance(node.op, CellI8) and node.op.keeps_potential(node):
            spikes = values[node.name] if forced is None else forced[node.name]
            membranes[node.name] = node.op.potentials(NodeRun.of(graph, node, values), spikes)
    for name in forced or {}:
        values[name] = _own_value(graph, graph[name], values, membranes)
    return values, membranes


def _own_value(
    graph: Graph,
    node: Node,
    values: Mapping[str, torch.Tensor],
    membranes: Mapping[str, torch.Tensor],
) -> torch.Tensor:
    op, run = op_of(node), NodeRun.of(graph, node, values)
    if isinstance(op, NeuronI8):
        return op.fires(run, membranes[node.name]).to(torch.int64)
    if isinstance(op, CellI8):
        return op.decisions(run, values[node.name])
    return op.reference(run).to(torch.int64)


def _membrane(
    graph: Graph,
    node: Node,
    values: Mapping[str, torch.Tensor],
    forced: Mapping[str, torch.Tensor] | None,
    held: torch.Tensor | None,
) -> Iterator[torch.Tensor]:
    op = op_of(node)
    assert isinstance(op, NeuronI8)
    spikes = None if forced is None else forced[node.name]
    run = NodeRun.of(graph, node, values)
    if held is None or spikes is None:
        yield from op.membrane(run, spikes=spikes)
        return
    for step in range(run.steps):
        start = (held[step - 1], spikes[step - 1] != 0) if step else None
        now = slice(step, step + 1)
        yield from op.membrane(run.on([run.inputs[0][now]]), start, spikes[now])
