"""Split every composite (an attention module) into primitive ops."""

from __future__ import annotations

from snnc.compiler.ir import Array, Graph, Node
from snnc.compiler.ops import COMPOSITES
from snnc.compiler.typing import infer_types


def lower_composites(graph: Graph) -> Graph:
    """Replace each composite by the nodes of its ``lower``; the last keeps its name."""
    nodes: list[Node] = []
    params: dict[str, Array] = dict(graph.params)
    for node in graph.nodes:
        if node.op not in COMPOSITES:
            nodes.append(node)
            continue
        lowered = COMPOSITES[node.op].lower(node, graph.params_of(node))
        nodes += lowered.nodes
        params |= lowered.params
    used = {key for node in nodes for key in node.params.values()}
    params = {key: value for key, value in params.items() if key in used}
    return infer_types(graph.replace(nodes=tuple(nodes), params=params))
