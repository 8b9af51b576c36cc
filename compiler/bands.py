"""Which nodes of a loop run together row by row, so that no full map lies between them.

A convolution's sums are as large as its output, and attention reads them up to three times a
window. Where everything that reads them works on rows (rescaling, gates, statistics, neurons), the
nodes form a *band*: one loop over the rows of a map, with one row of each value between them.
"""

from __future__ import annotations

from snnc.compiler.emitter import Band
from snnc.compiler.ir import SPIKING_OPS, Graph, Node
from snnc.compiler.ops import op_of
from snnc.compiler.ops.base import Rows
from snnc.compiler.schedule import Schedule, Stage


def bands(graph: Graph, plan: Schedule) -> list[dict[str, Band]]:
    """For every stage, the band of each node that is in one, by name."""
    return [_bands_of(graph, plan, stage) for stage in plan.stages]


def _bands_of(graph: Graph, plan: Schedule, stage: Stage) -> dict[str, Band]:
    found: dict[str, Band] = {}
    for at, leader in enumerate(stage.loop):
        if op_of(leader).rows is not Rows.LEAD:
            continue
        ready = {node.name for node in stage.loop[:at]}
        made = {node.name for node in stage.loop}
        members = [leader]
        for node in stage.loop[at + 1 :]:
            names = {member.name for member in members}
            follows = op_of(node).rows in (Rows.MAP, Rows.REDUCE) and node.inputs[0] in names
            if follows and all(name in names | ready or name not in made for name in node.inputs):
                members.append(node)
        if len(members) > 1:
            band = _band(graph, plan, stage, members)
            found |= {node.name: band for node in members}
    return found


def _band(graph: Graph, plan: Schedule, stage: Stage, members: list[Node]) -> Band:
    names = {node.name for node in members}
    users = graph.users
    here = {node.name for node in (*stage.loop, *stage.once)}
    inner = {
        node.name
        for node in members
        if op_of(node).rows in (Rows.LEAD, Rows.MAP)
        and node.name not in plan.stored
        and node.name not in graph.outputs
        and node.op not in SPIKING_OPS
        and all(user.name in names for user in users[node.name] if user.name in here)
    }
    return Band(tuple(members), frozenset(inner), members[0].type.shape[1])
