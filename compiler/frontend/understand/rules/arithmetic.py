"""Rules of sums, products and other operations number by number."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.fx.constants import exact_constant, spread
from snnc.compiler.frontend.understand.body_values import (
    Argument,
    Lowered,
    Operation,
    Rule,
    understood,
)
from snnc.compiler.frontend.understand.rules.wiring import broadcast
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops import Add, Affine, Relu, Sigmoid, SpikeLogic, TimeMean, TimeSum

aten = torch.ops.aten


def constant(o: Operation, value: Argument) -> Array:
    """A number or tensor of the model over the features of a step.

    Raises:
        SnncError: UNSUPPORTED_LAYER where samples would get different numbers; BAD_WEIGHTS for
            numbers that are not finite.
    """
    if isinstance(value, complex):
        raise o.refused("a complex number")
    if not isinstance(value, torch.Tensor):  # rounded by PyTorch before it is used
        value = torch.tensor(float(value))
    if not bool(torch.isfinite(value).all()):
        raise o.refused("a constant is not finite in float32")
    axis = value.ndim - len(o.call.shape) + o.batch
    if axis >= 0:
        if o.folded and value.shape[axis] > 1:
            value = value.unflatten(axis, (o.g.samples, -1))
        if not bool((value == value.narrow(axis, 0, 1)).all()):
            raise o.refused("samples of a batch get different constants")
        value = value.select(axis, 0)
    array = exact_constant(value, str(o.call.source))
    return np.asarray(array.flat[0]) if array.size and (array == array.flat[0]).all() else array


def affine(o: Operation, value: Lowered, scale: Any, shift: Any) -> Lowered:
    """scale x + shift."""
    name = o.shaped(broadcast(o, value))
    shape = o.g.type_of(name).shape
    params = {"scale": spread(scale, shape), "shift": spread(shift, shape)}
    if bool((params["scale"] == 1).all()) and not params["shift"].any():
        return Lowered(name, o.shape, o.folded, o.batch)
    return o.add(Affine(), [name], params)


def _sum(o: Operation, first: Argument, second: Argument, sign: float) -> Lowered:
    if isinstance(first, Lowered) and isinstance(second, Lowered):
        first, second = broadcast(o, first), broadcast(o, second)
        if sign != 1:
            second = affine(o, second, sign, 0.0)
        return o.add(Add(), [o.shaped(first), o.shaped(second)])
    if isinstance(first, Lowered):
        return affine(o, first, 1.0, sign * constant(o, second))
    if sign == -1 and o.is_spike(second) and (constant(o, first) == 1).all():
        return o.add(SpikeLogic(function="not"), [o.shaped(second)])
    return affine(o, second, sign, constant(o, first))


@understood(aten.add.Tensor, aten.add.Scalar, arguments="self other alpha", by_number=True)
def add(o: Operation) -> Lowered:
    """a + alpha b."""
    return _sum(o, o["self"], o["other"], float(o["alpha"]))


@understood(aten.sub.Tensor, aten.sub.Scalar, arguments="self other alpha", by_number=True)
def subtract(o: Operation) -> Lowered:
    """a - alpha b."""
    return _sum(o, o["self"], o["other"], -float(o["alpha"]))


@understood(aten.rsub.Tensor, aten.rsub.Scalar, arguments="self other alpha", by_number=True)
def subtract_from(o: Operation) -> Lowered:
    """b - alpha a."""
    return _sum(o, o["other"], o["self"], -float(o["alpha"]))


@understood(aten.mul.Tensor, aten.mul.Scalar, arguments="self other", by_number=True)
def multiply(o: Operation) -> Lowered:
    """a b, of spikes or with a constant."""
    first, second = o["self"], o["other"]
    if isinstance(first, Lowered) and isinstance(second, Lowered):
        if o.is_spike(first) and o.is_spike(second):
            both = [o.shaped(broadcast(o, each)) for each in (first, second)]
            return o.add(SpikeLogic(function="and"), both)
        raise o.refused("a product of two values is only known for spikes")
    if not isinstance(first, Lowered):
        first, second = second, first
    return affine(o, first, constant(o, second), 0.0)


@understood(aten.div.Tensor, aten.div.Scalar, arguments="self other", by_number=True)
def divide(o: Operation) -> Lowered:
    """a / b by a constant; a sum over T steps by T is the mean."""
    divisor = o["other"]
    if isinstance(divisor, Lowered):
        raise o.refused("it divides by a value of the network")
    by = constant(o, divisor)
    if not by.all():
        raise o.refused("it divides by 0")
    value = o.value("self")
    node = o.g.nodes[value.name]
    if isinstance(node.op, TimeSum) and by.ndim == 0 and by == o.g.time_steps:
        return o.add(TimeMean(), node.inputs)
    return affine(o, value, 1.0 / by, 0.0)


@understood(aten.neg.default, arguments="self", by_number=True)
def negate(o: Operation) -> Lowered:
    """-a."""
    return affine(o, o.value("self"), -1.0, 0.0)


@understood(aten.relu.default, arguments="self", by_number=True)
def relu(o: Operation) -> Lowered:
    """max(a, 0)."""
    return o.add(Relu(), [o.shaped(o.value("self"))])


@understood(aten.sigmoid.default, arguments="self", by_number=True)
def sigmoid(o: Operation) -> Lowered:
    """1 / (1 + exp(-a))."""
    return o.add(Sigmoid(), [o.shaped(o.value("self"))])


@understood(aten.logical_not.default, aten.bitwise_not.default, arguments="self", by_number=True)
def negation(o: Operation) -> Lowered:
    """1 - spikes."""
    value = o.value("self")
    if not o.is_spike(value):
        raise o.refused("it is only known for spikes")
    return o.add(SpikeLogic(function="not"), [o.shaped(value)])


@understood(
    aten.logical_and.default, aten.bitwise_and.Tensor, arguments="self other", by_number=True
)
def conjunction(o: Operation) -> Lowered:
    """Spikes of both."""
    if not (o.is_spike(o["self"]) and o.is_spike(o["other"])):
        raise o.refused("it is only known for spikes")
    both: Lowered = multiply(o)
    return both


def _against_number(holds: Callable[[float, float], bool]) -> Rule:
    """Spikes compared with a number."""

    def rule(o: Operation) -> Lowered:
        value = o.value("self")
        if not o.is_spike(value):
            raise o.refused("a comparison is only known with a threshold, or of spikes")
        silent, fired = (holds(spike, float(o["other"])) for spike in (0.0, 1.0))
        if silent == fired:
            raise o.refused("this comparison of spikes does not depend on them")
        return value if fired else negation(o)

    return rule


for _name in ("gt", "ge", "lt", "le", "ne", "eq"):
    understood(getattr(aten, _name).Scalar, arguments="self other", by_number=True)(
        _against_number(getattr(operator, _name))
    )


@understood(
    aten._to_copy.default,
    arguments="self dtype layout device pin_memory non_blocking memory_format",
    by_number=True,
)
def convert(o: Operation) -> Lowered:
    """Spikes in another type; anything else in another type would be rounded."""
    value = o.value("self")
    if not o.is_spike(value):
        raise o.refused(
            f"a conversion to {str(o['dtype']).removeprefix('torch.')} changes numbers",
            "Leave the conversion out, and check the accuracy again.",
        )
    return value
