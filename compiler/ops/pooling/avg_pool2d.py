"""Average pooling. Folded into the convolution before it where that gives the same function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import flag, whole
from snnc.compiler.ops.base import Counts, Op, Params, Sample
from snnc.compiler.ops.pooling import pool2d
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.program.emitter import Emitter


class AvgPool2d(Op):
    """Mean over each window, per channel, with PyTorch's options.

    attrs: ``kernel_size``, ``stride``, ``padding``, ``dilation`` (always 1, 1), ``ceil_mode``,
    ``count_include_pad``, ``divisor`` (0: by the window). The mean of spikes is REAL.
    """

    name = "avg_pool2d"
    attributes = (*pool2d.ATTRIBUTES, flag("count_include_pad"), whole("divisor"))

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        return TensorType(pool2d.pooled_shape(node, inputs[0]), Kind.REAL, inputs[0].temporal)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return F.avg_pool2d(
            inputs[0],
            node.attrs["kernel_size"],
            node.attrs["stride"],
            node.attrs["padding"],
            node.attrs["ceil_mode"],
            node.attrs["count_include_pad"],
            node.attrs["divisor"] or None,
        )

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        # Up to n additions and one division; a sum of spikes or counts is exact until then.
        terms = float(np.prod(node.attrs["kernel_size"])) + 1
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
        sums = partial(self.reference, node.with_attrs(divisor=1), {})
        return Counts.of(x.shape[0], add=pool2d.added(node, given, x, sums), mul=node.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = "real" if given.kind is Kind.REAL else given.kind.value
        shape = pool2d.pool_shape(
            node,
            c,
            given,
            count_include_pad=int(node.attrs["count_include_pad"]),
            divisor=node.attrs["divisor"],
        )
        c.call(f"snn_avg_pool2d_{suffix}_f32", shape, c.input(0), c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            for index, (shape, attrs) in enumerate(pool2d.cases()):
                extra = {"count_include_pad": index % 2 == 0, "divisor": 3 if index == 3 else 0}
                yield Sample((TensorType(shape, kind),), attrs | extra)
