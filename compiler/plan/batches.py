"""Which nodes of a loop may work on several steps at once, where a whole window is run.

A linear layer loads its weights from a far cache at every step. Given the spikes of many steps it
loads each row once. Its loop then falls into segments: the nodes before it run step by step through
the batch, it takes all these steps at once, and what follows goes step by step again. Every value
that passes from one segment to another is stored for all steps. A stream still runs step by step:
the same functions, in the order of the loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from snnc.compiler.ir.graph import Graph
from snnc.compiler.ops import op_of
from snnc.compiler.ops.view import NodeView
from snnc.compiler.plan.bands import bands
from snnc.compiler.plan.schedule import Schedule, Stage

MOST_STEPS = 64
"""Most steps of a batch: sums of more would not stay in a second-level cache."""


def with_batches(graph: Graph, plan: Schedule, most: int) -> Schedule:
    """The same schedule with batches of up to ``most`` steps, where there is something to batch.

    Where events wait for their steps, in frames of fewer steps than the window or packed, there is
    none: such a network keeps little.
    """
    steps = min(most, graph.time_steps)
    if steps == 1 or (graph.held.frames or graph.time_steps) < graph.time_steps:
        return plan
    fused = bands(graph, plan)
    places = [_places(stage, band) for stage, band in zip(plan.stages, fused, strict=True)]
    found = {index: _batched(graph, at) for index, at in enumerate(places)}
    stored = {
        name
        for index, at in enumerate(places)
        for name in _crossing(graph, at, {at[node] for node in found[index]})
    }
    batched = frozenset(name for names in found.values() for name in names)
    return dataclasses.replace(
        plan, stored=plan.stored | stored, batched=batched, batch=steps if batched else 1
    )


def _places(stage: Stage, fused: Mapping[str, object]) -> dict[str, int]:
    """Where each node of a loop runs: its own place in the order, or that of its band's first."""
    places: dict[str, int] = {}
    firsts: dict[int, int] = {}
    for at, node in enumerate(stage.loop):
        band = fused.get(node.name)
        places[node.name] = at if band is None else firsts.setdefault(id(band), at)
    return places


def _batched(graph: Graph, places: Mapping[str, int]) -> frozenset[str]:
    """The nodes that can, but for those inside a recurrent loop, which needs each step's result
    before the next step."""
    loops = [
        sorted((places[read], places[write]))
        for read, write in graph.feedback.items()
        if read in places
    ]
    return frozenset(
        name
        for name, at in places.items()
        if op_of(graph[name]).batches(NodeView.of(graph, graph[name]))
        and not any(first <= at <= last for first, last in loops)
    )


def _crossing(graph: Graph, places: Mapping[str, int], batches: set[int]) -> Iterator[str]:
    """Values that are read in another segment than they are made in, and those of all steps of a
    batch, whoever reads them."""

    def segment(name: str) -> tuple[int, bool]:
        at = places[name]
        return sum(batch < at for batch in batches), at in batches

    for name in places:
        users = [user.name for user in graph.users[name] if user.name in places]
        passed_on = any(segment(user) != segment(name) for user in users)
        if graph[name].type.temporal and (passed_on or places[name] in batches):
            yield name
