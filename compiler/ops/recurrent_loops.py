"""Recurrent connections as a whole: which nodes form a loop, and which loops have a meaning.

A connection is a ``feedback`` (read) and a ``feedback_write`` that share an ``edge``, like a
register in a synchronous circuit. A loop must run in one stage, a step at a time, and hold a
spiking neuron: there the judge takes the spikes that were really fired, which ends the
propagation of rounding from step to step.
"""

from __future__ import annotations

from collections import Counter

import networkx as nx

from snnc.compiler.ir.graph import Graph, Node, Time, fires
from snnc.compiler.ir.operation import EdgeRead, EdgeWrite
from snnc.compiler.ops.base import Op
from snnc.errors import UNSUPPORTED_LAYER, InternalError, SnncError


def loops(graph: Graph) -> list[list[Node]]:
    """The nodes of every loop, in the graph's order; loops that share a node are one."""
    if not graph.feedback:
        return []
    parts = nx.strongly_connected_components(graph.digraph(recurrent=True))
    return [[node for node in graph if node.name in part] for part in parts if len(part) > 1]


def check(graph: Graph) -> None:
    """Check the recurrent connections of a graph; composites count once they are lowered.

    Raises:
        InternalError: an edge without one reading and one writing end of one type, in this order.
        SnncError: UNSUPPORTED_LAYER for a loop without a spiking neuron, and for one with an
            operator that needs the whole window.
    """
    _check_ends(graph)
    for loop in loops(graph):
        if not any(fires(node) for node in loop):
            raise _refusal(
                loop[-1],
                "it closes a loop without a spiking neuron",
                "Let a recurrent connection start at a spiking neuron.",
            )
        for node in loop:
            if isinstance(node.op, Op) and node.op.time() in (Time.REDUCE, Time.SEQUENCE):
                raise _refusal(
                    node,
                    f"{node.op.name} needs all time steps, and lies in a recurrent connection, "
                    "which needs each step before the next",
                    "Put what looks at the whole window outside of the recurrent layer.",
                )


def _check_ends(graph: Graph) -> None:
    read = Counter(node.op.edge for node in graph if isinstance(node.op, EdgeRead))
    written = Counter(node.op.edge for node in graph if isinstance(node.op, EdgeWrite))
    if read != written or any(n > 1 for n in read.values()):
        ends = f"read {dict(read)}, written {dict(written)}"
        raise InternalError(f"the recurrent connections ({ends}) are not pairs", where=graph.name)
    order = [node.name for node in graph]
    for reader, write in graph.feedback.items():
        if order.index(reader) > order.index(write):
            raise InternalError(f"is read after {write} has written it", where=reader)
        if graph[reader].type != graph[write].type:
            raise InternalError(
                f"gives {graph[reader].type}, but takes {graph[write].type}", where=reader
            )


def _refusal(node: Node, what: str, hint: str) -> SnncError:
    return SnncError(UNSUPPORTED_LAYER, what, where=node.loc.module or node.name, hint=hint)
