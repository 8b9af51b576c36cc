"""Rules of variances, norms, logarithms of shares and running sums over the axes of a step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from snnc.compiler.frontend.understand.body_values import Lowered, Operation, understood
from snnc.compiler.frontend.understand.cells.cell_operations import Cell, Named
from snnc.compiler.frontend.understand.rules.composed import (
    as_large_as,
    axes_of,
    computed,
    over_axes,
)
from snnc.compiler.ops import AxisLinear

aten = torch.ops.aten


def _squared_difference(c: Cell, x: Named, mean: Named) -> Named:
    return c("square", c("sub", x, mean))


def _variance(o: Operation, finish: Callable[[Cell, Named], Named]) -> tuple[Lowered, Lowered]:
    """Variance, and mean, over axes that stay; the mean of squared differences from the mean."""
    value = o.value("self")
    axes = axes_of(o, value, o["dim"])
    number = math.prod(value.shape[axis] for axis in axes)
    left = number - (1.0 if o["correction"] is None else float(o["correction"]))
    if left <= 0:
        raise o.refused(f"the variance of {number} numbers less the correction is no number")
    mean = over_axes(o, value, axes, "mean")
    apart = computed(as_large_as(o, value), _squared_difference, value, mean)
    total = over_axes(o, apart, axes, "sum")
    shared = as_large_as(o, total)
    return computed(shared, lambda c, x: finish(c, c("div", x, left)), total), mean


def _as_result(o: Operation, value: Lowered) -> Lowered:
    """A value with its axes of length 1 as the operation gives it, kept or not."""
    return Lowered(value.name, o.shape, value.folded, o.batch)


@understood(aten.var.correction, arguments="self dim correction keepdim", folds=True)
def variance(o: Operation) -> Lowered:
    """Variance over axes."""
    return _as_result(o, _variance(o, lambda c, x: x)[0])


@understood(aten.std.correction, arguments="self dim correction keepdim", folds=True)
def deviation(o: Operation) -> Lowered:
    """Standard deviation over axes."""
    return _as_result(o, _variance(o, lambda c, x: c("sqrt", x))[0])


@understood(aten.var_mean.correction, arguments="self dim correction keepdim", folds=True)
def variance_and_mean(o: Operation) -> list[Lowered]:
    """Variance and mean over axes."""
    return [_as_result(o, value) for value in _variance(o, lambda c, x: x)]


@understood(aten.std_mean.correction, arguments="self dim correction keepdim", folds=True)
def deviation_and_mean(o: Operation) -> list[Lowered]:
    """Standard deviation and mean over axes."""
    return [_as_result(o, value) for value in _variance(o, lambda c, x: c("sqrt", x))]


@understood(aten.linalg_vector_norm.default, arguments="self ord dim keepdim dtype", folds=True)
def vector_norm(o: Operation) -> Lowered:
    """The root of a sum of powers; of order infinity the largest magnitude."""
    if o["dtype"] not in (None, torch.float32):
        raise o.refused(f"it computes in {o['dtype']}", "Leave dtype out.")
    value, order = o.value("self"), float(o["ord"])
    if order == 0:
        raise o.refused("how many elements are not 0 has no operator")
    axes = axes_of(o, value, o["dim"])
    each, function, finish = _norm(order)
    apart = computed(as_large_as(o, value), each, value)
    total = over_axes(o, apart, axes, function)
    if finish is not None:
        total = computed(as_large_as(o, total), finish, total)
    return _as_result(o, total)


_Program = Callable[[Cell, Named], Named]


def _norm(order: float) -> tuple[_Program, str, _Program | None]:
    """What becomes of each element, how they are put together, what becomes of that."""
    if order == math.inf:
        return lambda c, x: c("abs", x), "max", None
    if order == -math.inf:
        return lambda c, x: c("neg", c("abs", x)), "max", lambda c, x: c("neg", x)
    if order == 1:
        return lambda c, x: c("abs", x), "sum", None
    if order == 2:
        return lambda c, x: c("square", x), "sum", lambda c, x: c("sqrt", x)
    return (
        lambda c, x: c("pow", c("abs", x), order),
        "sum",
        lambda c, x: c("pow", x, 1.0 / order),
    )


@understood(aten.amin.default, arguments="self dim keepdim", folds=True)
def amin(o: Operation) -> Lowered:
    """A minimum over axes."""
    value = o.value("self")
    turned = computed(as_large_as(o, value), lambda c, x: c("neg", x), value)
    most = over_axes(o, turned, axes_of(o, value, o["dim"]), "max")
    least = computed(as_large_as(o, most), lambda c, x: c("neg", x), most)
    return _as_result(o, least)


@understood(aten._log_softmax.default, arguments="self dim half_to_float", folds=True)
def log_softmax(o: Operation) -> Lowered:
    """Logarithms of shares along an axis."""
    if o["half_to_float"]:
        raise o.refused("it computes in half precision")
    value = o.value("self")
    axes = axes_of(o, value, [o["dim"]])
    most = over_axes(o, value, axes, "max")
    below = computed(o, lambda c, x, y: c("sub", x, y), value, most)
    power = computed(o, lambda c, x: c("exp", x), below)
    total = over_axes(o, power, axes, "sum")
    return computed(o, lambda c, x, y: c("sub", x, c("log", y)), below, total)


@understood(aten.cumsum.default, arguments="self dim dtype", folds=True)
def running_sum(o: Operation) -> Lowered:
    """Sums of all entries so far along an axis: a product with a triangle of ones."""
    if o["dtype"] not in (None, torch.float32):
        raise o.refused(f"it computes in {o['dtype']}", "Leave dtype out.")
    value = o.value("self")
    (axis,) = axes_of(o, value, [o["dim"]])
    size = value.shape[axis]
    params = {"weight": torch.from_numpy(np.tri(size, dtype=np.float32)), "bias": None}
    return o.add(AxisLinear(), [o.laid(o.shaped(value), axis)], params)
