"""Readout in integers: the sum over the window, T times the mean."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Sample
from snnc.compiler.ops.int8.fixed import CountedIn, IntegerOp
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class TimeSumI8(CountedIn, IntegerOp):
    """y = sum over t of x[t], int32, which stand for ``unit`` each."""

    name = "time_sum_i8"
    roles = (Role.READOUT,)

    def time(self) -> Time:
        return Time.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        return TensorType(view.types[0].shape, Kind.REAL, temporal=False, dtype="int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0].sum(dim=0, keepdim=True)

    def count(self, run: NodeRun) -> Counts:
        counts = Counts.of(run.steps, add=run.type.size)
        if run.types[0].kind is Kind.SPIKE:
            counts.add[:] = (run.inputs[0] != 0).flatten(1).sum(dim=1).numpy()
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        c.begin("snn_clear_i32", given.size, c.output())
        if given.kind is Kind.SPIKE:
            sizes = given.pixels, given.channels
            c.call("snn_time_sum_spike_i32", *sizes, c.input(0), c.output())
        else:
            wide = int(given.dtype == "int32")
            c.call("snn_time_sum_i32", given.size, wide, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in [(11,), (33, 2, 2)]:
            yield Sample(cls(), (TensorType(shape, Kind.SPIKE),), time_steps=5)
            yield Sample(cls(), (TensorType(shape, Kind.REAL, dtype="int16"),), time_steps=5)
