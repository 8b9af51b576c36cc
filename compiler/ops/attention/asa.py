"""Advance spatial attention (ASA-1 and ASA-2), as a composite of primitives.

Source: Yao et al. 2023, "Inherent Redundancy in Spiking Neural Networks" (ICCV), Eqs. 5, 6, 8-10.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnc.compiler.ir.attributes import Parameter, arrays, real
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.attention.complementary_mask import ComplementaryMask
from snnc.compiler.ops.attention.gates import Gate, same_size_conv
from snnc.compiler.ops.attention.masked_gate import MaskedGate
from snnc.compiler.ops.attention.masked_statistics import MaskedStatistics
from snnc.compiler.ops.attention.mlp import Mlp
from snnc.compiler.ops.attention.statistics import Statistics
from snnc.compiler.ops.base import Lowered, Lowering
from snnc.compiler.ops.elementwise.sigmoid import Sigmoid
from snnc.compiler.ops.synapses.weighted_rows import WeightedRows
from snnc.compiler.ops.view import NodeView


class Asa(Gate):
    """Two complementary groups of (step, channel), each gated by a score map of its own.

    attributes: ``mean_scale``. params: ``alpha``, ``gamma`` (scalars); ``score1``, ``score2``
    [1, 2, k, k]; for ASA-1 ``reduce`` [hidden, T] and ``expand`` [T, hidden], or ``expand``
    [T, T] alone.
    """

    name = "asa"
    mean_scale: float = real()
    parameters = (
        *arrays("alpha", "gamma", "score1", "score2"),
        Parameter("reduce").optional,
        Parameter("expand").optional,
    )

    def lower(self, view: NodeView) -> Lowered:
        """statistics, mix, mask, masked statistics, one grouped conv2d, sigmoid, gate."""
        (x,) = view.node.inputs
        parts = Lowering(view.node)
        pooled = Statistics(over="pixels", mean_scale=1.0)
        statistics = parts.node("statistics", pooled, [x])
        # (F_avg + F_max)/2 + alpha F_avg + gamma F_max, with the weights of each row summed
        weights = np.array([0.5 + view.params["alpha"].item(), 0.5 + view.params["gamma"].item()])
        mixed = parts.node("mix", WeightedRows(), [statistics], {"weights": weights})
        if "expand" in view.params:
            mlp, matrices = _perceptron(view.params)
            mixed = parts.node("mlp", mlp, [mixed], matrices, "mix.expand")
            mixed = parts.node("activation", Sigmoid(), [mixed], module="mix.activation")
        mask = parts.node("select", ComplementaryMask(), [mixed])
        maps = parts.node("maps", MaskedStatistics(mean_scale=self.mean_scale), [x, mask])
        weight = np.concatenate([view.params["score1"], view.params["score2"]])
        conv = parts.node("conv", same_size_conv(weight, groups=2), [maps], {"weight": weight})
        scores = parts.node("scores", Sigmoid(), [conv])
        parts.node("", MaskedGate(), [x, mask, scores])
        return parts.lowered


def _perceptron(params: Mapping[str, Array]) -> tuple[Mlp, dict[str, Array]]:
    """The mixing along time, and its parameters.

    One matrix becomes two by W x = ReLU(W x) - ReLU(-W x), which rounds nothing more.
    """
    expand = params["expand"]
    if "reduce" in params:
        return Mlp(along="time"), {"reduce": params["reduce"], "expand": expand}
    one = np.eye(len(expand))
    two = {"reduce": np.vstack([expand, -expand]), "expand": np.hstack([one, -one])}
    return Mlp(along="time", one_matrix=True), two
