"""Give the int8 weights of a graph the order in memory that a core's kernels want."""

from __future__ import annotations

from snnc.compiler.ir import Graph, Node
from snnc.compiler.ops.int8.rows import FOURS, PLAIN

SYNAPSES = ("conv2d_i8", "linear_i8")
FEWEST = 4
"""Output channels of a group below which padding to fours costs more than it gives."""


def order_weights(graph: Graph, order: str) -> Graph:
    """Order every row that is long enough; the values of the graph are the same.

    Args:
        graph: a quantized graph.
        order: "plain" or "fours", from the table of targets.
    """
    return graph.replace(nodes=tuple(_ordered(node, order) for node in graph.nodes))


def _ordered(node: Node, order: str) -> Node:
    if node.op not in SYNAPSES:
        return node
    channels = node.type.channels // node.attrs.get("groups", 1)
    long_enough = order != FOURS or channels >= FEWEST
    return node.with_attrs(order=order if long_enough else PLAIN)
