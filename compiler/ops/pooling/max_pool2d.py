"""Maximum pooling; on spikes it is a logical OR and stays a spike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ir.layout import words
from snnc.compiler.ops.base import Counts, Most, Sample
from snnc.compiler.ops.pooling.pool2d import Pool2d, cases
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MaxPool2d(Pool2d):
    """Maximum over each window, per channel."""

    name = "max_pool2d"

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        return TensorType(self.pooled_shape(view.node, given), given.kind, given.temporal)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return given[0]

    def reference(self, run: NodeRun) -> torch.Tensor:
        windows = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        pooled: torch.Tensor = F.max_pool2d(run.inputs[0], *windows)
        return pooled

    def error(self, run: BoundedRun) -> torch.Tensor:
        return self.reference(run.on([run.errors[0]]))

    def count(self, run: NodeRun) -> Counts:
        # spikes are compared a word of channels at a time: one OR
        (given,) = run.types
        lanes = words(given.channels) if given.kind is Kind.SPIKE else given.channels
        covered = int(self.covered(given, run.type).sum())
        return Counts.of(run.steps, cmp=covered * lanes)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = "real_f32" if given.kind is Kind.REAL else given.kind.value
        shape = self.shape_struct(node, c, given, count_include_pad=0, divisor=0)
        c.call(f"snn_max_pool2d_{suffix}", shape, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for shape, windows in cases():
                yield Sample(cls(**windows), (TensorType(shape, kind),))
            dilated = cls(
                kernel_size=(2, 2),
                stride=(1, 2),
                padding=(1, 0),
                ceil_mode=False,
                dilation=(2, 3),
            )
            yield Sample(dilated, (TensorType((5, 8, 9), kind),))
