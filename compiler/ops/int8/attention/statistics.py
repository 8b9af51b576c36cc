"""Mean and maximum of currents, in fixed point."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ops.attention.statistics import Statistics
from snnc.compiler.ops.base import Rows, Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp, round_shift
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class StatisticsI8(IntegerOp, Statistics):
    """Row 0 round_shift(sum factor, shift), row 1 maximum 2^bits, over the axes of ``over``.

    attributes: as Statistics, and ``factor``, ``shift`` (the mean), ``bits`` (fraction bits
    of both).
    """

    name = "statistics_i8"
    form = Form.STATISTIC
    factor: int = whole()
    shift: int = whole()
    bits: int = whole()
    rows = Rows.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        axes, shape = self.axes(x)
        total, most = x.sum(dim=axes).reshape(shape), x.amax(dim=axes).reshape(shape)
        mean = round_shift(total * self.factor, self.shift)
        return torch.stack((mean, most << self.bits), dim=1)

    def emit(self, node: Node, c: Emitter) -> None:
        given, over = c.input_type(0), self.over
        values = {"factor": self.factor, "shift": self.shift, "bits": self.bits}
        mean = c.shape("snn_mean_i8", **values)
        # (number of groups, group of a pixel, group of a channel, where the rows of a group lie)
        groups, of_pixel, of_channel, of_group, of_row = {
            "pixels": (given.channels, 0, 1, 1, given.channels),
            "all": (1, 0, 0, 1, 1),
            "time_pixels": (given.channels, 0, 1, 1, given.channels),
            "time_channels": (given.pixels, 1, 0, 2, 1),
        }[over]
        sizes = c.row_pixels(given), given.channels
        if self.time() is Time.REDUCE:
            running = [c.running("sum", "int64_t", groups), c.running("most", "int32_t", groups)]
            c.begin("snn_statistics_begin_i16", groups, *running)
            begun, finish = running, c.end
        else:
            running = [c.scratch("sum", "int64_t", groups), c.scratch("most", "int32_t", groups)]
            c.first("snn_statistics_begin_i16", groups, *running)
            begun, finish = running, c.last
        if of_pixel:
            begun = [c.row(pointer, groups) for pointer in running]
        where = of_pixel, of_channel
        c.call("snn_statistics_accumulate_i16", *sizes, *where, c.row_input(0), *begun)
        rows = of_group, of_row
        finish("snn_statistics_finish_i16", mean, groups, *rows, *running, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for over in ["pixels", "all", "time_pixels", "time_channels"]:
            for shape in [(5, 3, 4), (33, 5, 7), (64, 2, 2)]:
                op = cls(over=over, mean_scale=1.0, factor=600_000, shift=22, bits=4)
                yield Sample(op, (TensorType(shape, Kind.REAL, dtype="int16"),))
