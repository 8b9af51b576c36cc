"""Running error analysis of cells: how far a float32 run may stray, instruction by instruction.

Every value carries a bound on the distance of a float32 run's value from the exact one (of a bool:
whether a run may decide otherwise). The bound covers PyTorch's run and the C's, which execute the
same operations in the same order. After Higham, *Accuracy and Stability of Numerical Algorithms*,
3.1:

* +, -, x and / round once. Where the operands are exact and float32 holds the result, nothing
  is added: counters, and decisions on whole numbers, are known for sure.
* What is monotonic (rounding to whole numbers, min, max, clamp, exp ...) is evaluated at the ends
  of its operands' intervals. sqrt, exp, log, tanh, sigmoid, erf and pow add :data:`ULPS` units in
  the last place.
* A comparison may go either way where the difference lies within the bounds of both sides. A choice
  by such a comparison strays up to the other value.
* What may leave the range of float32, or the domain of a function, has no bound: infinity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch

from snnc.compiler.ops.cells.lazy import Split
from snnc.compiler.ops.cells.program import BOOL, COMPARISONS, Instruction
from snnc.compiler.ops.cells.running import Running, applied
from snnc.compiler.ops.rounding import SMALLEST, SMALLEST_NORMAL, UNIT

LARGEST = 3.4028234663852886e38
"""Largest float32."""

ULPS = {
    **{"sqrt": 1.0, "exp": 2.0, "log": 2.0, "tanh": 2.0, "erf": 2.0},
    **{"sigmoid": 4.0, "pow": 4.0},
}
"""No implementation in use is worse, in units in the last place. Ours are measured
(snn/elementwise/cell_math.h). PyTorch's are Sleef's ``_u10`` functions, documented at 1.0, or
MKL's VML in its high-accuracy mode, documented below 1.0: its sqrt is *not* correctly rounded.
PyTorch's sigmoid is 1 / (1 + exp(-x)): 1.0 and two roundings. pow includes what it computes instead
for some exponents: up to three roundings. tests/runtime_c/test_cell_math.py measures PyTorch's."""

_EXACT = ("neg", "abs", "round", "floor", "ceil", "trunc", "sign", "minimum", "maximum", "clamp")
_SLACK = 2.0**-50
"""Relative error of a sum in float64, many times over."""

_UNIT = UNIT * (1 + 2.0**-20)
"""A rounding in float32, and one in the float64 in which the exact values are computed."""


@dataclass(frozen=True)
class Bounded:
    """An exact value and the bound on a float32 run's distance from it; of a bool whether the run
    may decide otherwise."""

    value: torch.Tensor
    error: torch.Tensor


def bounded_running(
    cut: Split, params: Mapping[str, torch.Tensor], like: torch.Tensor
) -> Running[Bounded]:
    """The cell in float64 with bounds; its parameters are exact, and rounded before they are
    used."""

    def exact(value: float) -> Bounded:
        number = like.new_tensor(value)
        return rounded_once(number, torch.zeros_like(number))

    values = {
        role: Bounded(value, (value - value.to(torch.float32).to(value.dtype)).abs())
        for role, value in params.items()
    }
    meaning = applied(like)

    def apply(entry: Instruction, given: Sequence[Bounded]) -> Bounded:
        if entry.op == "constant":
            return exact(entry.constant)
        value = meaning(entry, [operand.value for operand in given])
        found = _rule(entry.op)(entry.op, value, given)
        return found if found.error.dtype == torch.bool else _finite(found)

    program = cut.program
    return Running(
        cut,
        apply,
        exact,
        {role: values[role] for role in program.params},
        {
            role: tuple(map(Bounded, values[role].value, values[role].error))
            for role in program.tables
        },
    )


def known(cut: Split, value: torch.Tensor) -> Bounded:
    """A decision that was really taken."""
    if cut.program.types[cut.decision] == BOOL:
        return Bounded(value != 0, torch.zeros_like(value, dtype=torch.bool))
    return Bounded(value, torch.zeros_like(value))


def rounded_once(value: torch.Tensor, error: torch.Tensor) -> Bounded:
    """One rounding of a value that carries an error; none where float32 holds an exact value."""
    size = value.abs() + error
    rounding = _UNIT * size + SMALLEST
    held = (error == 0) & (value == value.to(torch.float32).to(value.dtype))
    return Bounded(value, torch.where(held, torch.zeros_like(size), error + rounding))


def _finite(found: Bounded) -> Bounded:
    """No bound where a float32 run may overflow, or where there is no number at all."""
    lost = ~(found.value.abs() + found.error <= LARGEST)
    return Bounded(found.value, torch.where(lost, torch.inf, found.error))


