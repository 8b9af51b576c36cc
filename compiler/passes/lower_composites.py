"""Split every composite (an attention module) into primitive ops."""

from __future__ import annotations

from collections.abc import Mapping

from snnc.compiler.ir.graph import Array, Graph, Node, rewrite
from snnc.compiler.ops.base import Composite
from snnc.compiler.ops.inference import infer_types
from snnc.compiler.ops.view import NodeView


def lower_composites(graph: Graph) -> Graph:
    """Replace each composite by the nodes of its ``lower``; the last keeps its name.

    A node that is called as a part of a composite makes room: it gets another name.
    """
    parts = {
        part.name
        for node in graph.nodes
        if isinstance(node.op, Composite)
        for part in node.op.lower(NodeView.of(graph, node)).nodes
        if part.name != node.name
    }
    graph = _renamed(graph, {name: _fresh(name, graph, parts) for name in parts & set(graph.index)})
    nodes: list[Node] = []
    params: dict[str, Array] = dict(graph.params)
    for node in graph.nodes:
        if not isinstance(node.op, Composite):
            nodes.append(node)
            continue
        lowered = node.op.lower(NodeView.of(graph, node))
        nodes += lowered.nodes
        params |= lowered.params
    used = {key for node in nodes for key in node.params.values()}
    params = {key: value for key, value in params.items() if key in used}
    return infer_types(graph.replace(nodes=tuple(nodes), params=params))


def _fresh(name: str, graph: Graph, parts: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in graph.index or f"{name}_{number}" in parts:
        number += 1
    return f"{name}_{number}"


def _renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with other names for some of its nodes, and for their parameters."""
    params: dict[str, Array] = dict(graph.params)

    def change(node: Node) -> Node:
        name = names.get(node.name)
        if name is None:
            return node
        params.update({f"{name}.{role}": value for role, value in graph.params_of(node).items()})
        return node.replace(name=name, params={role: f"{name}.{role}" for role in node.params})

    return rewrite(graph, change, params) if names else graph
