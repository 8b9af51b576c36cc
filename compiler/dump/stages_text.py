"""Schedule, program and arena as text that a person reads."""

from __future__ import annotations

from collections.abc import Iterator

from snnc.compiler.codegen.statements import lines
from snnc.compiler.plan.arena import Plan
from snnc.compiler.plan.planned import Planned
from snnc.compiler.plan.schedule import Schedule
from snnc.compiler.program.program import Body, Program
from snnc.compiler.program.values import View

COLUMNS = 60
"""Width of the arena's picture over time."""


def schedule_text(schedule: Schedule) -> str:
    """The stages: what runs at every step, what runs once, what is kept for all steps."""
    return "\n".join(_schedule_lines(schedule)) + "\n"


def _schedule_lines(schedule: Schedule) -> Iterator[str]:
    yield "streams: step by step" if schedule.streams else "needs the whole window"
    for number, stage in enumerate(schedule.stages):
        yield f"stage {number}"
        yield f"  each step: {', '.join(node.name for node in stage.loop) or 'nothing'}"
        yield f"  then once: {', '.join(node.name for node in stage.once) or 'nothing'}"
    if schedule.batched:
        yield f"up to {schedule.batch} steps at once: {', '.join(sorted(schedule.batched))}"
    yield f"stored for all steps: {', '.join(sorted(schedule.stored)) or 'nothing'}"


def program_text(program: Program) -> str:
    """Every function with its views of buffers and its statements."""
    return "\n".join(_program_lines(program)) + "\n"


def _program_lines(program: Program) -> Iterator[str]:
    for number, stage in enumerate(program.stages):
        yield from _body(f"stage {number}, before its first step", stage.begin)
        for function in stage.steps:
            yield from _body(f"stage {number}, each step: {function.symbol}", function)
            if function.part:
                yield from _body(f"  a part of {function.symbol}", function.part)
            if function.batch:
                yield from _body(f"  {function.symbol} of several steps", function.batch)
        yield from _body(f"stage {number}, after its last step", stage.end)
        for function in stage.once:
            yield from _body(f"stage {number}, then once: {function.symbol}", function)


def _body(title: str, body: Body) -> Iterator[str]:
    if not body.statements:
        return
    yield title
    yield from (f"    {_view(view)}" for view in body.views())
    yield from (f"    {line}" for line in lines(body))
    yield ""


def _view(view: View) -> str:
    buffer, slot = view.buffer, view.slot
    slots = f" x {buffer.slots} slots" if buffer.slots > 1 else ""
    at = "" if slot.at == "first" and not slot.plus else f", at {slot.at} + {slot.plus}"
    return f"{view.name}: {buffer.c_type}[{buffer.elements}]{slots}, {buffer.role}{at}"


def arena_text(planned: Planned) -> str:
    """Where every buffer lies, and when it lives: a line a buffer, time from left to right."""
    return "\n".join(_arena_lines(planned.arena)) + "\n"


def _arena_lines(arena: Plan) -> Iterator[str]:
    yield f"arena of {arena.size:,} bytes (no plan needs less than {arena.lower_bound:,})"
    end = 1 + max((buffer.last for buffer in arena.buffers), default=0)
    for buffer in sorted(arena.buffers, key=lambda b: (arena.offsets[b.name], b.first)):
        first, last = (at * COLUMNS // end for at in (buffer.first, buffer.last + 1))
        life = f"{' ' * first}{'#' * max(1, last - first)}".ljust(COLUMNS)
        offset = arena.offsets[buffer.name]
        yield f"{offset:>12,} {buffer.size:>12,}  |{life}|  {buffer.name} ({buffer.role})"
