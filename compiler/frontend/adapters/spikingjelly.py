"""Importers of SpikingJelly's neurons and layers, by name: the package is never imported.

Its equations, with v_reset None meaning a soft reset and v = v_reset (or 0) at the start::

    IFNode                          H = V + X
    LIFNode, decay_input            H = V + (X - (V - Vreset)) / tau
    LIFNode, not decay_input        H = V - (V - Vreset) / tau + X
    ParametricLIFNode               the same with 1/tau = sigmoid(w)
    fire                            S = H >= Vth
    reset                           V = Vreset where S (hard), V = H - Vth S (soft)
    LinearRecurrentContainer        X = W [x[t], y[t-1]] + b, y what the container gives
    ElementWiseRecurrentContainer   X = y[t-1] + x[t]

Source: Fang et al. 2023, "SpikingJelly" (Science Advances), and the package's documentation. Class
names of its older releases (0.0.0.0.12: ``clock_driven``) are known too.
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn

from snnc.compiler.frontend.adapters.recurrence import Recurrence
from snnc.compiler.frontend.adapters.snnc_models import sequence
from snnc.compiler.frontend.adapters.torch_layers import adaptive_avg_pool
from snnc.compiler.frontend.importing import (
    IMPORTERS,
    NAMED,
    Importing,
    importer_named,
)
from snnc.compiler.ops import Add, GroupMean, Linear, Neuron
from snnc.compiler.ops.neurons.neuron import NEVER
from snnc.errors import UNSUPPORTED_LAYER, SnncError

PACKAGE = "spikingjelly"

_SAME_AS_TORCH = (
    nn.Conv2d,
    nn.Linear,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.AvgPool2d,
    nn.MaxPool2d,
)


def _layer(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    """A layer that behaves as torch's own of the same name, on steps or on sequences."""
    check_step_mode(g, m)
    base = next(cls for cls in type(m).__mro__ if cls in IMPORTERS)
    return IMPORTERS[base](g, m, path, inputs)


for _cls in _SAME_AS_TORCH:
    NAMED[PACKAGE, _cls.__name__] = _layer


def check_step_mode(g: Importing, m: Any) -> None:
    """Raise SnncError (UNSUPPORTED_LAYER) where a module expects steps and gets sequences, or the
    other way round."""
    wanted = "s" if g.stepwise or g.leading_axes == 1 else "m"
    if getattr(m, "step_mode", wanted) == wanted:
        return
    takes, gets = (
        ("whole sequences [T, N, ...]", "single steps [N, ...]")
        if wanted == "s"
        else ("single steps [N, ...]", "whole sequences [T, N, ...]")
    )
    raise SnncError(
        UNSUPPORTED_LAYER,
        f"its step_mode {m.step_mode!r} takes {takes}, and it is given {gets}",
        hint="Call functional.set_step_mode(net, 'm'), or give --per-step for a model of steps.",
    )


