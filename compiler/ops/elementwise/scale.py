"""Gating: a value times a factor per channel, per pixel, or one for all."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Rows, Sample, shape_error
from snnc.compiler.ops.rounding import rounded
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Scale(Op):
    """Y[c, y, x] = X[c, y, x] * g, where g is [1], [C] or [1, H, W].

    inputs: x, g. Either may be temporal; so is the result then.
    """

    name = "scale"
    roles = (Role.GATE,)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        given, factor = view.types
        if spread(given, factor) is None:
            raise shape_error(view.node, f"cannot scale {given} by {factor}")
        return TensorType(given.shape, Kind.REAL, given.temporal or factor.temporal)

    def reference(self, run: NodeRun) -> torch.Tensor:
        x, g = run.inputs
        return x * g.reshape(*g.shape, *[1] * (x.ndim - g.ndim))

    def error(self, run: BoundedRun) -> torch.Tensor:
        x, g = (value.abs() for value in run.inputs)
        x_error, g_error = run.errors
        scaled = [self.reference(run.on(pair)) for pair in [(x, g_error), (x_error, g + g_error)]]
        return rounded(run.output, scaled[0] + scaled[1])

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(max(x.shape[0] for x in run.inputs), mul=run.type.size)

    def rows_of(self, view: NodeView) -> Rows:
        """Inputs that are not REAL are converted as a whole."""
        real = view.types[0].kind is view.types[1].kind is Kind.REAL
        return Rows.MAP if real and len(view.types[0].shape) == 3 else Rows.NEVER

    def emit(self, node: Node, c: Emitter) -> None:
        how = spread(*(c.input_type(index) for index in (0, 1)))
        sizes = c.row_pixels(node.type), node.type.channels
        x = c.row_input(0) if c.in_band else c.real_input(0)
        g = c.row_input(1) if c.in_band and how == "pixels" else c.real_input(1)
        c.call(f"snn_scale_{how}_f32", *sizes, x, g, c.row_output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        shape = (5, 3, 4)
        for factor in [(1,), (5,), (1, 3, 4)]:
            for temporal in [True, False]:
                g = TensorType(factor, Kind.REAL, temporal)
                yield Sample(cls(), (TensorType(shape, Kind.REAL), g))


def spread(given: TensorType, factor: TensorType) -> str | None:
    """How the factor is spread over the value, as the kernel's name says it."""
    if factor.shape == (1,):
        return "scalar"
    if factor.shape == (given.channels,):
        return "channels"
    return "pixels" if factor.shape == (1, *given.shape[1:]) else None
