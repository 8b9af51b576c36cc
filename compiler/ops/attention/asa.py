"""Advance spatial attention (ASA-1 and ASA-2), as a composite of primitives.

Source: Yao et al. 2023, "Inherent Redundancy in Spiking Neural Networks" (ICCV), Eqs. 5, 6, 8-10.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.attention.gates import Gate, same_size_conv
from snnc.compiler.ops.attributes import Parameter, arrays, real
from snnc.compiler.ops.base import Lowered, Lowering
from snnc.compiler.ops.view import NodeView


class Asa(Gate):
    """Two complementary groups of (step, channel), each gated by a score map of its own.

    attrs: ``mean_scale``. params: ``alpha``, ``gamma`` (scalars); ``score1``, ``score2``
    [1, 2, k, k]; for ASA-1 ``reduce`` [hidden, T] and ``expand`` [T, hidden], or ``expand``
    [T, T] alone.
    """

    name = "asa"
    attributes = (real("mean_scale"),)
    parameters = (
        *arrays("alpha", "gamma", "score1", "score2"),
        Parameter("reduce").optional,
        Parameter("expand").optional,
    )

    def lower(self, view: NodeView) -> Lowered:
        """statistics, mix, mask, masked statistics, one grouped conv2d, sigmoid, gate."""
        (x,) = view.node.inputs
        parts = Lowering(view.node)
        pooled = {"over": "pixels", "mean_scale": 1.0}
        statistics = parts.node("statistics", "statistics", [x], pooled)
        # (F_avg + F_max)/2 + alpha F_avg + gamma F_max, with the weights of each row summed
        weights = np.array([0.5 + view.params["alpha"].item(), 0.5 + view.params["gamma"].item()])
        mixed = parts.node("mix", "weighted_rows", [statistics], params={"weights": weights})
        if "expand" in view.params:
            mlp, attrs = _perceptron(view.params)
            mixed = parts.node("mlp", "mlp", [mixed], attrs, mlp, "mix.expand")
            mixed = parts.node("activation", "sigmoid", [mixed], module="mix.activation")
        mask = parts.node("select", "complementary_mask", [mixed])
        scale = {"mean_scale": view.attrs["mean_scale"]}
        maps = parts.node("maps", "masked_statistics", [x, mask], scale)
        weight = np.concatenate([view.params["score1"], view.params["score2"]])
        conv = parts.node(
            "conv", "conv2d", [maps], same_size_conv(weight, groups=2), {"weight": weight}
        )
        scores = parts.node("scores", "sigmoid", [conv])
        parts.node("", "masked_gate", [x, mask, scores])
        return parts.lowered


def _perceptron(params: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, object]]:
    """Parameters and attributes of the mixing along time.

    One matrix becomes two by W x = ReLU(W x) - ReLU(-W x), which rounds nothing more.
    """
    expand = params["expand"]
    if "reduce" in params:
        return {"reduce": params["reduce"], "expand": expand}, {"along": "time"}
    one = np.eye(len(expand))
    two = {"reduce": np.vstack([expand, -expand]), "expand": np.hstack([one, -one])}
    return two, {"along": "time", "one_matrix": True}
