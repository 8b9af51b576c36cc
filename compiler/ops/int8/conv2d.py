"""2-D convolution of spikes or counts with int8 weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import torch

from snnc.compiler.emitter import Emitter
from snnc.compiler.ir import Array, Kind, Node, TensorType
from snnc.compiler.ops import synapse
from snnc.compiler.ops.base import Params, Rows, Sample
from snnc.compiler.ops.conv2d import Conv2d
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.int8.rows import FOURS, PLAIN, emit_bias, emit_weights


class Conv2dI8(IntegerOp, Conv2d):
    """The sums of :class:`Conv2d`, in units of each output channel's scale.

    attrs: as Conv2d; ``width`` of the sums ("int16", "int32"), which a bound must justify;
    ``order`` of the weights in memory (:mod:`.rows`).
    params: ``weight`` int8, ``bias`` int32 (optional). Counts stay exact.
    """

    name = "conv2d_i8"
    rows = Rows.LEAD

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        return super().infer(node, inputs, params).stored_as(node.attrs["width"])

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        # float64 holds every sum exactly, and PyTorch convolves no integers
        exact = {role: value.to(torch.float64) for role, value in params.items()}
        return super().reference(node, exact, [inputs[0].to(torch.float64)]).to(torch.int64)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = synapse.kernel_suffix(node, given)
        weight, order = emit_weights(node, c, by_tap(node, c), WEIGHT_AXES)
        wide = int(node.type.dtype == "int32")
        values = c.input(0), weight, emit_bias(node, c), c.row_output()
        rows = c.first_row, c.row_count(node.type)
        c.call(f"snn_conv2d_{suffix}_i8", conv_shape(node, c), wide, order, *rows, *values)

    def samples(self) -> Iterable[Sample]:
        rng = np.random.default_rng(0)
        for sample in super().samples():
            if sample.inputs[0].kind is Kind.REAL:
                continue
            size = sample.params["weight"].shape
            params: dict[str, Array] = {"weight": rng.integers(-127, 128, size)}
            if "bias" in sample.params:
                params["bias"] = rng.integers(-500, 500, size[:1])
            for width, order in product(("int16", "int32"), (PLAIN, FOURS)):
                attrs = {**sample.attrs, "width": width, "order": order}
                yield Sample(sample.inputs, attrs, params, sample.time_steps)


WEIGHT_AXES = "[group][ky][kx][in][out]"


def by_tap(node: Node, c: Emitter) -> Array:
    """The weight [O, I/groups, KH, KW] in the order of the kernels, :data:`WEIGHT_AXES`."""
    weight = c.param("weight")
    out_c, *rest = weight.shape
    groups = node.attrs["groups"]
    return weight.reshape(groups, out_c // groups, *rest).transpose(0, 3, 4, 2, 1)


def conv_shape(node: Node, c: Emitter) -> str:
    """Address of the node's ``snn_conv2d``."""
    given, (_, _, kernel_h, kernel_w) = c.input_type(0), c.param("weight").shape
    top, left, _, _ = node.attrs["padding"]
    return c.shape(
        "snn_conv2d",
        in_h=given.shape[1], in_w=given.shape[2], in_c=given.channels,
        out_h=node.type.shape[1], out_w=node.type.shape[2], out_c=node.type.channels,
        kernel_h=kernel_h, kernel_w=kernel_w,
        stride_h=node.attrs["stride"][0], stride_w=node.attrs["stride"][1],
        pad_h=top, pad_w=left,
        dilation_h=node.attrs["dilation"][0], dilation_w=node.attrs["dilation"][1],
        groups=node.attrs["groups"],
    )  # fmt: skip
