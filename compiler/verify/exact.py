"""Exact values of a graph on given spikes and masks, with the bound of float32 for each.

One pass of the judge gives every value that is no decision; potentials and decisions follow from
those (a decision ends the propagation of errors, so they need no pass of their own).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import torch

from snnc.compiler.ir.graph import Graph, Node
from snnc.compiler.ops import op_of
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.ops.rounding import no_error, without_nan
from snnc.compiler.ops.view import BoundedRun, NodeRun
from snnc.compiler.verify import reference
from snnc.compiler.verify.pytorch import discrete_nodes
from snnc.compiler.verify.reference import Verdict


class Choice:
    """What a node decides in exact arithmetic: 0 or 1, unless it says otherwise.

    Each kind adds its ``leeway``: how far a correct float32 run may be from the decision.

    Attributes:
        fires: the decision [T, *shape].
        potential: what it follows from, if that is kept, with its bound.
    """

    fires: torch.Tensor
    potential: Verdict | None = None

    def differs(self, own: torch.Tensor) -> torch.Tensor:
        """Where another run decided otherwise."""
        return (own != 0) != self.fires

    def distance(self, own: torch.Tensor) -> torch.Tensor:
        """How far apart the two decisions are."""
        return self.differs(own).to(torch.float64)

    @property
    def margin(self) -> torch.Tensor | None:
        """What is compared less what it is compared with, where a comparison decides."""
        return None

    @property
    def bound(self) -> torch.Tensor | None:
        """The bound of the margin."""
        return None


class Mask(Choice):
    """What a node that is no neuron decides."""

    def __init__(self, fires: torch.Tensor, leeway: torch.Tensor) -> None:
        self.fires = fires
        self.leeway = leeway


class Counted(Choice):
    """What a cell decides: a spike or a small whole number.

    Args:
        value: the decision [T, *shape].
        leeway: how far a correct float32 run may be from it.
        potential: its membrane potential, if it keeps one.
        margin: what it compares less what it compares that with, and the bound of that, if a
            comparison decides.
    """

    def __init__(
        self,
        value: torch.Tensor,
        leeway: torch.Tensor,
        potential: Verdict | None,
        margin: Verdict | None,
    ) -> None:
        self.fires = value
        self.leeway = leeway
        self.potential = potential
        self._margin = margin

    def differs(self, own: torch.Tensor) -> torch.Tensor:
        """Where another run decided another number."""
        return own != self.fires

    def distance(self, own: torch.Tensor) -> torch.Tensor:
        """How far apart the two numbers are."""
        return (own.to(torch.float64) - self.fires).abs()

    @property
    def margin(self) -> torch.Tensor | None:
        """What is compared less what it is compared with."""
        return None if self._margin is None else self._margin.value

    @property
    def bound(self) -> torch.Tensor | None:
        """The bound of the margin."""
        return None if self._margin is None else self._margin.error


class Fired(Choice):
    """What a neuron decides in exact arithmetic.

    Args:
        op: the op.
        node: the neuron.
        potential: its exact potential before the reset, with the bound.
        threshold: its threshold.
    """

    potential: Verdict

    def __init__(self, op: Neuron, node: Node, potential: Verdict, threshold: torch.Tensor) -> None:
        self.op = op
        self.potential = potential
        self.threshold = threshold
        u = potential.value
        self.fires = u > threshold if op.strict else u >= threshold

    @cached_property
    def margin(self) -> torch.Tensor:
        """Potential less threshold."""
        return self.potential.value - self.threshold

    @property
    def bound(self) -> torch.Tensor:
        """The bound of the potential."""
        return self.potential.error

    @cached_property
    def leeway(self) -> torch.Tensor:
        """1 where a correct float32 run may decide otherwise."""
        undecided = self.op.undecided(self.margin, self.potential.error, self.threshold)
        return undecided.to(torch.float64)


Decision = Mask | Counted | Fired


class Exact:
    """A graph evaluated on the discrete values of a run.

    Args:
        graph: a lowered graph.
        x: the input counts [T, *shape].
        forced: the discrete values of the run, by node.
        bounds: how far float32 may stray is wanted too, which takes most of the time; without, no
            value carries an error and nothing is undecided but exact ties.
        potentials: membrane potentials [T, *shape] by neuron, from each of which the run's next
            step went on, whatever they were before; default: from its own.
    """

    def __init__(
        self,
        graph: Graph,
        x: torch.Tensor,
        forced: Mapping[str, torch.Tensor],
        *,
        bounds: bool = True,
        potentials: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        self.graph = graph
        self.potentials = {n: u.to(torch.float64) for n, u in (potentials or {}).items()}
        self.forced = {name: value.to(torch.float64) for name, value in forced.items()}
        chosen = {node.name for node in discrete_nodes(graph)}
        wanted = [node.name for node in graph if node.name not in chosen]
        if bounds:
            self.values = reference.judge(graph, {"input": x}, forced, wanted)
            return
        found = reference.run(
            graph, {"input": x}, dtype=torch.float64, forced=forced, wanted=wanted
        )
        self.values = {name: Verdict(value, no_error(value)) for name, value in found.items()}

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """The decisions of every discrete node, by its name."""
        return {node.name: self._decision(node) for node in discrete_nodes(self.graph)}

    @cached_property
    def taken(self) -> dict[str, torch.Tensor]:
        """The value of every node as its readers saw it: of discrete ones the run's."""
        return {name: verdict.value for name, verdict in self.values.items()} | self.forced

    def _given(self, name: str) -> Verdict:
        if name in self.values:
            return self.values[name]
        return Verdict(self.forced[name], no_error(self.forced[name]))

    def _decision(self, node: Node) -> Decision:
        op = op_of(node)
        given = {name: self._given(name) for name in node.inputs}
        run = NodeRun.of(self.graph, node, {name: v.value for name, v in given.items()})
        errors = [given[name].error for name in node.inputs]
        if isinstance(op, Neuron):
            bounded = run.bounded(errors, self.forced[node.name])
            return _fired(op, bounded, self.potentials.get(node.name))
        if isinstance(op, Cell):
            return _counted(op, run.bounded(errors, self.forced[node.name]))
        taken = op.reference(run)
        return Mask(taken != 0, op.error(run.bounded(errors, taken)))


