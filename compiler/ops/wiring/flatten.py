"""Flattening to PyTorch's order (C, H, W). Linear layers absorb it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Op, Params, Sample
from snnc.compiler.program.emitter import Emitter


class Flatten(Op):
    """(C, H, W) to (C*H*W,), kind unchanged."""

    name = "flatten"

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        return TensorType((inputs[0].size,), inputs[0].kind, inputs[0].temporal)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0].flatten(1)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        return errors[0].flatten(1)

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        return Counts.of(inputs[0].shape[0])

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        c.call(
            f"snn_flatten_{given.kind.value}", given.pixels, given.channels, c.input(0), c.output()
        )

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            for shape in [(3, 4, 5), (40, 1, 3), (5, 1, 1), (7,)]:
                yield Sample((TensorType(shape, kind),))
