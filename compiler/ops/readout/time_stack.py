"""Readout: the values of all steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_rank, expect_time, shape_error
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


def scores_of_classes(scores: Array, axes: Sequence[int] | None) -> Array:
    """The scores that decide the class: of scores for each step, laid out in ``axes`` (values
    before time, steps, values behind), their sums over the steps."""
    if axes is None:
        return scores.reshape(-1)
    sums: Array = scores.reshape(*axes).sum(axis=1, dtype=np.float64)
    return sums.reshape(-1)


def axes_of(node: Node) -> tuple[int, int, int] | None:
    """How the steps lie in a node's vector; None where it is not of all steps."""
    if not isinstance(node.op, TimeStack):
        return None
    steps, inner = node.op.steps, node.op.inner
    return node.type.size // (steps * inner), steps, inner


class TimeStack(Op):
    """y[(o T + t) inner + i] = x[t][o inner + i]: the vectors of all steps as one, with time behind
    the first ``size / inner`` of them; of a stream 0 for steps to come. attributes: ``steps`` T,
    ``inner``.
    """

    name = "time_stack"
    roles = (Role.READOUT,)
    steps: int = whole(1)
    inner: int = whole(1)

    def time(self) -> Time:
        return Time.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_time(view.node, given)
        expect_rank(view.node, given, 1)
        if given.size % self.inner:
            raise shape_error(view.node, f"{given} does not split into parts of {self.inner}")
        return TensorType((self.steps * given.size,), Kind.REAL, temporal=False)

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        steps, inner = len(x), self.inner
        if steps != self.steps:
            raise shape_error(run.node, f"{steps} steps are given, and {self.steps} are read")
        return x.reshape(steps, -1, inner).transpose(0, 1).reshape(1, -1)

    def error(self, run: BoundedRun) -> torch.Tensor:
        return self.reference(run.on([run.errors[0]]))

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        given, steps, inner = c.input_type(0), self.steps, self.inner
        if steps != c.time_steps:
            raise shape_error(node, f"it reads {steps} of {c.time_steps} steps")
        every = c.state("every", "float", node.type.size)
        sizes = given.size // inner, inner, steps
        c.call("snn_time_stack_f32", *sizes, c.steps_done, c.real_input(0), every)
        c.end("snn_time_last_f32", node.type.size, every, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for steps, inner in ((4, 6), (4, 3), (7, 1)):
                op = cls(steps=steps, inner=inner)
                yield Sample(op, (TensorType((6,), kind),), time_steps=steps)
