"""ATen's elementwise operations on polynomials."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.recognise.polynomials import SPIKE, Coefficient, Polynomial

aten = torch.ops.aten

Argument = Any
"""A Polynomial, a number, or a setting."""


class NotPolynomialError(Exception):
    """The operation is no polynomial of its arguments; says why."""


def exact(value: torch.Tensor, shape: tuple[int, ...], samples: int) -> Coefficient:
    """A tensor of the model as an exact coefficient over the features of a step.

    Args:
        value: broadcasts over a step's tensor.
        shape: of that tensor, [N, ...] or [N*k, ...].
        samples: N; all samples must have the same numbers.

    Raises:
        NotPolynomialError: for numbers that are not finite, or differ between samples.
    """
    dense = value.detach().to(torch.float64)
    if not bool(torch.isfinite(dense).all()):
        raise NotPolynomialError("a constant is not finite")
    if dense.numel() and bool((dense == dense.reshape(-1)[0]).all()):
        return Fraction(float(dense.reshape(-1)[0]))
    if dense.ndim == len(shape):
        if dense.shape[0] > samples:
            dense = dense.reshape(samples, -1, *dense.shape[1:])
        if not bool((dense == dense[:1]).all()):
            raise NotPolynomialError("a constant differs between samples")
        dense = dense[0]
    return np.vectorize(Fraction, otypes=[object])(dense.numpy())


def polynomial_of(op: Any, arguments: Mapping[str, Argument]) -> Polynomial:
    """What an operation gives. Raises NotPolynomialError."""
    rule = _RULES.get(op)
    if rule is None:
        raise NotPolynomialError(f"{str(op).removeprefix('aten.')} is no polynomial")
    return rule(arguments)


def _value(argument: Argument) -> Polynomial:
    if isinstance(argument, Polynomial):
        return argument
    if isinstance(argument, bool | int | float) and np.isfinite(argument):
        return Polynomial.constant(Fraction(argument))
    raise NotPolynomialError("a constant is not finite")


def _number(argument: Argument) -> Coefficient:
    value = _value(argument)
    if value.monomials - {()}:
        raise NotPolynomialError("it divides by a value of the network")
    return value[()]


def _add(a: Mapping[str, Argument]) -> Polynomial:
    return _value(a["self"]) + _value(a["other"]).scaled(Fraction(a["alpha"]))


def _subtract(a: Mapping[str, Argument]) -> Polynomial:
    return _value(a["self"]) - _value(a["other"]).scaled(Fraction(a["alpha"]))


def _subtract_from(a: Mapping[str, Argument]) -> Polynomial:
    return _value(a["other"]) - _value(a["self"]).scaled(Fraction(a["alpha"]))


def _multiply(a: Mapping[str, Argument]) -> Polynomial:
    return _value(a["self"]) * _value(a["other"])


def _divide(a: Mapping[str, Argument]) -> Polynomial:
    divisor = _number(a["other"])
    if bool(np.any(divisor == 0)):
        raise NotPolynomialError("it divides by 0")
    return _value(a["self"]).scaled(1 / divisor)


def _negate(a: Mapping[str, Argument]) -> Polynomial:
    return _value(a["self"]).scaled(Fraction(-1))


def _where(a: Mapping[str, Argument]) -> Polynomial:
    condition, yes, no = (_value(a[name]) for name in ("condition", "self", "other"))
    return condition * yes + (Polynomial.constant(Fraction(1)) - condition) * no


def _masked_fill(a: Mapping[str, Argument]) -> Polynomial:
    return _where({"condition": a["mask"], "self": a["value"], "other": a["self"]})


def _not(a: Mapping[str, Argument]) -> Polynomial:
    return Polynomial.constant(Fraction(1)) - _value(a["self"])


def _lerp(a: Mapping[str, Argument]) -> Polynomial:
    start, end, weight = (_value(a[name]) for name in ("self", "end", "weight"))
    return start + weight * (end - start)


def _same(a: Mapping[str, Argument]) -> Polynomial:
    return _value(a["self"])


def _compared(holds: Callable[[Any, Any], Any]) -> Callable[[Mapping[str, Argument]], Polynomial]:
    """A comparison of the spike with a number: what it is without a spike and with one."""

    def rule(a: Mapping[str, Argument]) -> Polynomial:
        value, other = _value(a["self"]), _number(a["other"])
        if value.monomials - {(), (SPIKE,)} or any(np.ndim(c) for c in (value[()], other)):
            raise NotPolynomialError("it compares something else than spikes")
        silent, fired = (
            Fraction(bool(holds(value[()] + spike * value[(SPIKE,)], other))) for spike in (0, 1)
        )
        change = Polynomial.variable(SPIKE).scaled(fired - silent)
        return Polynomial.constant(silent) + change

    return rule


_RULES: dict[Any, Callable[[Mapping[str, Argument]], Polynomial]] = {
    aten.add.Tensor: _add,
    aten.add.Scalar: _add,
    aten.sub.Tensor: _subtract,
    aten.sub.Scalar: _subtract,
    aten.rsub.Scalar: _subtract_from,
    aten.rsub.Tensor: _subtract_from,
    aten.mul.Tensor: _multiply,
    aten.mul.Scalar: _multiply,
    aten.div.Tensor: _divide,
    aten.div.Scalar: _divide,
    aten.neg.default: _negate,
    aten.where.self: _where,
    aten.where.ScalarSelf: _where,
    aten.where.ScalarOther: _where,
    aten.masked_fill.Scalar: _masked_fill,
    aten.masked_fill.Tensor: _masked_fill,
    aten.logical_not.default: _not,
    aten.lerp.Scalar: _lerp,
    aten.lerp.Tensor: _lerp,
    aten.gt.Scalar: _compared(operator.gt),
    aten.ge.Scalar: _compared(operator.ge),
    aten.lt.Scalar: _compared(operator.lt),
    aten.le.Scalar: _compared(operator.le),
    aten.ne.Scalar: _compared(operator.ne),
    aten.eq.Scalar: _compared(operator.eq),
}
