"""Elementwise scaling and shift by constants."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import arrays
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample
from snnc.compiler.ops.elementwise import constants as elementwise
from snnc.compiler.ops.rounding import SMALLEST, gamma, parameter_rounding
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

CONSTANTS = ("scale", "shift")


class Affine(Op):
    """y = scale x + shift, per input element: the product rounds, then the sum.

    params: ``scale`` and ``shift``, each per channel [C, 1, ...] or per element (the full shape).
    """

    name = "affine"
    layout = Layout.ALIKE
    roles = (Role.NORMALISATION,)
    parameters = arrays("scale", "shift")

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        elementwise.check_shapes(view.node, view.types[0], view.params)
        return view.types[0].of(Kind.REAL)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.params["scale"] * run.inputs[0] + run.params["shift"]

    def error(self, run: BoundedRun) -> torch.Tensor:
        scale, shift = (run.params[role] for role in CONSTANTS)
        size = run.inputs[0].abs() + run.errors[0]
        constants = parameter_rounding(scale) * size + parameter_rounding(shift)
        rounding = gamma(3.0) * (scale.abs() * size + shift.abs()) + 2 * SMALLEST
        return scale.abs() * run.errors[0] + constants + rounding

    def count(self, run: NodeRun) -> Counts:
        n = run.type.size
        return Counts.of(run.steps, mul=n, add=n)

    def emit(self, node: Node, c: Emitter) -> None:
        given = node.type
        arrays = elementwise.constants(node, c, CONSTANTS)
        sizes = (given.pixels, given.channels, arrays.stride)
        c.call("snn_affine_varied_f32", *sizes, *arrays.symbols, c.real_input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(5)
        for kind in Kind:
            for shape, constant in [((7,), (7,)), ((33, 3, 5), (33, 1, 1)), ((5, 2, 2), (5, 2, 2))]:
                params = {role: rng.normal(size=constant) for role in CONSTANTS}
                yield Sample(cls(), (TensorType(shape, kind),), params=params)
