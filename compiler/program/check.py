"""Whether a program with its arena can be right, before any of it is text.

Every kernel exists and is given what its prototype declares; every buffer is written before it is
read, by calls, clears or events; it is only touched while it lives; buffers that live at the same
time lie apart, aligned, inside the arena; and nothing is cleared or shown beyond a buffer's end.
What it finds is a fault of the compiler, never of the user's model.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from snnc.compiler.plan.arena import ALIGNMENT, Plan
from snnc.compiler.program.kernels import COUNTERS, Signature, signatures
from snnc.compiler.program.program import (
    Body,
    Call,
    Clear,
    Fill,
    Program,
    RowLoop,
    Statement,
    Trace,
)
from snnc.compiler.program.values import View
from snnc.errors import InternalError

Access = tuple[View, bool]
"""A view, and whether it is written."""


def check(program: Program, arena: Plan) -> None:
    """Raise InternalError, with the kernel or buffer, where a program cannot be right."""
    _check_arena(arena)
    _check_lives(program, arena)
    _check_batches(program)
    lives = {buffer.name: (buffer.first, buffer.last) for buffer in arena.buffers}
    written = {name for name, buffer in program.buffers.items() if buffer.role == "input"}
    for position, body in _in_order(program):
        for statement in body.statements:
            for view, writes in _accesses(statement, program):
                name = view.buffer.name
                if name not in lives:
                    raise InternalError("no place in the arena", where=name)
                if not lives[name][0] <= position <= lives[name][1]:
                    raise InternalError(
                        f"touched at position {position}, and it lives from {lives[name][0]} to "
                        f"{lives[name][1]}",
                        where=name,
                    )
                if writes:
                    written.add(name)
                elif name not in written:
                    raise InternalError("read before anything writes it", where=name)


def _check_arena(arena: Plan) -> None:
    for buffer in arena.buffers:
        offset = arena.offsets[buffer.name]
        if offset % ALIGNMENT or offset < 0 or offset + buffer.size > arena.size:
            raise InternalError(
                f"{buffer.size} bytes at {offset} in an arena of {arena.size}", where=buffer.name
            )
    for one, other in combinations(arena.buffers, 2):
        first, second = sorted((one, other), key=lambda buffer: arena.offsets[buffer.name])
        end = arena.offsets[first.name] + first.size
        if one.meets(other) and end > arena.offsets[second.name]:
            raise InternalError(f"overlaps {second.name} while both live", where=first.name)


def _check_lives(program: Program, arena: Plan) -> None:
    """What goes on from step to step must live through the whole loop of its stage. A program of
    one stage may stop after any step, be asked for its outputs and go on, so there everything but
    working memory must live throughout."""
    lives = {buffer.name: (buffer.first, buffer.last) for buffer in arena.buffers}
    loops, end = _loops(program)
    for buffer in program.buffers.values():
        needed = loops[buffer.stage] if buffer.life == "loop" else None
        if len(loops) == 1 and buffer.life != "node":
            needed = (0, end)
        first, last = lives.get(buffer.name, (0, end))
        if needed and not (first <= needed[0] and needed[1] <= last):
            raise InternalError(
                f"lives from {first} to {last}, and is needed from {needed[0]} to {needed[1]}",
                where=buffer.name,
            )


def _check_batches(program: Program) -> None:
    """What a batch reads and writes must be there for all of its steps at once."""
    for function in (function for stage in program.stages for function in stage.steps):
        for view in function.batch.views() if function.batch else ():
            if view.slot.at != "step" or view.slot.ring or view.buffer.slots < program.batch:
                raise InternalError(
                    f"{view.buffer.slots} slots, and a batch takes {program.batch} steps at once",
                    where=view.buffer.name,
                )


def _loops(program: Program) -> tuple[list[tuple[int, int]], int]:
    """The first and last position of each stage's loop, and the last position of all."""
    loops, at = [], 0
    for stage in program.stages:
        loops.append((at, max(at, at + len(stage.steps) - 1)))
        at += len(stage.steps) + len(stage.once)
    return loops, at - 1


def _in_order(program: Program) -> Iterator[tuple[int, Body]]:
    """Bodies as they run, with their positions on the line of :mod:`snnc.compiler.plan.liveness`:
    what runs before and after a loop shares the position of its first and last function."""
    at = 0
    for stage in program.stages:
        yield at, stage.begin
        for further, function in enumerate(stage.steps):
            yield at + further, function.part or function
            yield at + further, function
            if function.batch is not None:
                yield at + further, function.batch
        at += len(stage.steps)
        yield max(at - 1, 0), stage.end
        for function in stage.once:
            yield at, function
            at += 1


def _accesses(statement: Statement, program: Program) -> Iterator[Access]:
    match statement:
        case Call():
            yield from _call_accesses(statement, program)
        case Clear(view, elements) | Fill(view, elements):
            if elements > view.buffer.elements * view.buffer.slots:
                raise InternalError(f"{elements} elements are set", where=view.buffer.name)
            yield view, True
        case Trace(_, view, size):
            if size > view.buffer.size:
                raise InternalError(f"{size} bytes are shown", where=view.buffer.name)
            yield view, False
        case RowLoop(body):
            for inner in body.statements:
                yield from _accesses(inner, program)


def _call_accesses(call: Call, program: Program) -> Iterator[Access]:
    """What a call reads, then what it writes."""
    signature = _signature_of(call, program)
    pairs = list(zip(signature, call.arguments, strict=True))
    for parameter, argument in pairs:
        if not parameter.takes(argument):
            raise InternalError(
                f"it declares {parameter} and is given {argument}", where=call.kernel
            )
    views = [(argument, p.writes) for p, argument in pairs if isinstance(argument, View)]
    yield from sorted(views, key=lambda access: access[1])


def _signature_of(call: Call, program: Program) -> Signature:
    """The parameters that a call fills, without its counters."""
    own = program.functions.get(call.kernel)
    known = signatures().get(call.kernel) if own is None else own.signature
    if known is None:
        raise InternalError("no header declares this kernel", where=call.kernel)
    counts = bool(known) and known[-1].c_type == COUNTERS
    if counts != (call.counter is not None):
        raise InternalError(f"counted: {not counts}; declared: {counts}", where=call.kernel)
    signature = known[:-1] if counts else known
    if len(signature) != len(call.arguments):
        raise InternalError(
            f"it takes {len(signature)} arguments and is given {len(call.arguments)}",
            where=call.kernel,
        )
    return signature
