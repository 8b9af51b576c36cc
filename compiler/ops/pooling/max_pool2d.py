"""Maximum pooling; on spikes it is a logical OR and stays a spike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.layout import words
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Most, Op, Sample
from snnc.compiler.ops.pooling import pool2d
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MaxPool2d(Op):
    """Maximum over each window, per channel; attrs: :mod:`snnc.compiler.ops.pooling.pool2d`."""

    name = "max_pool2d"
    roles = (Role.POOL,)
    attributes = pool2d.ATTRIBUTES

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        return TensorType(pool2d.pooled_shape(view.node, given), given.kind, given.temporal)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return given[0]

    def reference(self, run: NodeRun) -> torch.Tensor:
        keys = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        pooled: torch.Tensor = F.max_pool2d(run.inputs[0], *(run.attrs[key] for key in keys))
        return pooled

    def error(self, run: BoundedRun) -> torch.Tensor:
        return self.reference(run.on([run.errors[0]]))

    def count(self, run: NodeRun) -> Counts:
        # spikes are compared a word of channels at a time: one OR
        (given,) = run.types
        lanes = words(given.channels) if given.kind is Kind.SPIKE else given.channels
        covered = int(pool2d.covered(run.node, given).sum())
        return Counts.of(run.steps, cmp=covered * lanes)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = "real_f32" if given.kind is Kind.REAL else given.kind.value
        shape = pool2d.pool_shape(node, c, given, count_include_pad=0, divisor=0)
        c.call(f"snn_max_pool2d_{suffix}", shape, c.input(0), c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            for shape, attrs in pool2d.cases():
                yield Sample((TensorType(shape, kind),), attrs)
            dilated: dict[str, object] = {
                "kernel_size": (2, 2),
                "stride": (1, 2),
                "padding": (1, 0),
            }
            dilated |= {"dilation": (2, 3), "ceil_mode": False}
            yield Sample((TensorType((5, 8, 9), kind),), dilated)
