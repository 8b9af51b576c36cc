"""Attention's two-layer perceptron in fixed point."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.attention.mlp import Mlp, product
from snnc.compiler.ops.base import Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp, round_shift
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MlpI8(IntegerOp, Mlp):
    """y = round_shift(W2 h, shift2) with h = relu(round_shift(W1 x, shift1)), along one axis.

    attributes: ``along``, ``shift1``, ``shift2``. params: ``reduce``, ``expand``: int16 values in
    units of 2^-shift1 and 2^-shift2, so that x, h and y share one unit.
    """

    name = "mlp_i8"
    form = Form.STATISTIC
    shift1: int = whole()
    shift2: int = whole()

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        hidden = product(self.along, run.params["reduce"], run.inputs[0])
        hidden = round_shift(hidden, self.shift1).clamp(min=0)
        return round_shift(product(self.along, run.params["expand"], hidden), self.shift2)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        hidden, length = c.param("reduce").shape
        shifts = self.shift1, self.shift2
        w1 = c.constant("reduce", c.param("reduce"), "[hidden][in]", "int32_t")
        w2 = c.constant("expand", c.param("expand"), "[out][hidden]", "int32_t")
        if self.along == "time":
            scratch = c.scratch("hidden", "int32_t", hidden * given.size)
            sizes = length, hidden, given.size
            name = "snn_mlp_time_i32"
        else:
            scratch = c.scratch("hidden", "int32_t", hidden)
            sizes = given.size // length, length, hidden
            name = "snn_mlp_channels_i32"
        c.call(name, *sizes, *shifts, w1, w2, c.input(0), scratch, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(3)
        for along, shape, length, hidden in [
            ("time", (33,), 7, 3),
            ("time", (2, 1), 6, 1),
            ("channels", (2, 20), 20, 5),
        ]:
            params = {"reduce": rng.integers(-(2**15), 2**15, (hidden, length))}
            params["expand"] = rng.integers(-(2**15), 2**15, (length, hidden))
            given = TensorType(shape, Kind.REAL, along == "time", "int32")
            op = cls(along=along, shift1=17, shift2=15)
            yield Sample(op, (given,), params, time_steps=length)
