"""What a counting convention is, and what its rule may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import torch

from snnc.compiler.ir import Array, Graph, Node, TensorType
from snnc.errors import NO_COUNT_RULE, SnncError
from snnc.estimator.activity import Values
from snnc.estimator.layers import Layer

COUNTERS = ("ac", "mac", "mul", "add", "cmp")
"""Accumulations of a weight, multiply-accumulates, other products, other sums, comparisons."""

Number = int | Fraction
StepCounts = Mapping[str, Sequence[Number]]
"""Counter → numbers per step ([T]), or [1] for work done once a window; one left out is zero."""

Footing = Enum("Footing", ["EXECUTED", "SPIKES", "SOURCE"])
"""What a convention looks at: the executed graph; the source graph with its inputs and spikes only
(nothing else is computed); the source graph with all its values."""


@dataclass(frozen=True)
class Visit:
    """One node on one sample, with its surroundings."""

    graph: Graph
    layer: Layer
    node: Node
    values: Values

    @property
    def inputs(self) -> list[torch.Tensor]:
        """Values of the node's inputs."""
        return [self.values[name] for name in self.node.inputs]

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


@dataclass(frozen=True)
class Convention:
    """One way to count.

    Attributes:
        name: how it is chosen.
        title: what it is, in a few words.
        rule: the rule in a sentence or two.
        source: where the rule comes from.
        footing: what it looks at.
        count: the rule itself.
    """

    name: str
    title: str
    rule: str
    source: str
    footing: Footing
    count: Rule


def by_op(convention: str, rules: Mapping[str, Rule]) -> Rule:
    """A rule that looks up the op; an op without an entry is an error, never zero.

    Raises (when used):
        SnncError: NO_COUNT_RULE.
    """

    def count(visit: Visit) -> StepCounts:
        rule = rules.get(visit.node.op)
        if rule is None:
            raise no_rule(convention, visit.node)
        return rule(visit)

    return count


def no_rule(convention: str, node: Node) -> SnncError:
    """The error for an op that a convention does not know."""
    return SnncError(
        NO_COUNT_RULE,
        f"the convention {convention!r} has no rule for {node.op!r}",
        where=node.loc.module or node.name,
    )


def nothing(visit: Visit) -> StepCounts:
    """The rule of an op that a convention knows and charges nothing for."""
    return {}


def dense_macs(visit: Visit) -> int:
    """Multiply-accumulates of one dense step of a convolution or linear layer, padding included:
    outputs times weights per output."""
    weight = visit.params["weight"]
    return visit.node.type.size * int(weight[0].size)
