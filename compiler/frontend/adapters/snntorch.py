"""Importers of snnTorch's neurons, by name: the package is never imported.

Its equations; S fires where U > threshold, and acts one step later (U before it is 0)::

    Leaky       U[t] = beta U[t-1] + X[t]
    Synaptic    I[t] = alpha I[t-1] + X[t];  U[t] = beta U[t-1] + I[t]
    Lapicque    U[t] = (1 - dt/RC) U[t-1] + (dt/C) X[t]
    Alpha       I[t] = alpha I[t-1] + X[t];  J[t] = beta J[t-1] - X[t];  U[t] = tau (I[t] + J[t])
                tau = log(alpha) / (log(beta) - log(alpha)) + 1, rounded as the package rounds it
    RLeaky      U[t] = beta U[t-1] + X[t] + V S[t-1]
    RSynaptic   I[t] = alpha I[t-1] + X[t] + V S[t-1];  U[t] = beta U[t-1] + I[t]
                V: one number a neuron, a linear layer, or a convolution
    subtract    threshold is taken off U[t]
                Alpha: only "none", since its other resets act on I and J
    zero        Leaky: U[t-1] is 0. All others: U[t] itself is 0, its input is lost

Source: Eshraghian et al. 2023, "Training Spiking Neural Networks Using Lessons From Deep Learning"
(Proc. IEEE), and the package's documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.compiler.frontend.adapters.recurrence import Recurrence
from snnc.compiler.frontend.fx.constants import exact_constant, spread
from snnc.compiler.frontend.importing import (
    TAKES_SPIKES,
    Importing,
    importer_named,
    needed_importer,
)
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops import Add, Affine, Integrator, Neuron
from snnc.errors import UNSUPPORTED_LAYER, SnncError

PACKAGE = "snntorch"


@importer_named(PACKAGE, "Leaky")
def _leaky(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    check(g, m)
    beta = exact_constant(m.beta.clamp(0, 1), f"{path}.beta")
    return _neuron(g, m, path, inputs[0], _Membrane(beta, zero="hard"))


@importer_named(PACKAGE, "Synaptic")
def _synaptic(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    check(g, m)
    return _after_synapse(g, m, path, inputs[0])


def _after_synapse(g: Importing, m: Any, path: str, x: str) -> str:
    shape = g.type_of(x).shape
    alpha = exact_constant(m.alpha.clamp(0, 1), f"{path}.alpha")
    constants = {"beta": alpha, "drift": 0.0, "gain": 1.0}
    params = {role: spread(value, shape) for role, value in constants.items()}
    current = g.add(f"{path}.syn", Integrator(), [x], params)
    beta = exact_constant(m.beta.clamp(0, 1), f"{path}.beta")
    return _neuron(g, m, path, current, _Membrane(beta))


@importer_named(PACKAGE, "Lapicque")
def _lapicque(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    check(g, m)
    with torch.no_grad():
        beta = exact_constant(1 - (m.time_step / (m.R * m.C)), f"{path}.beta")
        inverse = exact_constant(1 / (m.R * m.C), f"{path}.C")
    gain = exact_constant(m.R, f"{path}.R") * inverse * exact_constant(m.time_step, f"{path}.dt")
    return _neuron(g, m, path, inputs[0], _Membrane(beta, gain))


@importer_named(PACKAGE, "Alpha")
def _alpha(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    check(g, m)
    if m.reset_mechanism != "none":
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"reset {m.reset_mechanism!r} of Alpha changes its two currents, not its potential",
            hint="Use reset_mechanism='none', or a Synaptic neuron, and retrain.",
        )
    shape = g.type_of(inputs[0]).shape
    with torch.no_grad():
        alpha, beta = m.alpha.clamp(0, 1), m.beta.clamp(0, 1)
        tau = torch.log(alpha) / (torch.log(beta) - torch.log(alpha)) + 1
    currents = []
    for name, decay, gain in (("exc", alpha, 1.0), ("inh", beta, -1.0)):
        constants = {"beta": exact_constant(decay, f"{path}.{name}"), "drift": 0.0, "gain": gain}
        params = {role: spread(value, shape) for role, value in constants.items()}
        currents.append(g.add(f"{path}.syn_{name}", Integrator(), inputs, params))
    total = g.add(f"{path}.syn", Add(), currents)
    whole = _Membrane(np.zeros(()), exact_constant(tau, f"{path}.tau"), zero="hard")
    return _neuron(g, m, path, total, whole)


@importer_named(PACKAGE, "RLeaky")
def _recurrent_leaky(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    check(g, m)
    recurrence, total = _with_recurrence(g, m, path, inputs[0])
    beta = exact_constant(m.beta.clamp(0, 1), f"{path}.beta")
    spikes = _neuron(g, m, path, total, _Membrane(beta, term_by_term=True))
    recurrence.close(g, spikes)
    return spikes


@importer_named(PACKAGE, "RSynaptic")
def _recurrent_synaptic(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    check(g, m)
    recurrence, total = _with_recurrence(g, m, path, inputs[0])
    spikes = _after_synapse(g, m, path, total)
    recurrence.close(g, spikes)
    return spikes


TAKES_SPIKES.update({_recurrent_leaky, _recurrent_synaptic})


def _with_recurrence(g: Importing, m: Any, path: str, x: str) -> tuple[Recurrence, str]:
    """The neuron's input with what its own spikes of the step before add to it."""
    shape = g.type_of(x).shape
    recurrence = Recurrence.of(g, path, shape)
    inner, spikes = f"{path}.recurrent", [recurrence.spikes]
    if type(m.recurrent).__name__ == "RecurrentOneToOne":
        scale = spread(exact_constant(m.recurrent.V, f"{path}.V"), shape)
        weighted = g.add(inner, Affine(), spikes, {"scale": scale, "shift": 0 * scale})
    elif isinstance(m.recurrent, nn.Linear | nn.Conv2d):
        imported = needed_importer(m.recurrent)(g, m.recurrent, inner, spikes)
        assert imported is not None
        weighted = imported
    else:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"its recurrent connection is {type(m.recurrent).__name__}",
            hint="Use a linear layer or a convolution for it.",
        )
    return recurrence, g.add(f"{path}.sum", Add(term_by_term=True), [x, weighted])


