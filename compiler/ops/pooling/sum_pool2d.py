"""Sum pooling: spikes and counts give counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.base import Counts, Most, Sample
from snnc.compiler.ops.pooling.pool2d import Pool2d, cases
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class SumPool2d(Pool2d):
    """Sum over each window, per channel; ``dilation`` is always 1, 1, ``ceil_mode`` False."""

    name = "sum_pool2d"

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        kind = Kind.REAL if given.kind is Kind.REAL else Kind.COUNT
        return TensorType(self.pooled_shape(view.node, given), kind, given.temporal)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        (each,) = given
        terms = int(self.covered(view.types[0], view.type).max())
        return Most(each.factor * terms, each.rest * terms)

    def reference(self, run: NodeRun) -> torch.Tensor:
        windows = (self.kernel_size, self.stride, self.padding)
        return F.avg_pool2d(run.inputs[0], *windows, divisor_override=1)

    def error(self, run: BoundedRun) -> torch.Tensor:
        if run.type.kind is Kind.COUNT and not bool(run.errors[0].any()):
            return torch.zeros_like(run.output)  # sums of small whole numbers are exact
        terms = float(np.prod(self.kernel_size))
        size = self.reference(run.on([run.inputs[0].abs() + run.errors[0]]))
        return self.reference(run.on([run.errors[0]])) + gamma(terms) * size + terms * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, add=self.added(run, self.reference))

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = "real_f32" if given.kind is Kind.REAL else given.kind.value
        shape = self.shape_struct(node, c, given, count_include_pad=0, divisor=1)
        c.call(f"snn_sum_pool2d_{suffix}", shape, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for shape, windows in cases():
                if not windows["ceil_mode"]:
                    yield Sample(cls(**windows), (TensorType(shape, kind),))
            padded = cls(
                kernel_size=(3, 2),
                stride=(2, 1),
                padding=(1, 1),
                ceil_mode=False,
                dilation=(1, 1),
            )
            yield Sample(padded, (TensorType((34, 7, 5), kind),))
