"""``paper``: the rule behind Table 3 of Yao et al. 2023."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from snnc.compiler.ir.graph import Graph, Kind, Node, fires
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import Arrange, Concat, Delay, Feedback, MaskedGate, Mlp, Pad, SumPool2d
from snnc.compiler.ops.base import as_op
from snnc.estimator.activity import Values
from snnc.estimator.conventions.base import (
    BESIDE_SYNAPSES,
    Convention,
    CountedOn,
    Number,
    StepCounts,
    Visit,
    dense_macs,
    free,
    perceptron_macs,
    product_macs,
)

Rates = Sequence[Fraction]


def _synapse(visit: Visit) -> StepCounts:
    return _spatial(visit) if visit.in_attention else _layer(visit)


def _spatial(visit: Visit) -> StepCounts:
    # A spatial kernel is charged once a time step, and of ASA's two kernels only one: 18 a pixel.
    kernel = int(visit.params["weight"][0].size)
    return {"mac": [visit.node.type.pixels * kernel] * visit.graph.time_steps}


def _layer(visit: Visit) -> StepCounts:
    """Dense work times the firing rate of the layer before; dense MAC where no neuron feeds it."""
    dense = dense_macs(visit)
    rates = _rates(visit.graph, visit.graph[visit.node.inputs[0]], visit.values)
    if rates is None:
        return visit.every_step(mac=dense)
    return {"ac": [_whole(rate * dense) for rate in rates]}


def _product(visit: Visit) -> StepCounts:
    """As of a synapse whose weights are one factor: dense work times the firing rate of a factor
    that holds spikes, the first if both do; dense MAC where neither does."""
    dense = product_macs(visit)
    for name in visit.node.inputs:
        rates = _rates(visit.graph, visit.graph[name], visit.values)
        if rates is not None:
            return {"ac": [_whole(rate * dense) for rate in rates]}
    return visit.every_step(mac=dense)


def _rates(graph: Graph, node: Node, values: Values) -> Rates | None:
    """Firing rate per step of the neurons that feed a node, or None where none do.

    A pool passes the rate of its neurons on, a delay with its lag; a sum of spikes, over a window
    or of two paths, is charged for each summand; logic on spikes, and spikes of which some are left
    out or repeated, have rates of their own.
    """
    moved = isinstance(node.op, Arrange | Concat | Pad) and node.type.kind is Kind.SPIKE
    if moved or node.plays(Role.LOGIC) or fires(node):
        fired = values[node.name].flatten(1).sum(dim=1).tolist()
        return [Fraction(int(count), node.type.size) for count in fired]
    above = [_rates(graph, graph[name], values) for name in graph.sources(node)]
    known = [rates for rates in above if rates is not None]
    if not known or len(known) < len(above):
        return None
    if isinstance(node.op, SumPool2d):
        window = math.prod(node.op.kernel_size)
        return [rate * window for rate in known[0]]
    if isinstance(node.op, Delay | Feedback):
        return _delayed(node.op.steps if isinstance(node.op, Delay) else 1, known[0])
    if node.plays(Role.POOL, Role.WIRING):
        return known[0]
    if node.plays(Role.SUM):
        return [sum(rates, Fraction(0)) for rates in zip(*known, strict=True)]
    return None


def _delayed(steps: int, rates: Rates) -> Rates:
    lag = min(steps, len(rates))
    return [Fraction(0)] * lag + list(rates[: len(rates) - lag])


def _whole(number: Fraction) -> Number:
    """An int where it is one, so that sums stay fast."""
    return int(number) if number.denominator == 1 else number


def _mlp(visit: Visit) -> StepCounts:
    length = visit.params["reduce"].shape[1]
    given = visit.types[0]
    lanes = given.size if as_op(visit.node, Mlp).along == "time" else given.size // length
    return {"mac": [perceptron_macs(visit) * lanes]}


def _gate(visit: Visit) -> StepCounts:
    return visit.every_step(mac=visit.node.type.size)


PAPER = Convention(
    name="paper",
    title="the rule of Table 3 (Yao et al. 2023)",
    rule=(
        "A synapse costs its dense work (padding included, before any pool) times the firing rate "
        "of the layer before it, as AC (a product of two activations: of the first factor that is "
        "spikes); the first layer, which reads event counts, costs its dense "
        "work as MAC. Attention, as MAC: the gating product T·C·H·W of SA, TA and CA but not of "
        "ASA; a spatial kernel once per time step (98 a pixel for SA's 7×7, 18 for one of ASA's "
        "two 3×3); the perceptrons. Everything else is free."
    ),
    source=(
        "Yao et al., Inherent Redundancy in Spiking Neural Networks, ICCV 2023, Eq. 11 and Table "
        "3. The paper does not state its rule: this one is inferred from the printed numbers and "
        "gives SA 14.3M and ASA-1 2.6M as printed; TCSA 27.1M against 27.3M; ASA-2, which has no "
        "mixing along time, 1.5M against 2.6M."
    ),
    counted_on=CountedOn.SPIKES,
    charges_borders=True,
    counts_follow_spikes=True,
    count_inputs=(
        "event counts of the input as MAC, zeros too; of sums of spikes, each spike costs its "
        "share of the dense work as AC, as if the summands were read one by one"
    ),
    differs={
        "synapse": (
            "the first layer multiplies its zeros too; behind a pool on spikes the rate is "
            "that of the neurons before the pool"
        ),
        "attention": (
            "a spatial kernel is charged once per time step, the gate of SA, TA and CA as MAC"
            " and that of ASA not at all; statistics, masks and sigmoids are free"
        ),
        "neuron": "neurons are free",
        "other": "pools, normalisation and readout are free",
    },
    rules=free(*BESIDE_SYNAPSES, MaskedGate)
    | {Role.SYNAPSE: _synapse, Role.PERCEPTRON: _mlp, Role.GATE: _gate, Role.PRODUCT: _product},
)