@dataclass(frozen=True)
class _Membrane:
    """What becomes of a potential: beta times it is left, and gain times the current is added.

    Attributes:
        beta: what is left of it.
        gain: of the current.
        zero: the reset mode that "zero" stands for in this class.
        term_by_term: whether the source adds the terms of the current one after the other.
    """

    beta: Array
    gain: Any = 1.0
    zero: str = "clear"
    term_by_term: bool = False


def _neuron(g: Importing, m: Any, path: str, x: str, membrane: _Membrane) -> str:
    threshold = exact_constant(m.threshold, f"{path}.threshold")
    if threshold.min() < 0:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"a threshold of {threshold.min():g} makes it reset before its first step",
            hint="Use thresholds of at least 0.",
        )
    mode = {"subtract": "soft", "zero": membrane.zero, "none": "none"}[m.reset_mechanism]
    values = {
        "beta": membrane.beta,
        "drift": 0.0,
        "gain": membrane.gain,
        "threshold": threshold,
        "reset": threshold if mode == "soft" else 0.0,
    }
    shape = g.type_of(x).shape
    neuron = Neuron(reset_mode=mode, strict=True, initial=0.0, term_by_term=membrane.term_by_term)
    op, params = neuron.with_constants(
        {role: spread(value, shape) for role, value in values.items()}
    )
    return g.add(path, op, [x], params)


def check(g: Importing, m: Any) -> None:
    """Refuse what changes the forward pass of a neuron.

    Raises:
        SnncError: UNSUPPORTED_LAYER.
    """
    if not g.stepwise:
        raise SnncError(
            UNSUPPORTED_LAYER,
            "it takes single steps, and is given whole sequences",
            hint="Call it in a loop over time, or give --per-step for a model of single steps.",
        )
    probe = torch.tensor([-1e-3, 0.0, 1e-3])
    with torch.no_grad():
        fired = m.spike_grad(probe).tolist()
    unusual = {
        "inhibition": bool(m.inhibition),
        "state_quant": bool(m.state_quant),
        "reset_delay=False": not getattr(m, "reset_delay", True),
        "graded spikes": float(m.graded_spikes_factor) != 1.0,
        "a spike_grad that does not fire exactly above the threshold": fired != [0.0, 0.0, 1.0],
    }
    for option, used in unusual.items():
        if used:
            raise SnncError(
                UNSUPPORTED_LAYER, f"{option} is not supported", hint="Leave it out, and retrain."
            )
