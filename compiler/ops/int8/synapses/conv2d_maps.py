"""The small convolution of attention's pooled maps, in fixed point."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import arrays, whole
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp, round_shift
from snnc.compiler.ops.int8.synapses.conv2d import WEIGHT_AXES
from snnc.compiler.ops.synapses.conv2d import Conv2d, by_tap, conv_shape
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Conv2dMaps(IntegerOp, Conv2d):
    """round_shift of the sums of :class:`Conv2d` on int32 maps, without bias.

    attributes: as Conv2d, and ``shift``. params: ``weight`` int16 values in units of 2^-shift.
    """

    name = "conv2d_maps"
    form = Form.STATISTIC
    roles = (Role.STATISTIC,)
    shift: int = whole()
    parameters = arrays("weight")

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        # float64 holds every sum exactly (a pass bounds them), and PyTorch convolves no integers
        exact = {"weight": run.params["weight"].to(torch.float64)}
        total = super().reference(run.on([run.inputs[0].to(torch.float64)], exact))
        return round_shift(total.to(torch.int64), self.shift)

    def emit(self, node: Node, c: Emitter) -> None:
        weight = c.constant("weight", by_tap(self, c), WEIGHT_AXES, "int32_t")
        shape, shift = conv_shape(self, node, c), self.shift
        c.call("snn_conv2d_maps_i32", shape, shift, c.input(0), weight, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(4)
        for in_c, out_c, kernel, groups in [(4, 2, 3, 2), (2, 1, 7, 1)]:
            pad = kernel // 2
            padding = (pad, pad, pad, pad)
            op = cls(stride=(1, 1), padding=padding, dilation=(1, 1), groups=groups, shift=15)
            params = {
                "weight": rng.integers(-(2**15), 2**15, (out_c, in_c // groups, kernel, kernel))
            }
            given = TensorType((in_c, 6, 5), Kind.REAL, False, "int32")
            yield Sample(op, (given,), params)
