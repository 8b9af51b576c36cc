"""ASA's gate in fixed point: each current times the score of its own group."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.attention.masked_gate import MaskedGate
from snnc.compiler.ops.base import Rows, Sample
from snnc.compiler.ops.int8.fixed import SCORE_BITS, Form, IntegerOp, round_shift
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MaskedGateI8(IntegerOp, MaskedGate):
    """y = round_shift(x (mask ? score_1 : score_2), 15); scores are below 2^15, so y fits."""

    name = "masked_gate_i8"
    form = Form.CURRENT
    rows = Rows.MAP

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int16")

    def reference(self, run: NodeRun) -> torch.Tensor:
        return round_shift(super().reference(run), SCORE_BITS)

    def emit(self, node: Node, c: Emitter) -> None:
        sizes = c.row_pixels(node.type), node.type.channels
        values = c.row_input(0), c.input(1), c.row_input(2)
        c.call("snn_masked_gate_i16", *sizes, *values, c.row_output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in [(5, 3, 4), (33, 5, 7), (64, 2, 2)]:
            mask = TensorType((shape[0],), Kind.SPIKE)
            scores = TensorType((2, *shape[1:]), Kind.REAL, False, "int16")
            yield Sample(cls(), (TensorType(shape, Kind.REAL, dtype="int16"), mask, scores))
