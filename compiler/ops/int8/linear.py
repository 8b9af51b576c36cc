"""Fully connected layer over spikes or counts with int8 weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from snnc.compiler.emitter import Emitter
from snnc.compiler.ir import Array, Kind, Node, TensorType
from snnc.compiler.ops import synapse
from snnc.compiler.ops.base import Params, Sample
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.linear import Linear


class LinearI8(IntegerOp, Linear):
    """The sums of :class:`Linear`, in units of each output's scale.

    attrs: as Linear, and ``width`` of the sums ("int16", "int32"), which a bound must justify.
    params: ``weight`` int8, ``bias`` int32 (optional). Counts stay exact.
    """

    name = "linear_i8"

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        return super().infer(node, inputs, params).stored_as(node.attrs["width"])

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        # float64 holds every sum exactly, and is faster than PyTorch's integers
        exact = {role: value.to(torch.float64) for role, value in params.items()}
        return super().reference(node, exact, [inputs[0].to(torch.float64)]).to(torch.int64)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = synapse.kernel_suffix(node, given)
        by_pixel = c.param("weight").reshape(node.type.size, given.channels, given.pixels)
        axes = "[pixel][in][out]"
        weight = c.constant("weight", by_pixel.transpose(2, 1, 0), axes, "int8_t")
        bias = "NULL"
        if "bias" in node.params:
            bias = c.constant("bias", c.param("bias"), "[out]", "int32_t")
        shape = c.shape(
            "snn_linear", pixels=given.pixels, in_c=given.channels, out_c=node.type.size
        )
        wide = int(node.type.dtype == "int32")
        c.call(f"snn_linear_{suffix}_i8", shape, wide, c.input(0), weight, bias, c.output())

    def samples(self) -> Iterable[Sample]:
        rng = np.random.default_rng(1)
        for sample in super().samples():
            if sample.inputs[0].kind is Kind.REAL:
                continue
            size = sample.params["weight"].shape
            params: dict[str, Array] = {"weight": rng.integers(-127, 128, size)}
            if "bias" in sample.params:
                params["bias"] = rng.integers(-500, 500, size[:1])
            for width in ("int16", "int32"):
                attrs = {**sample.attrs, "width": width}
                yield Sample(sample.inputs, attrs, params, sample.time_steps)