@importer_named(PACKAGE, "Flatten")
def _flatten(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    check_step_mode(g, m)
    before, g.leading_axes = g.leading_axes, 1  # time is merged into the batch, or not there
    try:
        return IMPORTERS[nn.Flatten](g, m, path, inputs)
    finally:
        g.leading_axes = before


@importer_named(PACKAGE, "AdaptiveAvgPool2d")
def _adaptive(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    check_step_mode(g, m)
    return adaptive_avg_pool(g, m, path, inputs)


@importer_named(PACKAGE, "Dropout", "Dropout2d", "MultiStepDropout", "MultiStepDropout2d")
def _dropout(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    return inputs[0]  # dropout does nothing in evaluation mode


@importer_named(PACKAGE, "VotingLayer")
def _voting(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    check_step_mode(g, m)
    return g.add(path, GroupMean(size=int(m.voting_size)), inputs)


@importer_named(PACKAGE, "SeqToANNContainer")
def _seq_to_ann(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    before, g.leading_axes = g.leading_axes, 1
    try:
        return sequence(g, m, path, inputs[0])
    finally:
        g.leading_axes = before


@importer_named(PACKAGE, "MultiStepContainer")
def _multi_step(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    before = g.leading_axes, g.stepwise
    g.leading_axes, g.stepwise = 1, True
    try:
        return sequence(g, m, path, inputs[0])
    finally:
        g.leading_axes, g.stepwise = before


@importer_named(PACKAGE, "StepModeContainer")
def _step_mode(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    check_step_mode(g, m)
    container = _multi_step if m.stateful else _seq_to_ann
    return container(g, m, path, inputs)


@importer_named(PACKAGE, "LinearRecurrentContainer")
def _linear_recurrent(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    """Its layer reads [x[t], y[t-1]]: two layers here, whose outputs are added."""
    _check_steps(g, m)
    given, returning = g.type_of(inputs[0]), int(m.sub_module_out_features)
    if len(given.shape) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"a recurrent layer on {given} would act on its last axis only",
            hint="Put a Flatten before it.",
        )
    recurrence = Recurrence.of(g, path, (returning,))
    weight, own = m.rc.weight, m.rc.in_features - returning
    parts = [
        g.add(f"{path}.rc.{name}", Linear(terms=others), [x], {"weight": part, "bias": bias})
        for name, x, part, bias, others in (
            ("input", inputs[0], weight[:, :own], m.rc.bias, returning),
            ("previous", recurrence.spikes, weight[:, own:], None, own),
        )
    ]
    return _returning(g, m, path, recurrence, parts)


@importer_named(PACKAGE, "ElementWiseRecurrentContainer")
def _element_wise_recurrent(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    _check_steps(g, m)
    if not _is_sum(m.element_wise_function):
        raise SnncError(
            UNSUPPORTED_LAYER,
            "its element-wise function is not known to be the sum of its arguments",
            hint="Use torch.add or lambda x, y: x + y.",
        )
    recurrence = Recurrence.of(g, path, g.type_of(inputs[0]).shape)
    return _returning(g, m, path, recurrence, [recurrence.spikes, inputs[0]])


def _returning(
    g: Importing, m: Any, path: str, recurrence: Recurrence, parts: Sequence[str]
) -> str | None:
    """The module inside a recurrent container, called once a step on the sum of ``parts``."""
    total = g.add(f"{path}.sum", Add(), parts)
    inside = nn.Sequential(OrderedDict(sub_module=m.sub_module))
    before = g.leading_axes, g.stepwise
    g.leading_axes, g.stepwise = 1, True
    try:
        spikes = sequence(g, inside, path, total)
    finally:
        g.leading_axes, g.stepwise = before
    if spikes is not None:
        recurrence.close(g, spikes)
    return spikes


def _is_sum(function: Any) -> bool:
    """Whether a function of two arguments adds them and does nothing else."""
    if function in (torch.add, operator.add):
        return True
    try:
        first, second, *rest = fx.symbolic_trace(function).graph.nodes
    except Exception:  # whatever a user's function does with values that have no numbers
        return False
    added = rest[0] if len(rest) == 2 else None
    return (
        added is not None
        and added.target in (torch.add, operator.add)
        and not added.kwargs
        and set(added.args) == {first, second}
    )


@importer_named(PACKAGE, "IFNode", "MultiStepIFNode", "SimpleIFNode")
def _if(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    return _neuron(g, m, path, inputs, {"beta": 1.0, "gain": 1.0, "drift": 0.0}, rate=0.0)


@importer_named(PACKAGE, "LIFNode", "MultiStepLIFNode", "SimpleLIFNode")
def _lif(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    return _leaky(g, m, path, inputs, 1.0 / float(m.tau))


@importer_named(PACKAGE, "ParametricLIFNode", "MultiStepParametricLIFNode")
def _parametric(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    with torch.no_grad():
        rate = float(m.w.sigmoid())
    return _leaky(g, m, path, inputs, rate)


def _leaky(g: Importing, m: Any, path: str, inputs: Sequence[str], rate: float) -> str:
    rest = 0.0 if m.v_reset is None else float(m.v_reset)
    decays = bool(getattr(m, "decay_input", True))
    constants = {"beta": 1.0 - rate, "gain": rate if decays else 1.0, "drift": rate * rest}
    return _neuron(g, m, path, inputs, constants, rate)


def _neuron(
    g: Importing, m: Any, path: str, inputs: Sequence[str], constants: dict[str, float], rate: float
) -> str:
    check_neuron(g, m)
    threshold, strict = float(m.v_threshold), False
    hard = m.v_reset is not None
    if threshold == float("inf") and hard:  # it integrates and never fires
        threshold, strict = NEVER
    op = Neuron(
        beta=constants["beta"],
        drift=constants["drift"],
        gain=constants["gain"],
        reset_mode="hard" if hard else "soft",
        # At Vreset the leak has nothing to do, so Vreset itself is left one step later.
        reset=float(m.v_reset) if hard else constants["beta"] * threshold,
        threshold=threshold,
        strict=strict,
        initial=float(m.v_reset) if hard else 0.0,
        difference=rate != 0.0,
    )
    return g.add(path, op, inputs)


def check_neuron(g: Importing, m: Any) -> None:
    """Refuse what changes the forward pass of a node."""
    if type(m).__name__.startswith("MultiStep"):
        if g.stepwise:
            raise SnncError(
                UNSUPPORTED_LAYER,
                "a multi-step neuron is given single steps",
                hint="Use the single-step class of the same name.",
            )
    else:
        _check_steps(g, m)
    if not getattr(m.surrogate_function, "spiking", True):
        raise SnncError(
            UNSUPPORTED_LAYER,
            "its surrogate function does not give spikes (spiking is off)",
            hint="Call surrogate_function.set_spiking_mode(True).",
        )


def _check_steps(g: Importing, m: Any) -> None:
    check_step_mode(g, m)
    if not hasattr(m, "step_mode") and not g.stepwise:  # releases before step_mode: one step
        raise SnncError(
            UNSUPPORTED_LAYER,
            "a single-step neuron is given whole sequences",
            hint="Use the MultiStep class, wrap it in MultiStepContainer, or give --per-step.",
        )
