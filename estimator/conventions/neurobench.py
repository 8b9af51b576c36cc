"""``neurobench``: what NeuroBench's SynapticOperations metric reports."""

from __future__ import annotations

import torch

from snnc.compiler.ir.roles import Role
from snnc.estimator.conventions.base import (
    BESIDE_SYNAPSES,
    Convention,
    CountedOn,
    StepCounts,
    Visit,
    added,
    free,
)
from snnc.estimator.conventions.calls import Call, weighted_calls


def _weighted(visit: Visit) -> StepCounts:
    return added(visit, [_count(call) for call in weighted_calls(visit)])


def _count(call: Call) -> tuple[str, list[int]]:
    spiking = bool(((call.x == 0) | (call.x.abs() == 1)).all())
    weights = torch.from_numpy(call.weight != 0).to(torch.float64)
    return ("ac" if spiking else "mac"), call.uses(weights)


NEUROBENCH = Convention(
    name="neurobench",
    title="NeuroBench 2.3.0, SynapticOperations",
    rule=(
        "For each call of a convolution or linear module, also inside attention: every nonzero "
        "input at every nonzero weight that it meets, borders excluded, biases ignored. The whole "
        "call is AC where its input holds nothing but 0, 1 and -1 (event counts can), else MAC. "
        "Everything else is free: products of two activations, gating products, "
        "normalisation, pools, neurons."
    ),
    source=(
        "neurobench/metrics/workload/synaptic_operations.py and metrics/utils/layers/macs.py, "
        "version 2.3.0. The package sums in float32 and drifts above 2^24; this is the exact sum."
    ),
    counted_on=CountedOn.SOURCE,
    charges_borders=False,
    counts_follow_spikes=True,
    count_inputs=(
        "a MAC for each non-zero count and weight; AC on a recording where they are all 0 or 1"
    ),
    differs={
        "synapse": "weights that are exactly zero are skipped",
        "attention": (
            "convolutions and linear layers at their nonzero inputs and weights; everything "
            "else is free"
        ),
        "neuron": "synaptic operations leave neurons out",
        "other": "normalisation, pools and readout are free",
    },
    rules=free(*BESIDE_SYNAPSES, Role.GATE, Role.PRODUCT)
    | dict.fromkeys((Role.SYNAPSE, Role.PERCEPTRON), _weighted),
)
