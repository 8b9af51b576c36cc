"""Elementwise scaling and shift by constants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import arrays
from snnc.compiler.ops.base import Counts, Layout, Op, Params, Sample
from snnc.compiler.ops.elementwise import constants as elementwise
from snnc.compiler.ops.rounding import SMALLEST, gamma, parameter_rounding
from snnc.compiler.program.emitter import Emitter

CONSTANTS = ("scale", "shift")


class Affine(Op):
    """y = scale x + shift, per input element: the product rounds, then the sum.

    params: ``scale`` and ``shift``, each per channel [C, 1, ...] or per element (the full shape).
    """

    name = "affine"
    layout = Layout.ALIKE
    parameters = arrays("scale", "shift")

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        elementwise.check_shapes(node, inputs[0], params)
        return inputs[0].of(Kind.REAL)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return params["scale"] * inputs[0] + params["shift"]

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        scale, shift = (params[role] for role in CONSTANTS)
        size = inputs[0].abs() + errors[0]
        constants = parameter_rounding(scale) * size + parameter_rounding(shift)
        rounding = gamma(3.0) * (scale.abs() * size + shift.abs()) + 2 * SMALLEST
        return scale.abs() * errors[0] + constants + rounding

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        n = node.type.size
        return Counts.of(inputs[0].shape[0], mul=n, add=n)

    def emit(self, node: Node, c: Emitter) -> None:
        given = node.type
        arrays = elementwise.constants(node, c, CONSTANTS)
        sizes = (given.pixels, given.channels, arrays.stride)
        c.call("snn_affine_varied_f32", *sizes, *arrays.symbols, c.real_input(0), c.output())

    def samples(self) -> Iterable[Sample]:
        rng = np.random.default_rng(5)
        for kind in Kind:
            for shape, constant in [((7,), (7,)), ((33, 3, 5), (33, 1, 1)), ((5, 2, 2), (5, 2, 2))]:
                params = {role: rng.normal(size=constant) for role in CONSTANTS}
                yield Sample((TensorType(shape, kind),), params=params)
