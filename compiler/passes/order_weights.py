"""Give the int8 weights of a graph the order in memory that a core's kernels want."""

from __future__ import annotations

from snnc.compiler.ir.graph import Graph, Node
from snnc.compiler.ops import Conv2d, op_of
from snnc.compiler.ops.int8.synapses.rows import EIGHTS, FOURS, LISTED, OWN, PLAIN, IntegerSynapse
from snnc.compiler.ops.view import NodeView

FEWEST = 4
"""Output channels of a group below which padding to fours costs more than it gives."""


def order_weights(graph: Graph, order: str) -> Graph:
    """Order the weights of every layer whose kernels can use it, the others plainly; the values of
    the graph are the same.

    Args:
        graph: a quantized graph.
        order: "listed" for a host, "own" for any core, else "plain" or "fours", from the table of
            targets.
    """
    return graph.replace(nodes=tuple(_ordered(graph, node, order) for node in graph.nodes))


def _ordered(graph: Graph, node: Node, order: str) -> Node:
    op = op_of(node)
    if not isinstance(op, IntegerSynapse) or op.order == EIGHTS:  # int4 has no other
        return node
    channels = node.type.channels // (op.groups if isinstance(op, Conv2d) else 1)
    usable = {
        PLAIN: True,
        FOURS: channels >= FEWEST,
        OWN: channels >= FEWEST,
        LISTED: op.can_list(NodeView.of(graph, node)),
    }
    return node.with_op(order=order if usable[order] else PLAIN)
