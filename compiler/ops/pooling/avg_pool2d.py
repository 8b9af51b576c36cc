"""Average pooling. Folded into the convolution before it where that gives the same function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.attributes import flag, whole
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.base import Counts, Sample
from snnc.compiler.ops.pooling.pool2d import Pool2d, cases
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class AvgPool2d(Pool2d):
    """Mean over each window, per channel, with PyTorch's options.

    attributes: as every pool (``dilation`` always 1, 1), and ``count_include_pad``, ``divisor`` (0:
    by the window). The mean of spikes is REAL.
    """

    name = "avg_pool2d"
    count_include_pad: bool = flag()
    divisor: int = whole()

    @classmethod
    def side_by_side(cls, window: tuple[int, int]) -> AvgPool2d:
        """The means of windows that lie side by side."""
        return cls(
            kernel_size=window,
            stride=window,
            padding=(0, 0),
            ceil_mode=False,
            dilation=(1, 1),
            count_include_pad=True,
            divisor=0,
        )

    def infer(self, view: NodeView) -> TensorType:
        return TensorType(
            self.pooled_shape(view.node, view.types[0]), Kind.REAL, view.types[0].temporal
        )

    def reference(self, run: NodeRun) -> torch.Tensor:
        return F.avg_pool2d(
            run.inputs[0],
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor or None,
        )

    def error(self, run: BoundedRun) -> torch.Tensor:
        # Up to n additions and one division; a sum of spikes or counts is exact until then.
        terms = float(np.prod(self.kernel_size)) + 1
        size = self.reference(run.on([run.inputs[0].abs() + run.errors[0]]))
        return self.reference(run.on([run.errors[0]])) + gamma(terms) * size + terms * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        summing = replace(self, divisor=1)
        return Counts.of(run.steps, add=self.added(run, summing.reference), mul=run.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = "real" if given.kind is Kind.REAL else given.kind.value
        shape = self.shape_struct(
            node,
            c,
            given,
            count_include_pad=int(self.count_include_pad),
            divisor=self.divisor,
        )
        c.call(f"snn_avg_pool2d_{suffix}_f32", shape, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for index, (shape, windows) in enumerate(cases()):
                divisor = 3 if index == 3 else 0
                op = cls(**windows, count_include_pad=index % 2 == 0, divisor=divisor)
                yield Sample(op, (TensorType(shape, kind),))
