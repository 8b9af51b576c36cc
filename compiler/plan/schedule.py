"""Cut a graph into stages: one loop over the time steps each, then work done once.

A value needed by an op that wants all time steps (or the result of a reduction) can only be used
after the loop that makes it, so the graph is cut there and nowhere else. A value that crosses a cut
is *stored* for all steps, or *recomputed* in the later loop from what is stored. A graph with one
stage can stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from snnc.compiler.ir.graph import Graph, Node, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.errors import InternalError


@dataclass(frozen=True)
class Stage:
    """Nodes run for every time step, and nodes run once after the last step, both in order."""

    loop: tuple[Node, ...]
    once: tuple[Node, ...]


@dataclass(frozen=True)
class Schedule:
    """The stages, and the values kept for all time steps.

    ``batched``: nodes that work on up to ``batch`` steps at once where a whole window is run
    (:mod:`snnc.compiler.plan.batches`).
    """

    stages: tuple[Stage, ...]
    stored: frozenset[str]
    batched: frozenset[str] = frozenset()
    batch: int = 1

    @property
    def runs(self) -> Counter[str]:
        """Node → in how many stages it runs; more than one where its value is recomputed."""
        return Counter(node.name for stage in self.stages for node in (*stage.loop, *stage.once))

    @property
    def streams(self) -> bool:
        """Whether step t can be computed as soon as its events are in."""
        return len(self.stages) == 1


def in_loop(graph: Graph, node: Node) -> bool:
    """Whether a node runs once a step rather than once a window."""
    if not node.inputs:  # the input, and what a recurrent connection brings
        return True
    if op_of(node).time() is Time.SEQUENCE:
        return False
    return any(given.temporal for given in graph.input_types(node))


def schedule(graph: Graph, recompute: Iterable[str] = ()) -> Schedule:
    """Place every node in the earliest possible stage.

    Args:
        graph: a lowered graph.
        recompute: names of values to compute again rather than store; only STEP ops can be.

    Raises:
        InternalError: a node named in ``recompute`` is not a STEP op.
    """
    again = set(recompute)
    for name in sorted(again):
        if op_of(graph[name]).time() is not Time.STEP or graph[name].plays(Role.INPUT):
            raise InternalError("only a STEP op can be recomputed", where=name)
    stage = _earliest(graph)
    loops, once = _place(graph, stage, again)
    count = 1 + max(stage.values())
    stages = tuple(
        Stage(
            tuple(node for node in graph.nodes if node.name in loops[index]),
            tuple(node for node in graph.nodes if node.name in once[index]),
        )
        for index in range(count)
    )
    return Schedule(stages, _stored(graph, stages))


def _earliest(graph: Graph) -> dict[str, int]:
    """The first stage that each node can run in; both ends of a recurrent connection in the same,
    and so what lies between them (feedback.check refuses what would cut a loop)."""
    reads = dict.fromkeys(graph.feedback, 0)
    while True:
        stage = _earliest_with(graph, reads)
        wanted = {read: stage[write] for read, write in graph.feedback.items()}
        if wanted == reads:
            return stage
        reads = wanted


def _earliest_with(graph: Graph, reads: Mapping[str, int]) -> dict[str, int]:
    """The same with the stages of the recurrent connections' reading ends given."""
    stage: dict[str, int] = {}
    looped = {node.name: in_loop(graph, node) for node in graph.nodes}
    for node in graph.nodes:
        earliest = reads.get(node.name, 0)
        for name in node.inputs:
            source = graph.index[name]
            after_loop = not looped[name] or op_of(source).time() is Time.REDUCE
            wait = 1 if looped[node.name] and after_loop else 0
            earliest = max(earliest, stage[name] + wait)
        stage[node.name] = earliest
    return stage


def _place(
    graph: Graph, stage: Mapping[str, int], again: set[str]
) -> tuple[dict[int, set[str]], dict[int, set[str]]]:
    """Names in the loop and in the once-part of each stage, with recomputed nodes repeated."""
    index = graph.index
    count = 1 + max(stage.values())
    loops: dict[int, set[str]] = {i: set() for i in range(count)}
    once: dict[int, set[str]] = {i: set() for i in range(count)}
    for node in graph.nodes:
        (loops if in_loop(graph, node) else once)[stage[node.name]].add(node.name)

    def require(name: str, at: int) -> None:
        """Make sure that a recomputed value is made in the loop of stage ``at``."""
        if name in again and name not in loops[at]:
            loops[at].add(name)
            for source in index[name].inputs:
                require(source, at)

    for at in range(count):
        for name in sorted(loops[at]):
            for source in index[name].inputs:
                require(source, at)
    return loops, once


def _stored(graph: Graph, stages: tuple[Stage, ...]) -> frozenset[str]:
    """Temporal values read in a loop that does not make them, or read as a whole."""
    stored: set[str] = set()
    for stage in stages:
        made = {node.name for node in stage.loop}
        for node in stage.loop:
            stored |= {name for name in node.inputs if name not in made}
        for node in stage.once:
            stored |= set(node.inputs)
            stored |= {node.name}
    temporal = {node.name for node in graph.nodes if node.type.temporal}
    inputs = {node.name for node in graph.nodes if node.plays(Role.INPUT)}
    outputs = set(graph.outputs)
    return frozenset((stored | inputs | outputs) & temporal)
