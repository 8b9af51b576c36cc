"""Rectified linear unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Layout, Op, Params, Sample
from snnc.compiler.program.emitter import Emitter


class Relu(Op):
    """y = max(x, 0), per element."""

    name = "relu"
    layout = Layout.ALIKE

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        return inputs[0].of(Kind.REAL)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.relu(inputs[0])

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        return cut_error(inputs[0], errors[0])

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        return Counts.of(inputs[0].shape[0], cmp=node.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        c.call("snn_relu_f32", node.type.size, c.real_input(0), c.output())

    def samples(self) -> Iterable[Sample]:
        yield Sample((TensorType((7, 3, 5), Kind.REAL),))
        yield Sample((TensorType((35,), Kind.REAL, temporal=False),))


def cut_error(x: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """Error of max(x, 0): none where x is surely negative."""
    return torch.where(x + error <= 0, torch.zeros_like(error), error)
