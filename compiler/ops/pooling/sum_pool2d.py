"""Sum pooling: spikes and counts give counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Most, Op, Sample
from snnc.compiler.ops.pooling import pool2d
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class SumPool2d(Op):
    """Sum over each window, per channel. attrs: ``kernel_size``, ``stride``, ``padding``
    (zeros), ``dilation`` (always 1, 1), ``ceil_mode`` (False)."""

    name = "sum_pool2d"
    roles = (Role.POOL,)
    attributes = pool2d.ATTRIBUTES

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        kind = Kind.REAL if given.kind is Kind.REAL else Kind.COUNT
        return TensorType(pool2d.pooled_shape(view.node, given), kind, given.temporal)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        (each,) = given
        terms = int(pool2d.covered(view.node, view.types[0]).max())
        return Most(each.factor * terms, each.rest * terms)

    def reference(self, run: NodeRun) -> torch.Tensor:
        kernel, stride, padding = (run.attrs[key] for key in ("kernel_size", "stride", "padding"))
        return F.avg_pool2d(run.inputs[0], kernel, stride, padding, divisor_override=1)

    def error(self, run: BoundedRun) -> torch.Tensor:
        if run.type.kind is Kind.COUNT and not bool(run.errors[0].any()):
            return torch.zeros_like(run.output)  # sums of small whole numbers are exact
        terms = float(np.prod(run.attrs["kernel_size"]))
        size = self.reference(run.on([run.inputs[0].abs() + run.errors[0]]))
        return self.reference(run.on([run.errors[0]])) + gamma(terms) * size + terms * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, add=pool2d.added(run, self.reference))

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
