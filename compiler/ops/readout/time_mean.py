"""Readout: the mean over the window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Layout, Op, Params, Sample, expect_time
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import Argument


class TimeMean(Op):
    """y = (1/T) sum over t of x[t]. Spikes are summed as integers."""

    name = "time_mean"
    layout = Layout.ALIKE
    divisor: ClassVar[Argument] = Emitter.steps_done

    def time(self, node: Node) -> Time:
        return Time.REDUCE

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        expect_time(node, inputs[0])
        return TensorType(inputs[0].shape, Kind.REAL, temporal=False, packed=inputs[0].packed)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0].mean(dim=0, keepdim=True)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        steps = inputs[0].shape[0]
        size = (inputs[0].abs() + errors[0]).mean(dim=0, keepdim=True)
        return errors[0].mean(dim=0, keepdim=True) + gamma(steps + 1.0) * size + steps * SMALLEST

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
        counts.mul[-1] = node.type.size
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        if given.kind is Kind.SPIKE:
            total = c.state("sum", "uint32_t", given.size)
            c.call("snn_time_sum_spike", given.pixels, given.channels, c.input(0), total)
            c.end("snn_time_mean_finish_f32", given.size, self.divisor, total, c.output())
        else:
            total = c.state("sum", "float", given.size)
            c.call("snn_time_sum_f32", given.size, c.real_input(0), total)
            c.end("snn_time_mean_f32", given.size, self.divisor, total, c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            yield Sample((TensorType((11,), kind),), time_steps=5)
            yield Sample((TensorType((33, 2, 2), kind),), time_steps=4)
