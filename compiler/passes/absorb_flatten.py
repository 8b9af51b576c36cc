"""Let linear layers read the tensor before a flatten: their weights are laid out for it."""

from __future__ import annotations

from snnc.compiler.ir.graph import Graph, Node, prune
from snnc.compiler.ops import Flatten, Linear


def absorb_flatten(graph: Graph) -> Graph:
    """Point every linear layer past a flatten; a flatten that nobody reads disappears."""
    index = graph.index

    def change(node: Node) -> Node:
        if not isinstance(node.op, Linear):
            return node
        source = index[node.inputs[0]]
        while isinstance(source.op, Flatten):
            source = index[source.inputs[0]]
        return node.replace(inputs=(source.name,))

    return prune(graph.replace(nodes=tuple(change(node) for node in graph.nodes)))
