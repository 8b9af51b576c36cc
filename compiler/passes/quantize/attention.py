"""Attention in integers: statistics, what is mixed from them, and gates, each in one unit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnc.compiler.ir.graph import Node
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import (
    MaskedGate,
    MaskedGateI8,
    MaskedStatistics,
    MaskedStatisticsI8,
    MlpI8,
    Relu,
    ReluI8,
    Scale,
    ScaleI8,
    SigmoidI8,
    Statistics,
    StatisticsI8,
    WeightedRowsI8,
)
from snnc.compiler.ops.base import as_op, unsupported
from snnc.compiler.ops.int8.fixed import LIMITS, LOGIT_BITS, SCORE_BITS, Form, multiplier
from snnc.compiler.ops.int8.scaling import Scaled, fractions, shifted_bound
from snnc.compiler.passes.quantize.building import ONE, Building

FRACTION_BITS = 4
"""Fraction bits of pooled statistics and what is mixed from them."""

FACTOR_BITS = 20
"""Significant bits of the constant factors of means and logits."""


def statistics(g: Building, node: Node) -> None:
    """Means and maxima with FRACTION_BITS more than the current."""
    source, op = g.graph[node.inputs[0]].type, as_op(node, Statistics)
    node = g.current(node)
    terms = {
        "pixels": source.pixels,
        "all": source.size,
        "time_pixels": source.pixels * g.graph.time_steps,
        "time_channels": source.channels * g.graph.time_steps,
    }[op.over]
    scaled, factors = _pooled(g, node, op.mean_scale, terms)
    g.add(node, StatisticsI8.like(op, **factors), scaled)


def masked_statistics(g: Building, node: Node) -> None:
    """The same over time and channels of two groups; their sums are int32."""
    terms = g.graph[node.inputs[0]].type.channels * g.graph.time_steps
    if terms >= 2**16:
        raise unsupported(
            node,
            f"the sum of T*C = {terms:,} currents may leave 32 bits (at most 65,535)",
            "Use fewer time steps or channels.",
        )
    node = g.current(node)
    op = as_op(node, MaskedStatistics)
    scaled, factors = _pooled(g, node, op.mean_scale, terms)
    g.add(node, MaskedStatisticsI8.like(op, **factors), scaled)


def _pooled(g: Building, node: Node, scale: float, terms: int) -> tuple[Scaled, dict[str, int]]:
    factor, shift = multiplier(scale / terms * 2**FRACTION_BITS, FACTOR_BITS)
    bound = int(max(1.0, scale) * (LIMITS["int16"] + 1)) << FRACTION_BITS
    unit = g.scaled[node.inputs[0]].unit / 2**FRACTION_BITS
    return Scaled(unit, bound), {"factor": factor, "shift": shift, "bits": FRACTION_BITS}


def weighted_rows(g: Building, node: Node) -> None:
    """Weights in units of a power of two."""
    given = _one_unit(g, node)
    weights, shift = fractions(g.graph.params_of(node)["weights"])
    bound = shifted_bound(given.bound * int(np.abs(weights).sum()), shift)
    scaled = Scaled(given.unit, bound)
    g.add(node, WeightedRowsI8(shift=shift), scaled, {"weights": weights})


def mlp(g: Building, node: Node) -> None:
    """Both layers in units of powers of two; the bound holds for the hidden layer too."""
    given, own = _one_unit(g, node), g.graph.params_of(node)
    reduce, shift1 = fractions(own["reduce"])
    expand, shift2 = fractions(own["expand"])
    hidden = shifted_bound(given.bound * int(np.abs(reduce).sum(axis=1).max()), shift1)
    bound = shifted_bound(hidden * int(np.abs(expand).sum(axis=1).max()), shift2)
    op = MlpI8.like(node.op, shift1=shift1, shift2=shift2)
    params = {"reduce": reduce, "expand": expand}
    scaled = Scaled(given.unit, max(hidden, bound))
    g.add(node, op, scaled, params)


def sigmoid(g: Building, node: Node) -> None:
    """By table; left out where only an order is read from it, which it keeps."""
    given = _one_unit(g, node)
    if all(user.plays(Role.MASK) for user in g.users[node.name]):
        g.renamed[node.name] = node.inputs[0]
        return
    factor, shift = multiplier(float(given.unit[0]) * 2**LOGIT_BITS, FACTOR_BITS)
    scaled = Scaled(np.array([2.0**-SCORE_BITS]), LIMITS["int16"])
    g.add(node, SigmoidI8(factor=factor, shift=shift), scaled)


def _one_unit(g: Building, node: Node) -> Scaled:
    """The input, which must be a pooled statistic or what is mixed from one."""
    g.require(node, node.inputs[0], Form.STATISTIC)
    return g.scaled[node.inputs[0]]


def complementary_mask(g: Building, node: Node) -> None:
    """Compares integers of one unit; the op is the same."""
    _one_unit(g, node)
    g.keep(node, Scaled(ONE, 1))


def gate(g: Building, node: Node) -> None:
    """masked_gate, scale, relu: int16 in the unit of the current."""
    node = g.current(node)
    g.add(node, _GATES[type(node.op)](), g.scaled[node.inputs[0]])


_GATES: Mapping[type[Operation], type[MaskedGateI8 | ScaleI8 | ReluI8]] = {
    MaskedGate: MaskedGateI8,
    Scale: ScaleI8,
    Relu: ReluI8,
}
