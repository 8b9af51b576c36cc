"""What the output of a cell can be, by analysis of its program: SPIKE, COUNT or REAL.

Every value has a range: the least and the largest that it can be, and whether it is always whole. A
comparison is 0 or 1, rounding makes whole, a clamp bounds, and whole numbers stay whole under sums,
products and choices (also where float32 rounds them: all floats above 2^24 are whole). A whole
output between 0 and 1 is SPIKE, one between 0 and 65,535 COUNT. Nobody looks at data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product

from snnc.compiler.ir.graph import Kind
from snnc.compiler.ops.cells.program import BOOL, OPERATIONS, Instruction, Program, State

LARGEST_COUNT = 2**16 - 1
"""Largest number that the C stores of a COUNT."""


@dataclass(frozen=True)
class Range:
    """A value between ``low`` and ``high``, whole or not."""

    low: float
    high: float
    whole: bool


ANY = Range(-math.inf, math.inf, False)

_GIVEN = {
    Kind.SPIKE: Range(0.0, 1.0, True),
    Kind.COUNT: Range(0.0, float(LARGEST_COUNT), True),
    Kind.REAL: ANY,
}


def kind_of(program: Program, inputs: Sequence[Kind]) -> Kind:
    """Kind of a well-formed program's output, from the kinds of its inputs."""
    found = output_range(program, inputs)
    if not found.whole or found.low < 0:
        return Kind.REAL
    if found.high <= 1:
        return Kind.SPIKE
    return Kind.COUNT if found.high <= LARGEST_COUNT else Kind.REAL


def output_range(program: Program, inputs: Sequence[Kind]) -> Range:
    """What a well-formed program's output can be, from the kinds of its inputs.

    A state is what it begins with, or what it was set to: that is found by going through steps
    until nothing changes. One that goes on changing can be anything.
    """
    given = dict(zip(program.inputs, (_GIVEN[kind] for kind in inputs), strict=True))
    states = {state.name: _initial(state) for state in program.states}
    for turn in count():
        ranges = {**given, **states}
        for entry in program.body:
            ranges[entry.name] = _after(entry, [ranges.get(name, ANY) for name in entry.args])
        wider = {s.name: _joined(states[s.name], ranges.get(s.next, ANY)) for s in program.states}
        if wider == states:
            return ranges.get(program.output, ANY)
        forever = turn >= _TURNS
        states = {n: ANY if forever and r != states[n] else r for n, r in wider.items()}
    raise AssertionError("every state that changes becomes ANY, which does not change")


_TURNS = 3
"""Steps that are gone through before a state that still changes can be anything."""


def _initial(state: State) -> Range:
    if isinstance(state.initial, str):
        return ANY
    return Range(state.initial, state.initial, float(state.initial).is_integer())


def _joined(a: Range, b: Range) -> Range:
    return Range(min(a.low, b.low), max(a.high, b.high), a.whole and b.whole)


def _after(entry: Instruction, given: list[Range]) -> Range:
    if entry.op == "constant":
        return Range(entry.constant, entry.constant, entry.constant.is_integer())
    if OPERATIONS[entry.op].gives == BOOL:
        return Range(0.0, 1.0, True)
    rule = _RULES.get(entry.op)
    return ANY if rule is None else rule(*given)


def _corners(function: Callable[..., float]) -> Callable[..., Range]:
    """The rule of a function that is monotonic in each argument and keeps whole numbers whole."""

    def rule(*given: Range) -> Range:
        corners = [function(*at) for at in product(*((entry.low, entry.high) for entry in given))]
        known = not any(math.isnan(value) for value in corners)
        low, high = (min(corners), max(corners)) if known else (-math.inf, math.inf)
        return Range(low, high, all(entry.whole for entry in given))

    return rule


def _whole(function: Callable[[float], float]) -> Callable[[Range], Range]:
    """The rule of a rounding."""

    def rule(given: Range) -> Range:
        low, high = (
            value if math.isinf(value) else float(function(value))
            for value in (given.low, given.high)
        )
        return Range(low, high, True)

    return rule


def _absolute(given: Range) -> Range:
    high = max(abs(given.low), abs(given.high))
    low = 0.0 if given.low <= 0 <= given.high else min(abs(given.low), abs(given.high))
    return Range(low, high, given.whole)


def _square(given: Range) -> Range:
    size = _absolute(given)
    return Range(size.low**2, size.high**2, given.whole)


def _either(_condition: Range, yes: Range, no: Range) -> Range:
    return Range(min(yes.low, no.low), max(yes.high, no.high), yes.whole and no.whole)


def _within(low: float, high: float) -> Callable[[Range], Range]:
    return lambda _given: Range(low, high, False)


_RULES: Mapping[str, Callable[..., Range]] = {
    "add": _corners(lambda a, b: a + b),
    "sub": _corners(lambda a, b: a - b),
    "mul": _corners(lambda a, b: a * b),
    "neg": _corners(lambda a: -a),
    "minimum": _corners(min),
    "maximum": _corners(max),
    "clamp": _corners(lambda x, low, high: min(max(x, low), high)),
    "abs": _absolute,
    "square": _square,
    "sign": lambda given: Range(-1.0, 1.0, True),
    "round": _whole(round),
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "trunc": _whole(math.trunc),
    "where": _either,
    "number": lambda given: given,
    "sigmoid": _within(0.0, 1.0),
    "tanh": _within(-1.0, 1.0),
    "erf": _within(-1.0, 1.0),
}
