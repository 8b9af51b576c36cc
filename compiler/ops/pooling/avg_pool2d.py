"""Average pooling. Folded into the convolution before it where that gives the same function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.attributes import flag, whole
from snnc.compiler.ops.base import Counts, Op, Sample
from snnc.compiler.ops.pooling import pool2d
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class AvgPool2d(Op):
    """Mean over each window, per channel, with PyTorch's options.

    attrs: ``kernel_size``, ``stride``, ``padding``, ``dilation`` (always 1, 1), ``ceil_mode``,
    ``count_include_pad``, ``divisor`` (0: by the window). The mean of spikes is REAL.
    """

    name = "avg_pool2d"
    roles = (Role.POOL,)
    attributes = (*pool2d.ATTRIBUTES, flag("count_include_pad"), whole("divisor"))

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return TensorType(
            pool2d.pooled_shape(view.node, view.types[0]), Kind.REAL, view.types[0].temporal
        )

    def reference(self, run: NodeRun) -> torch.Tensor:
        return F.avg_pool2d(
            run.inputs[0],
            run.attrs["kernel_size"],
            run.attrs["stride"],
            run.attrs["padding"],
            run.attrs["ceil_mode"],
            run.attrs["count_include_pad"],
            run.attrs["divisor"] or None,
        )

    def error(self, run: BoundedRun) -> torch.Tensor:
        # Up to n additions and one division; a sum of spikes or counts is exact until then.
        terms = float(np.prod(run.attrs["kernel_size"])) + 1
        size = self.reference(run.on([run.inputs[0].abs() + run.errors[0]]))
        return self.reference(run.on([run.errors[0]])) + gamma(terms) * size + terms * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        summing = replace(run, node=run.node.with_attrs(divisor=1))
        return Counts.of(run.steps, add=pool2d.added(summing, self.reference), mul=run.type.size)

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
