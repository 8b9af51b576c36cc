"""Logistic sigmoid by table, with linear interpolation."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Sample
from snnc.compiler.ops.int8.fixed import LOGIT_BITS, SCORE_BITS, IntegerOp, round_shift
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

RANGE = 8
"""The table covers -RANGE .. RANGE; beyond it the ends hold (0.0003 from 0 and 1)."""

TABLE_BITS = 12
"""A table entry every 2^TABLE_BITS units of the logit."""

_X = np.arange(-RANGE << LOGIT_BITS, (RANGE << LOGIT_BITS) + 1, 1 << TABLE_BITS) / 2**LOGIT_BITS
TABLE = np.floor(2**SCORE_BITS / (1 + np.exp(-_X)) + 0.5).astype(np.int64)
"""sigmoid of every entry in units of 2^-SCORE_BITS, 257 values."""


class SigmoidI8(IntegerOp):
    """y = sigmoid(z) in units of 2^-15, z = round_shift(x factor, shift) in units of 2^-16.

    attributes: ``factor``, ``shift``. z is clamped to [-8, 8 - 2^-16]; between two entries a, b of
    the table the value is a + round_shift((b - a) part, 12).
    """

    name = "sigmoid_i8"
    roles = (Role.STATISTIC,)
    factor: int = whole()
    shift: int = whole()

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return view.types[0].stored_as("int16")

    def reference(self, run: NodeRun) -> torch.Tensor:
        limit = RANGE << LOGIT_BITS
        logit = round_shift(run.inputs[0] * self.factor, self.shift)
        place = logit.clamp(-limit, limit - 1) + limit
        table = torch.from_numpy(TABLE)
        below, part = place >> TABLE_BITS, place & ((1 << TABLE_BITS) - 1)
        step = table[below + 1] - table[below]
        return table[below] + round_shift(step * part, TABLE_BITS)

    def count(self, run: NodeRun) -> Counts:
        n = run.type.size
        return Counts.of(run.steps, mul=2 * n, add=3 * n, cmp=2 * n)

    def emit(self, node: Node, c: Emitter) -> None:
        table = c.shared_constant("sigmoid_table", TABLE, "sigmoid", "int32_t")
        c.call(
            "snn_sigmoid_i16",
            node.type.size,
            self.factor,
            self.shift,
            table,
            c.input(0),
            c.output(),
        )

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        given = TensorType((7, 3, 5), Kind.REAL, dtype="int32")
        yield Sample(cls(factor=700_000, shift=14), (given,))
