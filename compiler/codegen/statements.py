"""Statements of a program as lines of C."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from snnc.compiler.plan.arena import Plan
from snnc.compiler.program.constants import hex_float
from snnc.compiler.program.program import Body, Call, Clear, Fill, RowLoop, Split, Statement, Trace
from snnc.compiler.program.values import (
    Argument,
    ConstantRef,
    Name,
    Real,
    ShapeRef,
    Slot,
    View,
)

WIDTH = 96
"""Columns of a line before it is indented."""


def lines(body: Body) -> Iterator[str]:
    """The lines of a body's statements, not indented."""
    for statement in body.statements:
        yield from _lines(statement)


def _lines(statement: Statement) -> Iterator[str]:
    match statement:
        case Call(kernel, arguments, counter):
            counters = [] if counter is None else [f"COUNTERS({counter})"]
            text = f"{kernel}({', '.join([*map(expression, arguments), *counters])});"
            yield from textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
        case Clear(view, elements):
            yield f"memset({view.name}, 0, {elements} * sizeof(*{view.name}));"
        case Fill(view, elements, value):
            yield f"for (size_t i = 0; i < {elements}; i++) {{"
            yield f"    {view.name}[i] = {hex_float(value)};"
            yield "}"
        case Trace(entry, view, size):
            shown = f"(size_t)steps * {size}" if statement.batch else size
            yield f"TRACE({entry}, {_offset(statement)}, {expression(view)}, {shown});"
        case RowLoop():
            yield from _row_loop(statement)
        case Split(symbol, threads):
            yield f"snn_split(net->team, {symbol}_part, net, {threads});"


def _offset(trace: Trace) -> str:
    step = f"(size_t)t * {trace.step_size}" if trace.step_size else "0"
    return f"{step} + (size_t)row * {trace.row_size}" if trace.row_size else step


def _row_loop(loop: RowLoop) -> Iterator[str]:
    step = "row++" if loop.step == 1 else f"row += {loop.step}"
    if loop.threads == 1:
        yield f"for (int row = 0; row < {loop.height}; {step}) {{"
    else:
        rows = loop.step * -(-loop.height // (loop.step * loop.threads))
        yield f"const int end = snn_min_int((part + 1) * {rows}, {loop.height});"
        yield f"for (int row = part * {rows}; row < end; {step}) {{"
    yield from (f"    {line}" for line in lines(loop.body))
    yield "}"


def expression(argument: Argument) -> str:
    """An argument of a call."""
    match argument:
        case View(name, _, _, elements):
            return f"({name} + (size_t)row * {elements})" if elements else name
        case ConstantRef(constant, c_type):
            cast = "" if c_type == constant.c_type else f"(const {c_type} *)"
            return f"{cast}{constant.expression}"
        case ShapeRef(shape):
            return f"&{shape.symbol}"
        case Name(text):
            return text
        case Real(value):
            return hex_float(value)
        case int():
            return str(argument)


def declaration(view: View, arena: Plan) -> str:
    """The declaration of a local pointer into the arena."""
    buffer, slot = view.buffer, _slot(view.slot)
    further = f" + (size_t){slot} * {buffer.elements}" if slot else ""
    place = f"snn_at(net->arena, {arena.offsets[buffer.name]})"
    return f"{buffer.c_type} *const {view.name} = ({buffer.c_type} *){place}{further};"


def _slot(slot: Slot) -> str:
    if slot.at == "first":
        return str(slot.plus) if slot.plus else ""
    if slot.at == "part":
        return "part"
    if slot.ring:
        return f"(t % {slot.ring})"
    return f"(t + {slot.plus})" if slot.plus else "t"