def keeps_potential(node: Node) -> bool:
    """Whether the C keeps a membrane potential of a node, which a run can observe."""
    return op_of(node).keeps_potential(node)


def _counted(op: Cell, run: BoundedRun) -> Counted:
    decided, leeway = op.decisions(run, run.output), op.error(run)
    potential, margins = op.potential(run), op.margins(run)
    margin = None
    if all(away is not None and bound is not None for away, bound in margins):
        shape = run.type.shape
        margin = Verdict(
            torch.stack([away.expand(shape) for away, _ in margins if away is not None]),
            torch.stack([bound.expand(shape) for _, bound in margins if bound is not None]),
        )
    return Counted(decided, leeway, None if potential is None else Verdict(*potential), margin)


def _from_held(
    op: Neuron, run: BoundedRun, held: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Potentials with their bounds, each from the potential and spikes held of the step before."""
    for step in range(run.steps):
        now = slice(step, step + 1)
        start = (held[step - 1], run.output[step - 1]) if step else None
        given = run.on([run.inputs[0][now]])
        yield from op.membrane(given, run.output[now], run.errors[0][now], start)


def _fired(op: Neuron, run: BoundedRun, held: torch.Tensor | None = None) -> Fired:
    values, errors = torch.empty_like(run.inputs[0]), torch.empty_like(run.inputs[0])
    steps = op.membrane(run, run.output, run.errors[0])
    if held is not None:
        steps = _from_held(op, run, held)
    for step, (u, error) in enumerate(steps):
        values[step], errors[step] = u, error
    errors = without_nan(errors)
    return Fired(op, run.node, Verdict(values, errors), op.threshold_of(run))
