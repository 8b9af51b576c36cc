"""Readout in integers: the sum over the window, T times the mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import real
from snnc.compiler.ops.base import Counts, Params, Sample
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.program.emitter import Emitter


class TimeSumI8(IntegerOp):
    """y = sum over t of x[t], int32."""

    name = "time_sum_i8"
    attributes = (real("unit").optional,)

    def time(self, node: Node) -> Time:
        return Time.REDUCE

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        return TensorType(inputs[0].shape, Kind.REAL, temporal=False, dtype="int32")

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0].sum(dim=0, keepdim=True)

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        counts = Counts.of(inputs[0].shape[0], add=node.type.size)
        if types[0].kind is Kind.SPIKE:
            counts.add[:] = (inputs[0] != 0).flatten(1).sum(dim=1).numpy()
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        c.begin("snn_clear_i32", given.size, c.output())
        if given.kind is Kind.SPIKE:
            sizes = given.pixels, given.channels
            c.call("snn_time_sum_spike_i32", *sizes, c.input(0), c.output())
        else:
            wide = int(given.dtype == "int32")
            c.call("snn_time_sum_i32", given.size, wide, c.input(0), c.output())

    def samples(self) -> Iterable[Sample]:
        for shape in [(11,), (33, 2, 2)]:
            yield Sample((TensorType(shape, Kind.SPIKE),), time_steps=5)
            yield Sample((TensorType(shape, Kind.REAL, dtype="int16"),), time_steps=5)
