"""The layers of a compiled network, as Python shows them."""

from __future__ import annotations

from dataclasses import dataclass

from snnc.compiler.ir.graph import Graph


@dataclass(frozen=True)
class Layer:
    """One node of the compiled network.

    Attributes:
        name: of the node.
        op: its operator.
        module: path of the module that it comes from.
        shape: of its value in one step (or of its only value).
        kind: spike, count or real (see docs/architecture.md).
        temporal: whether it has a value for each step.
    """

    name: str
    op: str
    module: str
    shape: tuple[int, ...]
    kind: str
    temporal: bool


def layers_of(graph: Graph) -> tuple[Layer, ...]:
    """The nodes of the network that the C computes, in order."""
    return tuple(
        Layer(
            node.name,
            node.op.name,
            node.loc.module,
            tuple(node.type.shape),
            node.type.kind.value,
            node.type.temporal,
        )
        for node in graph.nodes
    )
