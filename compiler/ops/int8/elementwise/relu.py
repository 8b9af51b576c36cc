"""Rectifier of currents in fixed point."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Rows, Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class ReluI8(IntegerOp):
    """y = max(x, 0), in the input's unit."""

    name = "relu_i8"
    form = Form.CURRENT
    roles = (Role.ACTIVATION,)
    rows = Rows.MAP

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return view.types[0].stored_as("int16")

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0].clamp(min=0)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, cmp=run.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        size = c.row_pixels(node.type) * node.type.channels
        c.call("snn_relu_i16", size, c.row_input(0), c.row_output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (TensorType((7, 3, 5), Kind.REAL, dtype="int16"),))
