"""Recurrences of the body as neurons and integrators of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from snnc.compiler.frontend.fx.constants import spread
from snnc.compiler.frontend.recognise.firing import Firing
from snnc.compiler.frontend.recognise.linear import Linear, Source
from snnc.compiler.frontend.recognise.polynomials import Coefficient, as_array, is_zero
from snnc.compiler.frontend.understand.body_values import Lowered, Operation
from snnc.compiler.frontend.understand.rules.arithmetic import constant
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.neurons.neuron import NEVER

Reader = Callable[[Source], Lowered]


def neuron(o: Operation, found: Linear, firing: Firing, read: Reader) -> Lowered:
    """A spiking neuron; ``o`` is the potential's operation."""
    x, gain, apart = _drive(o, found, read)
    threshold, strict = _threshold(o, firing)
    values = {
        "beta": as_array(found.beta),
        "drift": as_array(found.drift),
        "gain": as_array(gain),
        "reset": as_array(found.reset),
        "threshold": threshold,
    }
    attrs: dict[str, Any] = {
        "reset_mode": found.mode,
        "strict": strict,
        "initial": _uniform(o, found.initial),
    }
    if found.difference:
        attrs["difference"] = True
    if apart:
        attrs["apart"] = True
    params: dict[str, Array] = {}
    for role, value in values.items():
        full = spread(value, o.g.type_of(x).shape)
        attrs[role] = None
        if full.min() == full.max():
            attrs[role] = float(full.flat[0])
        else:
            params[role] = full
    return o.add("neuron", [x], attrs, params)


def negated(o: Operation, spikes: Lowered) -> Lowered:
    """1 - spikes."""
    return o.add("spike_logic", [spikes.name], {"function": "not"})


def integrator(o: Operation, found: Linear, read: Reader) -> Lowered:
    """A leaky integrator, whose value is its potential."""
    if not is_zero(found.initial):
        raise o.refused("an integrator that starts at another value than 0 has no operator")
    x, gain, _ = _drive(o, found, read)
    shape = o.g.type_of(x).shape
    constants = {"beta": found.beta, "drift": found.drift, "gain": gain}
    params = {role: spread(as_array(value), shape) for role, value in constants.items()}
    return o.add("integrator", [x], None, params)


def threshold_only(o: Operation, firing: Firing, x: Lowered) -> Lowered:
    """Spikes of a value without memory: a neuron that forgets everything."""
    threshold, strict = _threshold(o, firing)
    full = spread(threshold, o.g.type_of(x.name).shape)
    attrs: dict[str, Any] = {"beta": 0.0, "drift": 0.0, "gain": 1.0, "reset": 0.0}
    attrs |= {"reset_mode": "none", "strict": strict, "initial": 0.0}
    varies = full.min() != full.max()
    attrs["threshold"] = None if varies else float(full.flat[0])
    return o.add("neuron", [o.shaped(x)], attrs, {"threshold": full} if varies else None)


def _threshold(o: Operation, firing: Firing) -> tuple[Array, bool]:
    """The threshold over the features of a step; an infinite one is never exceeded."""
    value = firing.threshold
    if np.ndim(value) == 0 and float(value) == float("inf"):
        return np.asarray(NEVER[0]), NEVER[1]
    return constant(o, value), firing.strict


def _drive(o: Operation, found: Linear, read: Reader) -> tuple[str, Coefficient, bool]:
    """The node that drives a recurrence, its gain, and whether it is a sum of several terms."""
    sources = list(found.inputs)
    gains = list(found.inputs.values())
    values = [read(source) for source in sources]
    for value in values:
        if value.shape != o.shape:
            raise o.refused(f"{list(value.shape)} drives a potential of {list(o.shape)}")
    names = [o.shaped(value) for value in values]
    if len(names) == 1:
        return names[0], gains[0], False
    gain = gains[0]
    if any(not is_zero(other - gain) for other in gains[1:]):
        names = [_scaled(o, name, each) for name, each in zip(names, gains, strict=True)]
        gain = 1
    return _summed(o, names), gain, True


def _scaled(o: Operation, name: str, gain: Coefficient) -> str:
    if is_zero(gain - 1):
        return name
    scale = spread(as_array(gain), o.g.type_of(name).shape)
    return o.add("affine", [name], None, {"scale": scale, "shift": 0 * scale}).name


def _summed(o: Operation, names: Sequence[str]) -> str:
    total = names[0]
    for name in names[1:]:
        total = o.add("add", [total, name], {"apart": True}).name
    return total


def _uniform(o: Operation, value: Coefficient) -> float:
    array = as_array(value)
    if array.size and bool((array == array.flat[0]).all()):
        return float(array.flat[0])
    raise o.refused("neurons of one layer start at different potentials")
