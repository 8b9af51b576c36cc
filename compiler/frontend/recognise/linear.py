"""Whether a recurrence is the linear one of :mod:`snnc.compiler.ops.neurons.neuron`.

Exact algebra decides. The potential U that is compared with the threshold is written as a
polynomial over U and the spikes S of the step before and the inputs of this step. The coefficients
say which reset it is::

    beta U + drift - beta U S + (reset - drift) S + gain X      hard
    beta U + drift - reset S                      + gain X      soft
    beta U + drift                                + gain X      none
    hard, and the input is lost too: - gain X S                 clear

What the first step does must be the same recurrence from some initial potential.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.recognise.algebra import NotPolynomialError, exact, polynomial_of
from snnc.compiler.frontend.recognise.firing import Firing
from snnc.compiler.frontend.recognise.polynomials import (
    SPIKE,
    Coefficient,
    Polynomial,
    is_zero,
)
from snnc.compiler.frontend.reroll.body import Body, Operand, Value
from snnc.compiler.frontend.reroll.steps import STATIC, Ref

POTENTIAL = "U"
aten = torch.ops.aten
_PASSING = (aten._to_copy.default,)


@dataclass(frozen=True, eq=False)
class Source:
    """An input of the recurrence: item ``item`` of a value, at the same step."""

    value: Value
    item: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and (self.value, self.item) == (other.value, other.item)

    def __hash__(self) -> int:
        return hash((id(self.value), self.item))

    def __repr__(self) -> str:
        return f"X{id(self.value)}.{self.item}"


@dataclass(frozen=True)
class Linear:
    """The constants of a neuron or integrator, exact.

    Attributes:
        inputs: what drives it, with the gain of each.
        difference: whether the leak is computed as a difference of larger terms.
        mode: hard, soft, none or clear.
    """

    beta: Coefficient
    drift: Coefficient
    inputs: Mapping[Source, Coefficient]
    mode: str
    reset: Coefficient
    initial: Coefficient
    difference: bool


class Recurrence:
    """A candidate: the potential, the values that belong to the recurrence, its spikes.

    Args:
        body: the loop's body.
        potential: U.
        inside: values of the recurrence (U among them).
        fires: the comparisons of U.
        samples: N of the trace.
    """

    def __init__(
        self,
        body: Body,
        potential: Value,
        inside: Iterable[Value],
        fires: Mapping[Value, Firing],
        samples: int,
    ) -> None:
        self.body = body
        self.potential = potential
        self.inside = set(inside)
        self.fires = fires
        self.shape = potential.call.shape
        self.samples = samples
        self._before: dict[Value, Polynomial] = {}

    def linear(self) -> Linear:
        """The constants. Raises NotPolynomialError, with why it is none."""
        later = self._of(self.potential, 0)
        for value, polynomial in self._before.items():
            self._check_first(value, polynomial)
        return self._classified(later, self._first())

    # the polynomial of U, from the second step on ------------------------------------------

    def _read(self, operand: Operand, shift: int) -> Polynomial:
        if operand.of is None:
            constant = operand.constant
            if constant is None:
                raise NotPolynomialError("a constant differs from step to step")
            return self._constant(constant)
        back = shift + operand.delay
        if operand.of in self.inside or operand.of in self.fires:
            return self._of(operand.of, back)
        if back:
            raise NotPolynomialError("an input of the step before is read")
        return Polynomial.variable(Source(operand.of, operand.item))

    def _of(self, value: Value, back: int) -> Polynomial:
        if back > 1:
            raise NotPolynomialError("it reads further back than one step")
        if back == 1:
            if value is self.potential:
                return Polynomial.variable(POTENTIAL)
            if value in self._before:
                return self._before[value]
        if value in self.fires:
            if back == 0:
                raise NotPolynomialError("the spike acts in its own step")
            found = _spike(self.fires[value])
        else:
            found = self._expanded(value, back)
        if back == 1 and value not in self.fires:
            self._before[value] = found
        return found

    def _expanded(self, value: Value, back: int) -> Polynomial:
        arguments = dict(value.call.arguments)
        for name, operand in value.operands.items():
            arguments[name] = self._read(operand, back)
        return _applied(value.call.op, arguments)

    def _constant(self, ref: Ref) -> Polynomial:
        return Polynomial.constant(exact(self.body.graph.value(ref), self.shape, self.samples))

    # the first step -------------------------------------------------------------------------

    def _first(self) -> Polynomial:
        return self._at_first(self.potential, {})

    def _check_first(self, value: Value, expected: Polynomial) -> None:
        """What later steps read of the first must follow from its U and S as it does later."""
        known = {fire: _spike(firing) for fire, firing in self.fires.items()}
        if any(fire.first is not None for fire in known):
            raise NotPolynomialError("its first step compares something else")
        known[self.potential] = Polynomial.variable(POTENTIAL)
        if not self._at_first(value, known).equals(expected):
            raise NotPolynomialError("its first step is another recurrence")

    def _at_first(self, value: Value, known: Mapping[Value, Polynomial]) -> Polynomial:
        """A value at step 0 as a polynomial over inputs and what is ``known``."""
        if value in known:
            return known[value]
        if value not in self.inside and value not in self.fires:
            return Polynomial.variable(Source(value))
        if value.first is not None:
            return self._raw(value.first, known)
        arguments = dict(value.call.arguments)
        for name, operand in value.operands.items():
            start = operand.static.get(0)
            if start is not None:
                arguments[name] = self._constant(start)
            elif operand.of is None or operand.delay:
                raise NotPolynomialError("its first step reads nothing")
            elif operand.of in self.inside or operand.of in self.fires:
                arguments[name] = self._at_first(operand.of, known)
            else:
                arguments[name] = Polynomial.variable(Source(operand.of, operand.item))
        return _applied(value.call.op, arguments)

    def _raw(self, ref: Ref, known: Mapping[Value, Polynomial]) -> Polynomial:
        """A call of the first step that later steps do not make."""
        call = self.body.graph[ref]
        if call.step == STATIC:
            return self._constant(ref)
        value = self.body.value_of(ref)
        if value is not None and value not in self.inside and value not in self.fires:
            return Polynomial.variable(Source(value, ref.item))
        if value is not None:
            return self._at_first(value, known)
        arguments: dict[str, Any] = dict(call.arguments)
        for name, argument in arguments.items():
            if isinstance(argument, Ref):
                arguments[name] = self._raw(argument, known)
        return _applied(call.op, arguments)

    # which recurrence it is -------------------------------------------------------------------

    def _classified(self, later: Polynomial, first: Polynomial) -> Linear:
        u, s = (POTENTIAL,), (SPIKE,)
        beta, drift, fired = later[u], later[()], later[s]
        kept = later[_both(POTENTIAL)]
        gains = {m[0]: later[m] for m in later.terms if _is_input(m) and not is_zero(later[m])}
        lost = {source: later[_both(source)] for source in gains}
        allowed = {u, (), s, _both(POTENTIAL)} | {(source,) for source in gains}
        allowed |= {_both(source) for source in gains}
        if later.monomials - allowed:
            raise NotPolynomialError("it holds products of values")
        self._check_inputs(first, gains)
        if not gains:
            raise NotPolynomialError("nothing drives it")
        mode, reset = _mode(beta, drift, kept, fired, gains, lost)
        return Linear(
            beta,
            drift,
            gains,  # type: ignore[arg-type]
            mode,
            reset,
            _initial(beta, drift, first[()]),
            bool(np.any(later.size(u) > abs(beta))),
        )

    def _check_inputs(self, first: Polynomial, gains: Mapping[Any, Coefficient]) -> None:
        if first.monomials - {()} - {(source,) for source in gains}:
            raise NotPolynomialError("its first step reads something else")
        if any(not is_zero(first[(source,)] - gain) for source, gain in gains.items()):
            raise NotPolynomialError("its first step has another gain")


def _applied(op: Any, arguments: Mapping[str, Any]) -> Polynomial:
    if op in _PASSING:
        return arguments["self"]  # type: ignore[no-any-return]
    return polynomial_of(op, arguments)


def _spike(firing: Firing) -> Polynomial:
    spike = Polynomial.variable(SPIKE)
    return Polynomial.constant(Fraction(1)) - spike if firing.negated else spike


def _both(name: Any) -> tuple[Any, ...]:
    """The monomial of a variable and the spike."""
    return tuple(sorted((name, SPIKE), key=repr))


def _is_input(monomial: tuple[Any, ...]) -> bool:
    return len(monomial) == 1 and isinstance(monomial[0], Source)


def _mode(
    beta: Coefficient,
    drift: Coefficient,
    kept: Coefficient,
    fired: Coefficient,
    gains: Mapping[Any, Coefficient],
    lost: Mapping[Any, Coefficient],
) -> tuple[str, Coefficient]:
    """The reset and its value."""
    loses = [not is_zero(value) for value in lost.values()]
    if any(loses):
        all_lost = all(is_zero(lost[source] + gain) for source, gain in gains.items())
        if all_lost and is_zero(kept + beta):
            return "clear", fired + drift
        raise NotPolynomialError("a spike changes what an input adds")
    if is_zero(kept):
        return ("none", Fraction(0)) if is_zero(fired) else ("soft", -fired)
    if is_zero(kept + beta):
        return "hard", fired + drift
    raise NotPolynomialError("a spike changes its leak")


def _initial(beta: Coefficient, drift: Coefficient, first: Coefficient) -> Coefficient:
    """The potential before the first step from which the first step follows."""
    if is_zero(first - drift):
        return Fraction(0)
    if bool(np.any(beta == 0)):
        raise NotPolynomialError("its first step starts somewhere else")
    return (first - drift) / beta
