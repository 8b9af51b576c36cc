"""Rectified linear unit."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Relu(Op):
    """y = max(x, 0), per element."""

    name = "relu"
    layout = Layout.ALIKE
    roles = (Role.ACTIVATION,)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return view.types[0].of(Kind.REAL)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return torch.relu(run.inputs[0])

    def error(self, run: BoundedRun) -> torch.Tensor:
        return cut_error(run.inputs[0], run.errors[0])

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, cmp=run.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        c.call("snn_relu_f32", node.type.size, c.real_input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (TensorType((7, 3, 5), Kind.REAL),))
        yield Sample(cls(), (TensorType((35,), Kind.REAL, temporal=False),))


def cut_error(x: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """Error of max(x, 0): none where x is surely negative."""
    return torch.where(x + error <= 0, torch.zeros_like(error), error)
