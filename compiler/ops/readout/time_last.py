"""Readout: the value of the last step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Op, Params, Sample, expect_time
from snnc.compiler.program.emitter import Emitter


class TimeLast(Op):
    """y = x[T-1]; of a stream the value of the latest step."""

    name = "time_last"

    def time(self, node: Node) -> Time:
        return Time.REDUCE

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        expect_time(node, inputs[0])
        return TensorType(inputs[0].shape, Kind.REAL, temporal=False)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0][-1:]

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        return errors[0][-1:]

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        return Counts.of(inputs[0].shape[0])

    def emit(self, node: Node, c: Emitter) -> None:
        last = c.state("last", "float", node.type.size)
        c.call("snn_time_last_f32", node.type.size, c.real_input(0), last)
        c.end("snn_time_last_f32", node.type.size, last, c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            yield Sample((TensorType((11,), kind),), time_steps=5)
            yield Sample((TensorType((33, 2, 2), kind),), time_steps=4)
