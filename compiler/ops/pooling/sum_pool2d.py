"""Sum pooling: spikes and counts give counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Op, Params, Sample
from snnc.compiler.ops.pooling import pool2d
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.program.emitter import Emitter


class SumPool2d(Op):
    """Sum over each window, per channel. attrs: ``kernel_size``, ``stride``, ``padding``
    (zeros), ``dilation`` (always 1, 1), ``ceil_mode`` (False)."""

    name = "sum_pool2d"
    attributes = pool2d.ATTRIBUTES

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        (given,) = inputs
        kind = Kind.REAL if given.kind is Kind.REAL else Kind.COUNT
        return TensorType(pool2d.pooled_shape(node, given), kind, given.temporal)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        kernel, stride, padding = (node.attrs[key] for key in ("kernel_size", "stride", "padding"))
        return F.avg_pool2d(inputs[0], kernel, stride, padding, divisor_override=1)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        if node.type.kind is Kind.COUNT and not bool(errors[0].any()):
            return torch.zeros_like(output)  # sums of small whole numbers are exact
        terms = float(np.prod(node.attrs["kernel_size"]))
        size = self.reference(node, params, [inputs[0].abs() + errors[0]])
        return self.reference(node, params, [errors[0]]) + gamma(terms) * size + terms * SMALLEST

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        (x,), (given,) = inputs, types
        sums = partial(self.reference, node, {})
        return Counts.of(x.shape[0], add=pool2d.added(node, given, x, sums))

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = "real_f32" if given.kind is Kind.REAL else given.kind.value
        shape = pool2d.pool_shape(node, c, given, count_include_pad=0, divisor=1)
        c.call(f"snn_sum_pool2d_{suffix}", shape, c.input(0), c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            for shape, attrs in pool2d.cases():
                if not attrs["ceil_mode"]:
                    yield Sample((TensorType(shape, kind),), attrs)
            padded = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1)}
            yield Sample(
                (TensorType((34, 7, 5), kind),),
                {**padded, "dilation": (1, 1), "ceil_mode": False},
            )
