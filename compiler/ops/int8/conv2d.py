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
from snnc.compiler.ops.conv2d import Conv2d, by_tap, conv_shape
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
