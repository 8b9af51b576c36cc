"""What an op's facets are given: one view of a node, with what is known where the facet is asked.

Before anything runs that is a :class:`NodeView`; on a sample a :class:`NodeRun`; where float32
strays from it, a :class:`BoundedRun`. Tensors belong to one sample and have time as first axis:
``[T, *shape]`` for a temporal value, ``[1, *shape]`` for one of the whole window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from snnc.compiler.ir.graph import Array, Graph, Node, TensorType

Params = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class _OfNode:
    """The node, and the types of its inputs in order."""

    node: Node
    types: Sequence[TensorType]

    @property
    def type(self) -> TensorType:
        """Type of the node's own value."""
        return self.node.type


@dataclass(frozen=True)
class NodeView(_OfNode):
    """A node before it runs; ``params`` are its parameters by role, float64 arrays."""

    params: Mapping[str, Array]

    @classmethod
    def of(cls, graph: Graph, node: Node) -> NodeView:
        """A node of a graph."""
        return cls(node, graph.input_types(node), graph.params_of(node))


@dataclass(frozen=True)
class NodeRun(_OfNode):
    """A node on a sample.

    Attributes:
        params: its parameters by role, in the dtype of the arithmetic.
        inputs: values of its inputs, in order.
        memory: what the op keeps from step to step where it runs a step at a time, empty at first.
    """

    params: Params
    inputs: Sequence[torch.Tensor]
    memory: dict[str, Any] = field(default_factory=dict, kw_only=True)

    @classmethod
    def of(
        cls,
        graph: Graph,
        node: Node,
        values: Mapping[str, torch.Tensor],
        params: Params | None = None,
    ) -> NodeRun:
        """A node of a graph.

        Args:
            graph: the graph.
            node: the node.
            values: values of what it reads, by node name.
            params: the graph's parameters by key; default: as the graph holds them.
        """
        return cls(
            node,
            graph.input_types(node),
            params_of(graph, node, params),
            [values[name] for name in graph.sources(node)],
        )

    @property
    def steps(self) -> int:
        """How many steps its first input has: 1 for a value of the whole window."""
        return len(self.inputs[0])

    def on(self, inputs: Sequence[torch.Tensor], params: Params | None = None) -> NodeRun:
        """The same node on other inputs and, where given, with other parameters."""
        return NodeRun(self.node, self.types, self.params if params is None else params, inputs)

    def to(self, dtype: torch.dtype) -> NodeRun:
        """The same node with its parameters in another dtype."""
        params = {role: value.to(dtype) for role, value in self.params.items()}
        return replace(self, params=params)

    def at(self, step: Sequence[torch.Tensor]) -> NodeRun:
        """The same node at one step, [1, *shape], which goes on from the memory of the last."""
        return NodeRun(self.node, self.types, self.params, step, memory=self.memory)

    def bounded(self, errors: Sequence[torch.Tensor], output: torch.Tensor) -> BoundedRun:
        """The same with bounds on its inputs' errors and the output that was taken."""
        return BoundedRun(self.node, self.types, self.params, self.inputs, errors, output)


@dataclass(frozen=True)
class BoundedRun(NodeRun):
    """A node on a sample in exact arithmetic (float64), beside a run in float32.

    Attributes:
        errors: bounds on the errors of its inputs in the float32 run.
        output: the exact output; of a discrete one (spikes, masks) what the run really took, from
            which the op's state goes on.
    """

    errors: Sequence[torch.Tensor]
    output: torch.Tensor


def params_of(graph: Graph, node: Node, params: Params | None = None) -> Params:
    """A node's parameters by role: those of ``params`` (by key), or as the graph holds them."""
    if params is None:
        return {role: torch.from_numpy(value) for role, value in graph.params_of(node).items()}
    return {role: params[key] for role, key in node.params.items()}
