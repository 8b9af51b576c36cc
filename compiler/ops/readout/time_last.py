"""Readout: the value of the last step."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_time
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class OneStep(Op):
    """What a readout shares that gives a value of one step."""

    roles = (Role.READOUT,)

    def time(self) -> Time:
        return Time.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        expect_time(view.node, view.types[0])
        return TensorType(view.types[0].shape, Kind.REAL, temporal=False)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            yield Sample(cls(), (TensorType((11,), kind),), time_steps=5)
            yield Sample(cls(), (TensorType((33, 2, 2), kind),), time_steps=4)


class TimeLast(OneStep):
    """y = x[T-1]; of a stream the value of the latest step."""

    name = "time_last"

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0][-1:]

    def error(self, run: BoundedRun) -> torch.Tensor:
        return run.errors[0][-1:]

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        last = c.state("last", "float", node.type.size)
        c.call("snn_time_last_f32", node.type.size, c.real_input(0), last)
        c.end("snn_time_last_f32", node.type.size, last, c.output())
