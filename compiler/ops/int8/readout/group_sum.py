"""Voting layer in integers: the sum of each group of neighbouring outputs."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Sample
from snnc.compiler.ops.int8.fixed import CountedIn, IntegerOp
from snnc.compiler.ops.readout.group_mean import GroupMean
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class GroupSum(CountedIn, IntegerOp, GroupMean):
    """y[g] = sum of x[g*size .. g*size + size - 1], int32, which stand for ``unit``
    each. attributes: ``size``, ``unit``."""

    name = "group_sum"
    roles = (Role.READOUT,)
    size: int = whole(1)

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        return x.reshape(x.shape[0], -1, self.size).sum(dim=2)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, add=run.types[0].size)

    def emit(self, node: Node, c: Emitter) -> None:
        sizes = node.type.size, self.size
        c.call("snn_group_sum_i32", *sizes, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        given = TensorType((30,), Kind.REAL, False, "int32")
        yield Sample(cls(size=10), (given,))
