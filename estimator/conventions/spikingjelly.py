"""``spikingjelly``: what the AC and MAC counters of SpikingJelly 2 report."""

from __future__ import annotations

import numpy as np
import torch

from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import AvgPool2d, BatchNorm, GroupMean, Reduce, SumPool2d, TimeMean, TimeSum
from snnc.compiler.ops.base import as_op
from snnc.compiler.ops.pooling.pool2d import Pool2d
from snnc.estimator.conventions.base import (
    BESIDE_SYNAPSES,
    Convention,
    CountedOn,
    StepCounts,
    Visit,
    added,
    free,
    product_macs,
)
from snnc.estimator.conventions.calls import Call, weighted_calls


def _weighted(visit: Visit) -> StepCounts:
    return added(visit, [_count(call) for call in weighted_calls(visit)])


def _count(call: Call) -> tuple[str, list[int]]:
    entries, ones = len(call.x), torch.ones(call.weight.shape)
    binary_weights = bool(np.isin(call.weight, (0, 1)).all())
    if _is_binary(call.x):
        return "ac", call.uses(torch.from_numpy(call.weight) if binary_weights else ones)
    if binary_weights:  # such weights are spikes to the counter
        per_output = int(np.count_nonzero(call.weight)) // len(call.weight)
        return "ac", [per_output * call.output_elements] * entries
    return "mac", [call.dense] * entries


def _is_binary(x: torch.Tensor) -> bool:
    return bool(((x == 0) | (x == 1)).all())


def _product(visit: Visit) -> StepCounts:
    """A product of two binary tensors costs its pairs, of one binary factor each of its ones."""
    one, two = visit.inputs
    rows, columns = visit.node.type.shape[-2:]
    both = [_is_binary(factor) for factor in (one, two)]
    if all(both):
        pairs = torch.matmul(one.double(), two.double())
        return {"ac": [int(n) for n in pairs.flatten(1).sum(dim=1)]}
    if not any(both):
        return visit.every_step(mac=product_macs(visit))
    ones, uses = (one, columns) if both[0] else (two, rows)
    return {"ac": [int(n) * uses for n in (ones != 0).flatten(1).sum(dim=1)]}


def _reduce(visit: Visit) -> StepCounts:
    """A sum or mean of n values is n - 1 sums; a maximum has no price."""
    if as_op(visit.node, Reduce).function == "max":
        return {}
    return visit.every_step(ac=visit.types[0].size - visit.node.type.size)


def _batch_norm(visit: Visit) -> StepCounts:
    """x - mean for each value, var + eps once a call; one product and sum for the affine part."""
    size, channels = visit.node.type.size, visit.node.type.channels
    sums = [size] * visit.steps
    sums[0] += channels
    return {"ac": sums, "mac": [size] * visit.steps}


def _avg_pool2d(visit: Visit) -> StepCounts:
    pool = as_op(visit.node, Pool2d)  # type: ignore[type-abstract]
    window = int(np.prod(pool.kernel_size))
    return visit.every_step(ac=visit.node.type.size * (window - 1))


def _add(visit: Visit) -> StepCounts:
    if all(_is_binary(x) for x in visit.inputs):
        spikes = [(x != 0).flatten(1).sum(dim=1).tolist() for x in visit.inputs]
        return {"ac": [a + b for a, b in zip(*spikes, strict=True)]}
    return visit.every_step(ac=visit.node.type.size)


def _time_mean(visit: Visit) -> StepCounts:
    """A sum of n values is n - 1 sums."""
    return {"ac": [0] + [visit.node.type.size] * (visit.graph.time_steps - 1)}


def _group_mean(visit: Visit) -> StepCounts:
    return visit.every_step(ac=visit.types[0].size - visit.node.type.size)


SPIKINGJELLY = Convention(
    name="spikingjelly",
    title="SpikingJelly 2.0.0, ACCounter and MACCounter",
    rule=(
        "For each convolution or matrix product, also inside attention: AC at every weight that a "
        "spike meets, borders excluded, where the input holds only 0 and 1 (event counts can); "
        "else dense MAC, padding included. Normalisation is one sum and one MAC a value; average "
        "pools, residual sums and means are AC. Products, gating products among them, are free. "
        "Element-wise sums in the Python of neurons and attention modules are counted by the tool "
        "but are not part of the graph, and not of this figure."
    ),
    source=(
        "spikingjelly/activation_based/op_counter/ac.py and mac.py, version 2.0.0; rules are kept "
        "by operator of PyTorch, and aten.mul has none."
    ),
    counted_on=CountedOn.SOURCE,
    charges_borders=False,
    counts_follow_spikes=False,
    count_inputs=(
        "as dense MAC, zeros too; as AC at the ones on a recording where they are all 0 or 1"
    ),
    differs={
        "synapse": "an input that is not only 0 and 1 is multiplied in full, zeros and padding too",
        "attention": (
            "convolutions and matrix products as MAC; gating products, sigmoids and maxima "
            "have no price; element-wise sums are not emulated"
        ),
        "neuron": "the Python of a neuron is not emulated",
        "other": "normalisation costs a sum and a MAC a value; average pools and means are AC",
    },
    rules=free(*BESIDE_SYNAPSES, Role.GATE)
    | dict.fromkeys((Role.SYNAPSE, Role.PERCEPTRON), _weighted)
    | {
        BatchNorm: _batch_norm,
        AvgPool2d: _avg_pool2d,
        SumPool2d: _avg_pool2d,
        Role.PRODUCT: _product,
        Role.SUM: _add,
        Reduce: _reduce,
        TimeMean: _time_mean,
        TimeSum: _time_mean,
        GroupMean: _group_mean,
    },
)
