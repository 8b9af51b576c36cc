"""When each buffer of a program is alive, on the line of positions that the memory plan uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from snnc.compiler.ir.graph import Graph
from snnc.compiler.ir.roles import Role
from snnc.compiler.plan.arena import Buffer
from snnc.compiler.plan.schedule import Schedule
from snnc.compiler.program import values
from snnc.compiler.program.program import Band, Program


class Line:
    """Positions of the nodes: for each stage its loop, node by node, then its once-part.

    The nodes of a band run interleaved, so they share a position.
    """

    def __init__(self, plan: Schedule, bands: Sequence[Mapping[str, Band]]) -> None:
        self.runs: dict[str, list[int]] = {}
        self.position: dict[tuple[str, int], int] = {}
        self.loop_of: dict[int, tuple[int, int]] = {}
        at = 0
        for index, stage in enumerate(plan.stages):
            first = at
            for node in stage.loop:
                band = bands[index].get(node.name)
                for member in band.nodes if band else (node,):
                    if (member.name, index) not in self.position:
                        self._place(member.name, index, at)
                at = self._end()
            self.loop_of[index] = (first, max(first, at - 1))
            for node in stage.once:
                self._place(node.name, index, at)
                at = self._end()
        self.end = at

    def _end(self) -> int:
        return 1 + max(self.position.values())

    def _place(self, name: str, stage: int, at: int) -> None:
        self.runs.setdefault(name, []).append(at)
        self.position[name, stage] = at

    def loop_around(self, position: int) -> tuple[int, int]:
        """The loop that a position lies in, or the position itself outside of loops."""
        for first, last in self.loop_of.values():
            if first <= position <= last:
                return first, last
        return position, position


def buffers(graph: Graph, plan: Schedule, program: Program) -> list[Buffer]:
    """The program's buffers with their lives.

    In a program that streams, everything in the loop may be needed at any later call, so it lives
    to the end.
    """
    line = Line(plan, program.bands)
    readers = {name: [user.name for user in users] for name, users in graph.users.items()}
    result = []
    for asked in program.buffers.values():
        first, last = _life(asked, line, readers, graph, plan)
        result.append(Buffer(asked.name, asked.role, asked.size, first, last))
    return result


def _life(
    asked: values.Buffer,
    line: Line,
    readers: Mapping[str, list[str]],
    graph: Graph,
    plan: Schedule,
) -> tuple[int, int]:
    own = line.position[asked.node, asked.stage]
    loop = line.loop_around(own)
    if plan.streams and asked.life != "node":
        return 0, line.end
    if graph[asked.node].plays(Role.INPUT):  # pushed first, and read until its last loop
        runs = [position for reader in readers[asked.node] for position in line.runs[reader]]
        return 0, max((line.loop_around(position)[1] for position in runs), default=own)
    if asked.life == "node":
        # a reduction's scratch is not shared with another node of the same loop
        return own, own
    crosses = asked.slots > 1 or not graph[asked.node].type.temporal
    first, last = (loop[0], own) if crosses or asked.life == "loop" else (own, own)
    if asked.life == "loop" or not graph[asked.node].type.temporal:
        last = loop[1]  # a reduction is written after the last step, whether it is read or not
    if asked.role == "states":
        return loop
    for reader in readers[asked.node]:
        for position in line.runs[reader]:
            if not crosses and not loop[0] <= position <= loop[1]:
                continue  # another stage's own copy of a recomputed value
            around = line.loop_around(position)
            last = max(last, position if around == loop and not crosses else around[1])
    if asked.node in graph.outputs:
        last = line.end
    return first, last
