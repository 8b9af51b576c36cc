"""The three gates of MA-SNN (SA, TA, CA and their chain TCSA), as composites of primitives.

Source: Yao et al. 2023, "Attention Spiking Neural Networks" (TPAMI).
"""

from __future__ import annotations

import numpy as np

from snnc.compiler.ir.graph import Array, Kind, TensorType
from snnc.compiler.ops.attributes import arrays, real
from snnc.compiler.ops.base import Composite, Lowered, Lowering, expect_rank
from snnc.compiler.ops.view import NodeView


class Gate(Composite):
    """Y = X * score(X): what the three gates share."""

    def infer(self, view: NodeView) -> TensorType:
        """The input's own type, as REAL."""
        expect_rank(view.node, view.types[0], 3)
        return view.types[0].of(Kind.REAL)


class SpatialGate(Gate):
    """score = sigmoid(conv_kxk([mean; max] of X over T and C)), one map for all steps.

    attrs: ``mean_scale``. params: ``weight`` [1, 2, k, k] (k odd).
    """

    name = "spatial_gate"
    attributes = (real("mean_scale"),)
    parameters = arrays("weight")

    def lower(self, view: NodeView) -> Lowered:
        """statistics, conv2d, sigmoid, scale."""
        (x,) = view.node.inputs
        parts = Lowering(view.node)
        attrs = {"over": "time_channels", "mean_scale": view.attrs["mean_scale"]}
        maps = parts.node("statistics", "statistics", [x], attrs, module="score.statistics")
        conv = parts.node(
            "conv",
            "conv2d",
            [maps],
            same_size_conv(view.params["weight"], 1),
            view.params,
            "score.conv",
        )
        score = parts.node("score", "sigmoid", [conv])
        parts.node("", "scale", [x, score])
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
    attrs = {"over": over, "mean_scale": 1.0}
    statistics = parts.node("statistics", "statistics", [x], attrs)
    mlp = parts.node("mlp", "mlp", [statistics], {"along": along}, view.params)
    weights = {"weights": np.ones(2)}
    total = parts.node("sum", "weighted_rows", [mlp], params=weights, module="mlp")
    score = parts.node("score", "sigmoid", [total], module="mlp.activation")
    parts.node("", "scale", [x, score])
    return parts.lowered


def same_size_conv(weight: Array, groups: int) -> dict[str, object]:
    """Attributes of a stride-1 convolution that keeps the size (odd kernel)."""
    top, left = weight.shape[2] // 2, weight.shape[3] // 2
    padding = (top, left, top, left)
    return {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": groups}
