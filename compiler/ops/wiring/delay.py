"""Delay by a whole number of time steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Most, Op, Sample, expect_time, unsupported
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Delay(Op):
    """y[t] = x[t - steps], 0 before the window. attributes: ``steps``, at least 1."""

    name = "delay"
    layout = Layout.ALIKE
    roles = (Role.WIRING,)
    steps: int = whole(1)

    def time(self) -> Time:
        return Time.STATE

    def infer(self, view: NodeView) -> TensorType:
        expect_time(view.node, view.types[0])
        if self.steps < 1:
            raise unsupported(
                view.node, "a delay must be a positive number of steps", "Leave it out."
            )
        return view.types[0]

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return given[0]

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        steps = min(self.steps, len(x))
        return torch.cat([torch.zeros_like(x[:steps]), x[: len(x) - steps]])

    def error(self, run: BoundedRun) -> torch.Tensor:
        return self.reference(run.on([run.errors[0]]))

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        given, steps = c.input_type(0), self.steps
        bytes_ = layout.step_bytes(given)
        ring = c.state("ring", layout.c_type(given), layout.elements(given) * steps)
        c.call("snn_delay", bytes_, steps, c.steps_done, c.input(0), ring, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for steps in (1, 3, 6):
                yield Sample(cls(steps=steps), (TensorType((33, 2, 3), kind),), time_steps=7)