_Rule = Callable[[str, torch.Tensor, Sequence[Bounded]], Bounded]


def _sum(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    return rounded_once(value, given[0].error + given[1].error)


def _product(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    a, b = given[0], given[-1]  # the square of one
    error = a.error * (b.value.abs() + b.error) + a.value.abs() * b.error
    return rounded_once(value, error)


def _quotient(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    b = given[-1]
    above = given[0].error if len(given) > 1 else torch.zeros_like(b.error)
    below = b.value.abs() - b.error
    error = (above + value.abs() * b.error) / below
    return rounded_once(value, torch.where(below > 0, error, torch.inf))


def _monotonic(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    """Bounds from the ends of the operands' intervals."""
    function = applied(value)
    reach = [_reach(entry) for entry in given]
    ends = [
        (entry.value - away, entry.value + away) for entry, away in zip(given, reach, strict=True)
    ]
    error = torch.zeros_like(value)
    for corner in product(*ends):
        error = torch.maximum(error, (function(Instruction("", op), corner) - value).abs())
    lost = sum(reach, torch.zeros_like(value)) == torch.inf  # a run may give no number at all
    error = torch.where(lost, torch.inf, error)
    if op in _EXACT:
        return Bounded(value, error)
    units = 2 * ULPS[op] * _UNIT
    error = error + units * (value.abs() + error) + ULPS[op] * SMALLEST
    # PyTorch's sigmoid is 0 where exp(-x) overflows, which is below the smallest normal.
    return Bounded(value, error + SMALLEST_NORMAL if op == "sigmoid" else error)


def _reach(given: Bounded) -> torch.Tensor:
    """How far from its exact value an operand may be, with the float64 rounding of the ends."""
    wider = given.error + _SLACK * given.value.abs()
    return torch.where(given.error == 0, given.error, wider)


def _power(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    """Between positive ends x^y is monotonic in both; elsewhere only exact operands are bounded."""
    base, exponent = given
    exact = (base.error == 0) & (exponent.error == 0)
    inside = exact | (base.value - base.error > 0)
    found = _monotonic(op, value, given)
    whole = (exponent.error == 0) & (exponent.value >= 1)
    whole = whole & (exponent.value == exponent.value.round())
    size = base.value.abs() + base.error
    steep = exponent.value.abs() * torch.pow(size, exponent.value - 1) * base.error
    steep = steep + 2 * ULPS[op] * _UNIT * (value.abs() + steep) + SMALLEST
    other = torch.where(whole, steep, torch.inf)
    return Bounded(value, torch.where(inside, found.error, other))


def _comparison(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    away, error = difference(*given)
    decided = {
        "ge": (away >= error) | (away < -error),
        "lt": (away >= error) | (away < -error),
        "gt": (away > error) | (away <= -error),
        "le": (away > error) | (away <= -error),
    }
    equal = ((away == 0) & (error == 0)) | (away.abs() > error)
    return Bounded(value, ~decided.get(op, equal))


def difference(a: Bounded, b: Bounded) -> tuple[torch.Tensor, torch.Tensor]:
    """What a comparison is decided by: a - b, and the bound of it."""
    error = a.error + b.error
    slack = _SLACK * (a.value.abs() + b.value.abs())
    return a.value - b.value, torch.where(error == 0, error, error + slack)


def _logic(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    """A value that decides alone makes the other's doubt harmless."""
    if op == "not":
        return Bounded(value, given[0].error)
    alone = op == "or"
    a, b = given
    sure_a, sure_b = (~x.error & (x.value == alone) for x in (a, b))
    return Bounded(value, (a.error & ~sure_b) | (b.error & ~sure_a))


def _choice(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    condition, yes, no = given
    chosen = torch.where(condition.value, yes.error, no.error)
    other = torch.where(condition.value, no.error, yes.error) + (yes.value - no.value).abs()
    return Bounded(value, torch.where(condition.error, torch.maximum(chosen, other), chosen))


def _number(op: str, value: torch.Tensor, given: Sequence[Bounded]) -> Bounded:
    return Bounded(value, given[0].error.to(value.dtype))


_RULES: Mapping[str, _Rule] = {
    "add": _sum,
    "sub": _sum,
    "mul": _product,
    "square": _product,
    "div": _quotient,
    "reciprocal": _quotient,
    "pow": _power,
    "where": _choice,
    "number": _number,
    **dict.fromkeys(("and", "or", "not"), _logic),
    **dict.fromkeys(COMPARISONS, _comparison),
}


def _rule(op: str) -> _Rule:
    return _RULES.get(op, _monotonic)
