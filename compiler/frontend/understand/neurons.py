"""Recurrences of the body as neurons and integrators of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from snnc.compiler.frontend.fx.constants import spread
from snnc.compiler.frontend.recognise.firing import Firing
from snnc.compiler.frontend.recognise.linear import Linear, Source
from snnc.compiler.frontend.recognise.polynomials import Coefficient, as_array, is_zero
from snnc.compiler.frontend.understand.body_values import Lowered, Operation
from snnc.compiler.frontend.understand.rules.arithmetic import constant
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops import Add, Affine, Integrator, Neuron, SpikeLogic
from snnc.compiler.ops.neurons.neuron import NEVER

Reader = Callable[[Source], Lowered]


def neuron(o: Operation, found: Linear, firing: Firing, read: Reader) -> Lowered:
    """A spiking neuron; ``o`` is the potential's operation."""
    x, gain, term_by_term = _drive(o, found, read)
    threshold, strict = _threshold(o, firing)
    values = {
        "beta": as_array(found.beta),
        "drift": as_array(found.drift),
        "gain": as_array(gain),
        "reset": as_array(found.reset),
        "threshold": threshold,
    }
    alone = Neuron(
        reset_mode=found.mode,
        strict=strict,
        initial=_uniform(o, found.initial),
        difference=found.difference,
        term_by_term=term_by_term,
    )
    shape = o.g.type_of(x).shape
    op, params = alone.with_constants({role: spread(each, shape) for role, each in values.items()})
    return o.add(op, [x], params)


def negated(o: Operation, spikes: Lowered) -> Lowered:
    """1 - spikes."""
    return o.add(SpikeLogic(function="not"), [spikes.name])


def integrator(o: Operation, found: Linear, read: Reader) -> Lowered:
    """A leaky integrator, whose value is its potential."""
    if not is_zero(found.initial):
        raise o.refused("an integrator that starts at another value than 0 has no operator")
    x, gain, _ = _drive(o, found, read)
    shape = o.g.type_of(x).shape
    constants = {"beta": found.beta, "drift": found.drift, "gain": gain}
    params = {role: spread(as_array(value), shape) for role, value in constants.items()}
    return o.add(Integrator(), [x], params)


def threshold_only(o: Operation, firing: Firing, x: Lowered) -> Lowered:
    """Spikes of a value without memory: a neuron that forgets everything."""
    threshold, strict = _threshold(o, firing)
    full = spread(threshold, o.g.type_of(x.name).shape)
    op, params = Neuron.forgetful(strict).with_constants({"threshold": full})
    return o.add(op, [o.shaped(x)], params)


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
    return o.add(Affine(), [name], {"scale": scale, "shift": 0 * scale}).name


def _summed(o: Operation, names: Sequence[str]) -> str:
    total = names[0]
    for name in names[1:]:
        total = o.add(Add(term_by_term=True), [total, name]).name
    return total


def _uniform(o: Operation, value: Coefficient) -> float:
    array = as_array(value)
    if array.size and bool((array == array.flat[0]).all()):
        return float(array.flat[0])
    raise o.refused("neurons of one layer start at different potentials")
