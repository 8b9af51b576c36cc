"""Attention's mix of mean and maximum in fixed point."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.base import Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp, round_shift
from snnc.compiler.ops.synapses.weighted_rows import WeightedRows
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class WeightedRowsI8(IntegerOp, WeightedRows):
    """y[n] = round_shift(sum over r of weights[r] x[r, n], shift).

    attributes: ``shift``. params: ``weights`` [R], int32 in units of 2^-shift.
    """

    name = "weighted_rows_i8"
    form = Form.STATISTIC
    shift: int = whole()

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        weighted = run.params["weights"][None, :, None] * run.inputs[0]
        return round_shift(weighted.sum(dim=1), self.shift)

    def emit(self, node: Node, c: Emitter) -> None:
        weights = c.constant("weights", c.param("weights"), "[row]", "int32_t")
        sizes = c.input_type(0).shape
        shift = self.shift
        c.call("snn_weighted_rows_i32", *sizes, shift, 0, weights, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for rows, n in [(2, 33), (3, 5)]:
            weights = np.arange(1, rows + 1) * 5000 * (-1) ** np.arange(rows)
            given = TensorType((rows, n), Kind.REAL, dtype="int32")
            yield Sample(cls(shift=14), (given,), {"weights": weights})
