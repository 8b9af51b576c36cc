"""The three gates of MA-SNN (SA, TA, CA and their chain TCSA), as composites of primitives.

Source: Yao et al. 2023, "Attention Spiking Neural Networks" (TPAMI).
"""

from __future__ import annotations

import numpy as np

from snnc.compiler.ir.attributes import arrays, real
from snnc.compiler.ir.graph import Array, Kind, TensorType
from snnc.compiler.ops.attention.mlp import Mlp
from snnc.compiler.ops.attention.statistics import Statistics
from snnc.compiler.ops.base import Composite, Lowered, Lowering, expect_rank
from snnc.compiler.ops.elementwise.scale import Scale
from snnc.compiler.ops.elementwise.sigmoid import Sigmoid
from snnc.compiler.ops.synapses.conv2d import Conv2d
from snnc.compiler.ops.synapses.weighted_rows import WeightedRows
from snnc.compiler.ops.view import NodeView


class Gate(Composite):
    """Y = X * score(X): what the three gates share."""

    def infer(self, view: NodeView) -> TensorType:
        """The input's own type, as REAL."""
        expect_rank(view.node, view.types[0], 3)
        return view.types[0].of(Kind.REAL)


class SpatialGate(Gate):
    """score = sigmoid(conv_kxk([mean; max] of X over T and C)), one map for all steps.

    attributes: ``mean_scale``. params: ``weight`` [1, 2, k, k] (k odd).
    """

    name = "spatial_gate"
    mean_scale: float = real()
    parameters = arrays("weight")

    def lower(self, view: NodeView) -> Lowered:
        """statistics, conv2d, sigmoid, scale."""
        (x,) = view.node.inputs
        parts = Lowering(view.node)
        statistics = Statistics(over="time_channels", mean_scale=self.mean_scale)
        maps = parts.node("statistics", statistics, [x], module="score.statistics")
        conv = same_size_conv(view.params["weight"], 1)
        logits = parts.node("conv", conv, [maps], view.params, "score.conv")
        score = parts.node("score", Sigmoid(), [logits])
        parts.node("", Scale(), [x, score])
        return parts.lowered


class TemporalGate(Gate):
    """score[t] = sigmoid(mlp(mean) + mlp(max)), both over a whole step; the MLP runs along time.

    params: ``reduce`` [hidden, T], ``expand`` [T, hidden]. It takes maps, and vectors.
    """

    name = "temporal_gate"
    parameters = arrays("reduce", "expand")

    def infer(self, view: NodeView) -> TensorType:
        """The input's own type, as REAL."""
        return view.types[0].of(Kind.REAL)

    def lower(self, view: NodeView) -> Lowered:
        """statistics, mlp, weighted_rows, sigmoid, scale."""
        return _shared_mlp_gate(view, over="all", along="time")


class ChannelGate(Gate):
    """score[c] = sigmoid(mlp(mean) + mlp(max)), both over T, H, W; the MLP runs along channels.

    params: ``reduce`` [hidden, C], ``expand`` [C, hidden].
    """

    name = "channel_gate"
    parameters = arrays("reduce", "expand")

    def lower(self, view: NodeView) -> Lowered:
        """statistics, mlp, weighted_rows, sigmoid, scale."""
        return _shared_mlp_gate(view, over="time_pixels", along="channels")


def _shared_mlp_gate(view: NodeView, over: str, along: str) -> Lowered:
    (x,) = view.node.inputs
    parts = Lowering(view.node)
    statistics = parts.node("statistics", Statistics(over=over, mean_scale=1.0), [x])
    mlp = parts.node("mlp", Mlp(along=along), [statistics], view.params)
    weights = {"weights": np.ones(2)}
    total = parts.node("sum", WeightedRows(), [mlp], weights, module="mlp")
    score = parts.node("score", Sigmoid(), [total], module="mlp.activation")
    parts.node("", Scale(), [x, score])
    return parts.lowered


def same_size_conv(weight: Array, groups: int) -> Conv2d:
    """A stride-1 convolution that keeps the size (odd kernel)."""
    top, left = weight.shape[2] // 2, weight.shape[3] // 2
    padding = (top, left, top, left)
    return Conv2d(stride=(1, 1), padding=padding, dilation=(1, 1), groups=groups)
