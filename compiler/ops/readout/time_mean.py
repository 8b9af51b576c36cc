"""Readout: the mean over the window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample, expect_time
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import Argument


class Total(Op):
    """What the mean and the sum over the window share: one running sum. Spikes are summed as
    integers."""

    layout = Layout.ALIKE
    roles = (Role.READOUT,)
    divisor: ClassVar[Argument]

    def time(self) -> Time:
        return Time.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        expect_time(view.node, view.types[0])
        given = view.types[0]
        return TensorType(given.shape, Kind.REAL, temporal=False, packed=given.packed)

    def count(self, run: NodeRun) -> Counts:
        counts = Counts.of(run.steps, add=run.type.size)
        if run.types[0].kind is Kind.SPIKE:
            counts.add[:] = (run.inputs[0] != 0).flatten(1).sum(dim=1).numpy()
        counts.mul[-1] = run.type.size
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        if given.kind is Kind.SPIKE:
            total = c.state("sum", "uint32_t", given.size)
            c.call("snn_time_sum_spike", given.pixels, given.channels, c.input(0), total)
            c.end("snn_time_mean_finish_f32", given.size, self.divisor, total, c.output())
        else:
            total = c.state("sum", "float", given.size)
            c.call("snn_time_sum_f32", given.size, c.real_input(0), total)
            c.end("snn_time_mean_f32", given.size, self.divisor, total, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            yield Sample(cls(), (TensorType((11,), kind),), time_steps=5)
            yield Sample(cls(), (TensorType((33, 2, 2), kind),), time_steps=4)


class TimeMean(Total):
    """y = (1/T) sum over t of x[t]."""

    name = "time_mean"
    divisor: ClassVar[Argument] = Emitter.steps_done

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0].mean(dim=0, keepdim=True)

    def error(self, run: BoundedRun) -> torch.Tensor:
        return mean_error(run)


def mean_error(run: BoundedRun) -> torch.Tensor:
    """Bound on the error of the mean over the window."""
    steps = run.steps
    size = (run.inputs[0].abs() + run.errors[0]).mean(dim=0, keepdim=True)
    carried = run.errors[0].mean(dim=0, keepdim=True)
    return carried + gamma(steps + 1.0) * size + steps * SMALLEST
