"""Gating in fixed point: a current times a score per channel, per pixel, or one for all."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.base import Rows, Sample
from snnc.compiler.ops.elementwise.scale import Scale, spread
from snnc.compiler.ops.int8.fixed import SCORE_BITS, Form, IntegerOp, round_shift
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class ScaleI8(IntegerOp, Scale):
    """y = round_shift(x g, 15); scores are below 2^15, so y fits int16."""

    name = "scale_i8"
    form = Form.CURRENT
    rows = Rows.MAP

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int16")

    def reference(self, run: NodeRun) -> torch.Tensor:
        return round_shift(super().reference(run), SCORE_BITS)

    def emit(self, node: Node, c: Emitter) -> None:
        how = spread(c.input_type(0), c.input_type(1))
        steps = {"scalar": (0, 0), "channels": (0, 1), "pixels": (1, 0)}[str(how)]
        sizes = c.row_pixels(node.type), node.type.channels
        factor = c.row_input(1) if how == "pixels" else c.input(1)
        c.call("snn_scale_i16", *sizes, *steps, c.row_input(0), factor, c.row_output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for factor in [(1,), (5,), (1, 3, 4)]:
            for temporal in [True, False]:
                g = TensorType(factor, Kind.REAL, temporal, "int16")
                yield Sample(cls(), (TensorType((5, 3, 4), Kind.REAL, dtype="int16"), g))
