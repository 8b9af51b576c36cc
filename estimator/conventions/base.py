"""What a counting convention is, and what its rule may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import torch

from snnc.compiler.ir.graph import Array, Graph, Node, TensorType
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import Mlp
from snnc.compiler.ops.view import NodeRun
from snnc.errors import NO_COUNT_RULE, SnncError
from snnc.estimator.activity import Values
from snnc.estimator.layers import Layer

COUNTERS = ("ac", "mac", "mul", "add", "cmp")
"""Accumulations of a weight, multiply-accumulates, other products, other sums, comparisons."""

BESIDE_SYNAPSES = (
    *(Role.INPUT, Role.WIRING, Role.SUM, Role.LOGIC, Role.ACTIVATION, Role.NORMALISATION),
    *(Role.NEURON, Role.POOL, Role.READOUT, Role.STATISTIC),
)
"""The roles of all ops but gates and what has weights to multiply by."""

Number = int | Fraction
StepCounts = Mapping[str, Sequence[Number]]
"""Counter → numbers per step ([T]), or [1] for work done once a window; one left out is zero."""

CountedOn = Enum("CountedOn", ["EXECUTED", "SPIKES", "SOURCE"])
"""What a convention looks at: the executed graph; the source graph with its inputs and spikes only
(nothing else is computed); the source graph with all its values."""


@dataclass(frozen=True)
class Visit:
    """One node on one sample, with its surroundings; ``runs`` is how often it is computed."""

    graph: Graph
    layer: Layer
    node: Node
    values: Values
    runs: int = 1

    @property
    def inputs(self) -> list[torch.Tensor]:
        """Values of the node's inputs."""
        return [self.values[name] for name in self.graph.sources(self.node)]

    @property
    def run(self) -> NodeRun:
        """The node as its op's facets take it."""
        return NodeRun.of(self.graph, self.node, self.values)

    @property
    def types(self) -> list[TensorType]:
        """Types of the node's inputs."""
        return self.graph.input_types(self.node)

    @property
    def params(self) -> dict[str, Array]:
        """The node's own parameters by role."""
        return self.graph.params_of(self.node)

    @property
    def steps(self) -> int:
        """How often the node's value is computed in a window."""
        return self.graph.time_steps if self.node.type.temporal else 1

    @property
    def in_attention(self) -> bool:
        """Whether the node belongs to an attention module."""
        return self.node.name in self.layer.attention

    def every_step(self, **numbers: Number) -> StepCounts:
        """The same numbers in each step of the node."""
        return {counter: [number] * self.steps for counter, number in numbers.items()}


Rule = Callable[[Visit], StepCounts]
Key = type[Operation] | Role


def perceptron_macs(visit: Visit) -> int:
    """Weights of the source's perceptron, each used once for each of its inputs."""
    matrices = [visit.params[role] for role in ("reduce", "expand")]
    if isinstance(visit.node.op, Mlp) and visit.node.op.one_matrix:
        return int(matrices[0].size) // 2  # it, and its negative
    return sum(int(matrix.size) for matrix in matrices)


@dataclass(frozen=True)
class Convention:
    """One way to count.

    Attributes:
        name: how it is chosen.
        title: what it is, in a few words.
        rule: the rule in a sentence or two.
        source: where the rule comes from.
        counted_on: what it looks at.
        charges_borders: whether taps that fall outside the image cost as if they did not.
        counts_follow_spikes: whether a layer that reads sums of spikes costs MACs in proportion
            to them, rather than at every position.
        count_inputs: how a layer is counted that reads small whole numbers: event counts of the
            network's input, or sums of spikes.
        differs: for each part of a layer, why its figure is not the executed one, beyond the
            folding of pools and the borders.
        rules: the rule for an op, by its class, or for all ops of a role; an op's own goes first,
            then that of the first of its roles that has one. There is no default.
    """

    name: str
    title: str
    rule: str
    source: str
    counted_on: CountedOn
    charges_borders: bool
    counts_follow_spikes: bool
    count_inputs: str
    differs: Mapping[str, str]
    rules: Mapping[Key, Rule]

    def rule_of(self, op: Operation | type[Operation]) -> Rule | None:
        """The rule for an op; None where the convention does not know it."""
        keys: tuple[Key, ...] = (op if isinstance(op, type) else type(op), *op.roles)
        return next((self.rules[key] for key in keys if key in self.rules), None)

    def count(self, visit: Visit) -> StepCounts:
        """Counts of one node on one sample.

        Raises:
            SnncError: NO_COUNT_RULE for an op without a rule: its cost is unknown, not zero.
        """
        rule = self.rule_of(visit.node.op)
        if rule is None:
            raise SnncError(
                NO_COUNT_RULE,
                f"the convention {self.name!r} has no rule for {visit.node.op.name!r}",
                where=visit.node.loc.module or visit.node.name,
            )
        return rule(visit)


def added(visit: Visit, counted: Iterable[tuple[str, Sequence[Number]]]) -> StepCounts:
    """Several (counter, numbers) of one node together: per step where the node runs at every step
    and all numbers are per step, else in one sum for the window."""
    counted = list(counted)
    steps = visit.graph.time_steps
    by_step = not visit.node.plays(Role.PERCEPTRON) and all(
        len(numbers) == steps for _, numbers in counted
    )
    sums: dict[str, list[Number]] = {}
    for counter, numbers in counted:
        more = list(numbers) if by_step else [sum(numbers)]
        so_far = sums.get(counter, [0] * len(more))
        sums[counter] = [a + b for a, b in zip(so_far, more, strict=True)]
    return sums


def nothing(visit: Visit) -> StepCounts:
    """The rule of an op that a convention knows and charges nothing for."""
    return {}


def free(*known: Key) -> dict[Key, Rule]:
    """Rules of ops, or of roles, that a convention charges nothing for; none is a default."""
    return dict.fromkeys(known, nothing)


def product_macs(visit: Visit) -> int:
    """Multiply-accumulates of one dense step of a product of two matrices of the network."""
    return visit.node.type.size * visit.types[0].shape[-1]


def dense_macs(visit: Visit) -> int:
    """Multiply-accumulates of one dense step of a convolution or linear layer, padding included:
    outputs times weights per output."""
    weight = visit.params["weight"]
    return visit.node.type.size * int(weight[0].size)
