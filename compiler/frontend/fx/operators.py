"""Importers of + - * / on values, constants and running sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snnc.compiler.frontend.fx.constants import exact_constant, spread
from snnc.compiler.frontend.fx.traced_calls import Call, refused, summed
from snnc.compiler.frontend.fx.values import Constant, Layout, Total, Traced, Value
from snnc.compiler.ir.graph import Kind
from snnc.compiler.ops import Add, Affine, SpikeLogic, TimeMean, TimeSum


def add(call: Call) -> Traced:
    """a + b: values, a constant, or the running sum of a loop."""
    if call.kwargs.get("alpha", 1) != 1:
        raise refused("add with a factor alpha is not supported", "Use a + b.")
    first, second = (call.argument(0, "input"), call.argument(1, "other"))
    total = _running_total(first, second) or _running_total(second, first)
    if total is not None:
        return total
    if isinstance(first, Value) and isinstance(second, Value):
        return call.emit(Add(), [first, second])
    return _affine(call, first, second, lambda c: (1.0, c))


def _running_total(before: Traced, now: Traced) -> Total | None:
    """Sums of a loop: 0 + step 0, then + step 1, and so on."""
    if not isinstance(now, Value) or now.step is None:
        return None
    if now.step == 0:
        is_zero = (isinstance(before, int | float) and before == 0) or (
            isinstance(before, Constant) and before.is_zero
        )
        return Total(now.name, 0) if is_zero else None
    earlier = (Total(now.name, now.step - 1), Value(now.name, Layout.STEP, now.step - 1))
    starts = before == earlier[0] or (now.step == 1 and before == earlier[1])
    return Total(now.name, now.step) if starts else None


def subtract(call: Call) -> Traced:
    """a - b; 1 - spikes stays spikes."""
    if call.kwargs.get("alpha", 1) != 1:
        raise refused("sub with a factor alpha is not supported", "Use a - b.")
    first, second = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(first, Value) and isinstance(second, Value):
        negative = _scaled(call, second, -1.0, 0.0)
        return call.emit(Add(), [first, negative])
    if isinstance(first, Value):
        return _affine(call, first, second, lambda c: (1.0, -c))
    if _is_spike(call, second) and _number(first) == 1.0:
        return call.emit(SpikeLogic(function="not"), [second])
    return _affine(call, first, second, lambda c: (-1.0, c))


def multiply(call: Call) -> Traced:
    """a * b: by a constant, or of spikes."""
    first, second = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(first, Value) and isinstance(second, Value):
        if _is_spike(call, first) and _is_spike(call, second):
            return call.emit(SpikeLogic(function="and"), [first, second])
        raise refused(
            "a product of two values is only known for spikes",
            "Use an attention module that snnc knows, or register an importer for yours.",
        )
    return _affine(call, first, second, lambda c: (c, 0.0))


def divide(call: Call) -> Traced:
    """a / b by a constant; a running sum by T is the mean over time."""
    if call.argument(2, "rounding_mode") is not None:
        raise refused("a division that rounds is not supported", "Use a / b.")
    first, second = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(first, Total) and _number(second) == call.walk.importing.time_steps:
        return summed(call.walk, first, TimeMean(), call.node.name)
    if isinstance(first, Total):
        first = summed(call.walk, first, TimeSum(), f"{call.node.name}_sum")
    if not isinstance(first, Value):
        raise refused("it divides by a value of the network")
    if not isinstance(second, Constant | Value) and _number(second) == 0:
        raise refused("it divides by 0", "Divide by another number.")
    return _affine(call, first, second, lambda c: (1.0 / c, 0.0))


def negate(call: Call) -> Traced:
    """-a."""
    return _scaled(call, call.tensor(), -1.0, 0.0)


def _is_spike(call: Call, value: Traced) -> bool:
    return isinstance(value, Value) and call.walk.importing.type_of(value.name).kind is Kind.SPIKE


def _number(value: Traced) -> float | None:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, Constant) and value.tensor.numel() == 1:
        return float(value.tensor)
    return None


def _affine(call: Call, first: Traced, second: Traced, terms: Callable[[Any], Any]) -> Traced:
    """scale x + shift for a value and a constant, in either order."""
    value, other = (first, second) if isinstance(first, Value) else (second, first)
    if isinstance(value, Total):
        value = summed(call.walk, value, TimeSum(), f"{call.node.name}_sum")
    if not isinstance(value, Value):
        raise refused("it combines membrane potentials or other values that are not kept")
    if isinstance(other, Constant):
        constant: Any = exact_constant(other.tensor, call.node.name)
    elif isinstance(other, bool | int | float):
        constant = float(other)
    else:
        raise refused("it combines values that the graph does not keep")
    return _scaled(call, value, *terms(constant))


def _scaled(call: Call, value: Value, scale: Any, shift: Any) -> Value:
    shape = call.walk.importing.type_of(value.name).shape
    params = {"scale": spread(scale, shape), "shift": spread(shift, shape)}
    if any(np.abs(value).max() > np.finfo(np.float32).max for value in params.values()):
        raise refused("a constant is not finite in float32", "Use smaller numbers.")
    if bool((params["scale"] == 1).all()) and not params["shift"].any():
        return value
    return call.emit(Affine(), [value], params)
