"""ASA's pooled maps in fixed point."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.attention.masked_statistics import MaskedStatistics, groups
from snnc.compiler.ops.base import Rows, Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp, round_shift
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MaskedStatisticsI8(IntegerOp, MaskedStatistics):
    """[mean1; max1; mean2; max2] of the two groups: means round_shift(sum factor, shift), maxima
    times 2^bits.

    attributes: as MaskedStatistics, and ``factor``, ``shift``, ``bits``. The sums over T*C are
    int32: a pass bounds T*C.
    """

    name = "masked_statistics_i8"
    form = Form.STATISTIC
    factor: int = whole()
    shift: int = whole()
    bits: int = whole()
    rows = Rows.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        rows = []
        for group in groups(*run.inputs):
            total = group.sum(dim=(0, 1)) * self.factor
            rows.append(round_shift(total, self.shift))
            rows.append(group.amax(dim=(0, 1)) << self.bits)
        return torch.stack(rows)[None]

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        mean = c.shape("snn_mean_i8", factor=self.factor, shift=self.shift, bits=self.bits)
        name, sizes = "snn_masked_statistics", (c.row_pixels(given), given.channels)
        c.begin(f"{name}_begin_i16", given.pixels, c.output())
        c.call(f"{name}_accumulate_i16", *sizes, c.row_input(0), c.input(1), c.row_output())
        c.end(f"{name}_finish_i16", mean, given.pixels, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in [(5, 3, 4), (33, 5, 7), (64, 2, 2)]:
            given = TensorType(shape, Kind.REAL, dtype="int16")
            mask = TensorType((shape[0],), Kind.SPIKE)
            yield Sample(cls(mean_scale=2.0, factor=700_000, shift=21, bits=4), (given, mask))
