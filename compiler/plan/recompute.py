"""What to store and what to compute again, so that a program fits a memory.

A value that a later stage reads is stored for all steps unless it is recomputed there from spikes.
Storing is faster, recomputing smaller: the largest stored values go first, until the arena fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from snnc.compiler.ir.graph import Graph, Kind, Time
from snnc.compiler.ir.layout import step_bytes
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.plan import arena
from snnc.compiler.plan.planned import Planned, planned
from snnc.compiler.plan.schedule import Schedule, schedule
from snnc.errors import OVER_BUDGET, SnncError


@dataclass(frozen=True)
class Choice:
    """A schedule in which some values are recomputed, and the arena it needs (bytes)."""

    recomputed: frozenset[str]
    planned: Planned

    @property
    def schedule(self) -> Schedule:
        """The schedule."""
        return self.planned.schedule

    @property
    def arena(self) -> arena.Plan:
        """Where its buffers lie."""
        return self.planned.arena

    @property
    def executions(self) -> int:
        """How often a recomputed node runs beyond once a step, summed over nodes."""
        runs = self.schedule.runs
        return runs.total() - len(runs)


def choices(graph: Graph, threads: int = 1) -> list[Choice]:
    """From storing everything to recomputing all that can be, each smaller than the one before."""
    recomputed: frozenset[str] = frozenset()
    found = [chosen(graph, recomputed, threads)]
    for name in _largest_first(graph, found[0].schedule):
        recomputed |= _with_sources(graph, name)
        choice = chosen(graph, recomputed, threads)
        if choice.arena.size < found[-1].arena.size:
            found.append(choice)
    return found


def fitting(
    graph: Graph, arena_bytes: int | None, threads: int = 1, batch: int = 1
) -> tuple[Choice, tuple[Choice, ...]]:
    """The choice that recomputes least of those that fit, and all there were to choose from.

    Without a limit everything is stored, and there is no choice. Only then layers work on
    ``batch`` steps at once, which takes memory.

    Raises:
        SnncError: OVER_BUDGET with the numbers, the largest buffers, and what would help.
    """
    if arena_bytes is None:
        return chosen(graph, frozenset(), threads, batch), ()
    every = tuple(choices(graph, threads))
    for choice in every:
        if choice.arena.size <= arena_bytes:
            return choice, every
    raise _over_budget(graph, every[-1], arena_bytes)


def chosen(graph: Graph, recomputed: frozenset[str], threads: int = 1, batch: int = 1) -> Choice:
    """The plan that recomputes just these values."""
    return Choice(recomputed, planned(graph, schedule(graph, recomputed), threads, batch))


def _largest_first(graph: Graph, plan: Schedule) -> list[str]:
    """Stored values that a later loop could compute again."""
    names = [name for name in plan.stored if _can_recompute(graph, name)]
    return sorted(names, key=lambda name: (-step_bytes(graph[name].type), name))


def _can_recompute(graph: Graph, name: str) -> bool:
    node = graph[name]
    step = not node.plays(Role.INPUT) and op_of(node).time() is Time.STEP
    return step and node.type.kind is Kind.REAL and name not in graph.outputs


def _with_sources(graph: Graph, name: str) -> frozenset[str]:
    """The value and the reals that it is made of, up to spikes or what a whole window gave."""
    flow = graph.digraph()
    kept = [node.name for node in graph.nodes if not _can_recompute(graph, node.name)]
    flow.remove_nodes_from(kept)
    return frozenset({name, *nx.ancestors(flow, name)})


def _over_budget(graph: Graph, least: Choice, limit: int) -> SnncError:
    plan = least.arena
    largest = sorted(plan.buffers, key=lambda buffer: -buffer.size)[:4]
    parts = ", ".join(f"{buffer.name.split('@')[0]} {buffer.size:,}" for buffer in largest)
    return SnncError(
        OVER_BUDGET,
        f"the arena needs {plan.size:,} bytes even where all that can be is recomputed (the least "
        f"of any plan: {plan.lower_bound:,}), and {limit:,} are left for it; the largest buffers: "
        f"{parts}",
        where=graph.name,
        hint=" ".join(_what_helps(graph, least)),
    )


def _what_helps(graph: Graph, least: Choice) -> Iterator[str]:
    """Sentences about what would make the arena smaller, with bytes where they are known."""
    asked, given = least.arena.by_role(), graph["input"]
    if graph.held.frames is None and asked["input"] > step_bytes(given.type):
        frames = f"the {graph.time_steps} frames of the input are {asked['input']:,} bytes"
        if least.schedule.streams:
            yield f"--max-frames 1 would hold {step_bytes(given.type):,}: {frames}."
        else:
            yield f"--max-events N would hold 2 or 4 bytes an event: {frames}."
    if not graph[graph.outputs[0]].type.dtype:
        yield "--dtype int8 would help."
    if stored := asked.get("stored", 0):
        yield f"Half the time steps would save about {stored // 2:,} of {stored:,} stored bytes."
    yield "Fewer channels or a smaller input (--downsample in training) would help."
