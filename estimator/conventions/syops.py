"""``syops``: what syops-counter reports."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch

from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import AvgPool2d, BatchNorm, MaxPool2d
from snnc.estimator.conventions.base import (
    BESIDE_SYNAPSES,
    Convention,
    CountedOn,
    Number,
    StepCounts,
    Visit,
    added,
    free,
)
from snnc.estimator.conventions.calls import Call, weighted_calls


def _charged(
    x: torch.Tensor, work: int, judged: torch.Tensor | None = None
) -> tuple[str, list[Number]]:
    """The work of one call, shared out over the first axis.

    AC at the mean of the values where they take at most two values in [0, 1] (0 and 0.37 will
    do), else MAC in full.

    Args:
        x: what the work is done on.
        work: work of the whole call.
        judged: the values that syops looks at; default x.
    """
    judged = x if judged is None else judged
    levels = np.unique(judged.numpy())
    each = Fraction(work, len(x))
    if len(levels) > 2 or levels.max() > 1 or levels.min() < 0:
        return "mac", [_whole(each)] * len(x)
    if judged is x:
        return "ac", [_whole(_mean(part) * each) for part in x]
    return "ac", [_whole(_mean(judged) * each)] * len(x)


def _mean(values: torch.Tensor) -> Fraction:
    return Fraction(float(values.sum(dtype=torch.float64))) / values.numel()


def _whole(number: Fraction) -> Number:
    return int(number) if number.denominator == 1 else number


def _weighted(visit: Visit) -> StepCounts:
    return added(visit, [_charged(call.x, _work(call)) for call in weighted_calls(visit)])


def _work(call: Call) -> int:
    """Dense work of a call with its biases; a linear layer's are counted once a call."""
    entries = len(call.x)
    if call.conv is not None:
        return entries * (call.dense + call.bias * call.output_elements)
    return entries * call.dense + call.bias * call.output_elements


def _mlp(visit: Visit) -> StepCounts:
    """The linear layers, and the ReLU whose outputs the second of each pair reads."""
    calls = weighted_calls(visit)
    work = [_charged(call.x, _work(call)) for call in calls]
    return added(visit, work + [_charged(call.x, call.x.numel()) for call in calls[1::2]])


def _pool(visit: Visit) -> StepCounts:
    (x,) = visit.inputs
    return added(visit, [_charged(x, x.numel())])


def _batch_norm(visit: Visit) -> StepCounts:
    (x,) = visit.inputs
    return added(visit, [_charged(x, 2 * x.numel())])


def _relu(visit: Visit) -> StepCounts:
    y = visit.values[visit.node.name]
    return added(visit, [_charged(y, y.numel(), y[0])])


SYOPS = Convention(
    name="syops",
    title="syops-counter 0.0.5",
    rule=(
        "For each call of a module that it knows, over all time steps at once: dense work, padding "
        "and bias included, times the mean of the input as AC if the input takes at most two "
        "values in [0, 1], else in full as MAC. Pools cost their inputs, normalisation twice its "
        "inputs, ReLU its outputs (judged by the first time step). Neurons other than "
        "SpikingJelly's, sigmoids, statistics, masks, products of two activations and gates are "
        "free."
    ),
    source=(
        "syops/ops.py and engine.py, version 0.0.5. The package reports the mean over the first "
        "axis of the model's input: with time first that is a T-th of these totals."
    ),
    counted_on=CountedOn.SOURCE,
    charges_borders=True,
    counts_follow_spikes=False,
    count_inputs=(
        "as MAC in full, zeros too; as AC times their mean on a recording where they are all 0 or 1"
    ),
    differs={
        "synapse": (
            "biases are charged; an input that is not at most two values in [0, 1] is "
            "multiplied in full, zeros too"
        ),
        "attention": (
            "convolutions and perceptrons as MAC unless they read at most two values; "
            "statistics, masks, sigmoids and gating products are free"
        ),
        "neuron": "neurons other than those of SpikingJelly are free",
        "other": (
            "normalisation costs two operations a value, a pool one for each of its inputs; "
            "readout is free"
        ),
    },
    rules=free(*BESIDE_SYNAPSES, Role.GATE, Role.PRODUCT)
    | {
        Role.SYNAPSE: _weighted,
        Role.PERCEPTRON: _mlp,
        BatchNorm: _batch_norm,
        AvgPool2d: _pool,
        MaxPool2d: _pool,
        Role.ACTIVATION: _relu,
    },
)
