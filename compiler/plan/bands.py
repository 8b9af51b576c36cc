"""Which nodes of a loop run together row by row, so that no full map lies between them.

A convolution's sums are as large as its output, and attention reads them up to three times a
window. Where everything that reads them works on rows (rescaling, gates, statistics, neurons), the
nodes form a *band*: one loop over the rows of a map, with one row of each value between them. Sums
that are stored for a later stage begin a band there: gate and neuron.
"""

from __future__ import annotations

from snnc.compiler.ir.graph import Graph, Node, TensorType, fires
from snnc.compiler.ir.layout import step_bytes
from snnc.compiler.ops import op_of
from snnc.compiler.ops.base import Rows
from snnc.compiler.ops.view import NodeView
from snnc.compiler.plan.schedule import Schedule, Stage
from snnc.compiler.program.program import Band

CACHE_BYTES = 131072
"""A band's rows on a host: they fit a second-level cache with their potentials and the weights."""


def bands(graph: Graph, plan: Schedule, threads: int = 1) -> list[dict[str, Band]]:
    """For every stage, the band of each node that is in one, by name.

    Where ``threads`` share the rows, a convolution alone is a band too, and no band reduces: parts
    may not write the same value.
    """
    return [_bands_of(graph, plan, stage, threads) for stage in plan.stages]


def _bands_of(graph: Graph, plan: Schedule, stage: Stage, threads: int) -> dict[str, Band]:
    found: dict[str, Band] = {}
    kinds = (Rows.MAP, Rows.REDUCE) if threads == 1 else (Rows.MAP,)
    for at, leader in enumerate(stage.loop):
        leads = _rows_of(graph, leader) in (Rows.LEAD, Rows.MAP) and len(leader.type.shape) == 3
        if leader.name in found or not leads:
            continue
        ready = {node.name for node in stage.loop[:at]}
        made = {node.name for node in stage.loop}
        members = [leader]
        for node in stage.loop[at + 1 :]:
            names = {member.name for member in members}
            follows = _rows_of(graph, node) in kinds and node.inputs[0] in names
            if follows and all(name in names | ready or name not in made for name in node.inputs):
                members.append(node)
        alone_is_worth_it = threads > 1 and _rows_of(graph, leader) is Rows.LEAD
        if len(members) > 1 or alone_is_worth_it:
            band = _band(graph, plan, stage, members, threads)
            found |= {node.name: band for node in members}
    return found


def _band(graph: Graph, plan: Schedule, stage: Stage, members: list[Node], threads: int) -> Band:
    names = {node.name for node in members}
    users = graph.users
    here = {node.name for node in (*stage.loop, *stage.once)}
    inner = {
        node.name
        for node in members
        if _rows_of(graph, node) in (Rows.LEAD, Rows.MAP)
        and node.name not in plan.stored
        and node.name not in graph.outputs
        and not fires(node)
        and all(user.name in names for user in users[node.name] if user.name in here)
    }
    given = members[0].type
    return Band(tuple(members), frozenset(inner), given.shape[1], turn(given, threads))


def turn(given: TensorType, threads: int) -> int:
    """How many rows of a map a band takes at a time.

    Integers one: microcontrollers have no cache to fill. Floats as many as CACHE_BYTES hold and
    leave rows for every thread, of those numbers that divide the height.
    """
    height = given.shape[1]
    if given.dtype:
        return 1
    most = min(CACHE_BYTES * height // step_bytes(given), -(-height // threads))
    return max(rows for rows in range(1, height + 1) if height % rows == 0 and rows <= max(1, most))


def _rows_of(graph: Graph, node: Node) -> Rows:
    return op_of(node).rows_of(NodeView.of(graph, node))
