"""A program with the arena that its buffers lie in."""

from __future__ import annotations

from dataclasses import dataclass

from snnc.compiler.ir.graph import Graph
from snnc.compiler.plan import arena, liveness
from snnc.compiler.plan.batches import with_batches
from snnc.compiler.plan.schedule import Schedule
from snnc.compiler.program.lowering import lower
from snnc.compiler.program.program import Program


@dataclass(frozen=True)
class Planned:
    """A schedule, the program that it gives, and where the program's buffers lie."""

    schedule: Schedule
    program: Program
    arena: arena.Plan


def planned(graph: Graph, schedule: Schedule, threads: int = 1, batch: int = 1) -> Planned:
    """The program of a scheduled graph, its buffers placed.

    Args:
        graph: an optimised graph.
        schedule: its schedule.
        threads: parts that the rows of each convolution are split into.
        batch: most steps that a layer works on at once where a whole window is run.
    """
    schedule = with_batches(graph, schedule, batch)
    program = lower(graph, schedule, threads)
    return Planned(schedule, program, arena.plan(liveness.buffers(graph, schedule, program)))
