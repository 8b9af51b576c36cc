"""Voting layer: the mean of each group of neighbouring outputs."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_rank, shape_error
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class GroupMean(Op):
    """y[g] = mean of x[g*size .. g*size + size - 1]. attributes: ``size``."""

    name = "group_mean"
    roles = (Role.READOUT,)
    size: int = whole(1)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_rank(view.node, given, 1)
        if given.size % self.size:
            raise shape_error(view.node, f"{given} does not split into groups of {self.size}")
        return TensorType((given.size // self.size,), Kind.REAL, given.temporal)

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        return x.reshape(x.shape[0], -1, self.size).mean(dim=2)

    def error(self, run: BoundedRun) -> torch.Tensor:
        terms = float(self.size) + 1.0
        size = self.reference(run.on([run.inputs[0].abs() + run.errors[0]]))
        return self.reference(run.on([run.errors[0]])) + gamma(terms) * size + terms * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, add=run.types[0].size, mul=run.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        sizes = node.type.size, self.size
        c.call("snn_group_mean_f32", *sizes, c.real_input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            yield Sample(cls(size=10), (TensorType((30,), kind),))
        yield Sample(cls(size=3), (TensorType((6,), Kind.REAL, temporal=False),))
