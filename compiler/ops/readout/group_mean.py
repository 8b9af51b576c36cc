"""Voting layer: the mean of each group of neighbouring outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import Attribute, whole
from snnc.compiler.ops.base import Counts, Op, Params, Sample, expect_rank, shape_error
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.program.emitter import Emitter


class GroupMean(Op):
    """y[g] = mean of x[g*size .. g*size + size - 1]. attrs: ``size``."""

    name = "group_mean"
    attributes: ClassVar[tuple[Attribute, ...]] = (whole("size", 1),)

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        (given,) = inputs
        expect_rank(node, given, 1)
        if given.size % node.attrs["size"]:
            raise shape_error(node, f"{given} does not split into groups of {node.attrs['size']}")
        return TensorType((given.size // node.attrs["size"],), Kind.REAL, given.temporal)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        (x,) = inputs
        return x.reshape(x.shape[0], -1, node.attrs["size"]).mean(dim=2)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        terms = float(node.attrs["size"]) + 1.0
        size = self.reference(node, params, [inputs[0].abs() + errors[0]])
        return self.reference(node, params, [errors[0]]) + gamma(terms) * size + terms * SMALLEST

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        return Counts.of(inputs[0].shape[0], add=types[0].size, mul=node.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        sizes = node.type.size, node.attrs["size"]
        c.call("snn_group_mean_f32", *sizes, c.real_input(0), c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            yield Sample((TensorType((30,), kind),), {"size": 10})
        yield Sample((TensorType((6,), Kind.REAL, temporal=False),), {"size": 3})
