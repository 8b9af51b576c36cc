"""Exact values of a graph on given spikes and masks, with the bound of float32 for each.

One pass of the judge gives every value that is no decision; potentials and decisions follow from
those (a decision ends the propagation of errors, so they need no pass of their own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from snnc.compiler.ir.graph import Graph, Node
from snnc.compiler.ops import op_of
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.ops.rounding import no_error
from snnc.compiler.verify import reference
from snnc.compiler.verify.pytorch import discrete_nodes
from snnc.compiler.verify.reference import Verdict


@dataclass
class Mask:
    """What a node that is no neuron decides in exact arithmetic.

    Attributes:
        fires: the decision [T, *shape].
        undecided: where a correct float32 run may decide otherwise.
    """

    fires: torch.Tensor
    undecided: torch.Tensor
    potential: None = None
    margin: None = None


class Fired:
    """What a neuron decides in exact arithmetic.

    Args:
        op: the op.
        node: the neuron.
        potential: its exact potential before the reset, with the bound.
        threshold: its threshold.
    """

    def __init__(self, op: Neuron, node: Node, potential: Verdict, threshold: torch.Tensor) -> None:
        self.op = op
        self.potential = potential
        self.threshold = threshold
        u = potential.value
        self.fires = u > threshold if node.attrs["strict"] else u >= threshold

    @cached_property
    def margin(self) -> torch.Tensor:
        """Potential less threshold."""
        return self.potential.value - self.threshold

    @cached_property
    def undecided(self) -> torch.Tensor:
        """Where a correct float32 run may decide otherwise."""
        return self.op.undecided(self.margin, self.potential.error, self.threshold)


Decision = Mask | Fired


class Exact:
    """A graph evaluated on the discrete values of a run.

    Args:
        graph: a lowered graph.
        x: the input counts [T, *shape].
        forced: the discrete values of the run, by node.
        bounds: how far float32 may stray is wanted too, which takes most of the time; without, no
            value carries an error and nothing is undecided but exact ties.
    """

    def __init__(
        self,
        graph: Graph,
        x: torch.Tensor,
        forced: Mapping[str, torch.Tensor],
        *,
        bounds: bool = True,
    ) -> None:
        self.graph = graph
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
        given = [self._given(name) for name in node.inputs]
        params = {role: torch.from_numpy(v) for role, v in self.graph.params_of(node).items()}
        if isinstance(op, Neuron):
            return _fired(op, node, params, given[0], self.forced[node.name])
        values, errors = [v.value for v in given], [v.error for v in given]
        taken = op.reference(node, params, values)
        return Mask(taken != 0, op.error(node, params, values, errors, taken) != 0)


def _fired(
    op: Neuron,
    node: Node,
    params: Mapping[str, torch.Tensor],
    current: Verdict,
    fired: torch.Tensor,
) -> Fired:
    values, errors = torch.empty_like(current.value), torch.empty_like(current.value)
    for step, (u, error) in enumerate(
        op.membrane(node, params, current.value, fired, current.error)
    ):
        values[step], errors[step] = u, error
    threshold = op.threshold(node, params, current.value)
    return Fired(op, node, Verdict(values, errors), threshold)
