"""Readout: the values of all steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.attributes import Attribute, whole
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
    if node.op not in (TimeStack.name, f"{TimeStack.name}_i8"):
        return None
    steps, inner = node.attrs["steps"], node.attrs["inner"]
    return node.type.size // (steps * inner), steps, inner


def stacked(run: NodeRun) -> torch.Tensor:
    """The vectors of all steps as one, [1, T size]."""
    (x,) = run.inputs
    steps, inner = len(x), run.attrs["inner"]
    if steps != run.attrs["steps"]:
        raise shape_error(run.node, f"{steps} steps are given, and {run.attrs['steps']} are read")
    return x.reshape(steps, -1, inner).transpose(0, 1).reshape(1, -1)


class TimeStack(Op):
    """y[(o T + t) inner + i] = x[t][o inner + i]: the vectors of all steps as one, with time behind
    the first ``size / inner`` of them; of a stream 0 for steps to come. attrs: ``steps`` T,
    ``inner``.
    """

    name = "time_stack"
    roles = (Role.READOUT,)
    attributes: ClassVar[tuple[Attribute, ...]] = (whole("steps", 1), whole("inner", 1))

    def time(self, node: Node) -> Time:
        return Time.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_time(view.node, given)
        expect_rank(view.node, given, 1)
        if given.size % view.attrs["inner"]:
            raise shape_error(
                view.node, f"{given} does not split into parts of {view.attrs['inner']}"
            )
        return TensorType((view.attrs["steps"] * given.size,), Kind.REAL, temporal=False)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return stacked(run)

    def error(self, run: BoundedRun) -> torch.Tensor:
        return self.reference(run.on([run.errors[0]]))

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        given, steps, inner = c.input_type(0), node.attrs["steps"], node.attrs["inner"]
        if steps != c.time_steps:
            raise shape_error(node, f"it reads {steps} of {c.time_steps} steps")
        every = c.state("every", "float", node.type.size)
        sizes = given.size // inner, inner, steps
        c.call("snn_time_stack_f32", *sizes, c.steps_done, c.real_input(0), every)
        c.end("snn_time_last_f32", node.type.size, every, c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            for steps, inner in ((4, 6), (4, 3), (7, 1)):
                attrs = {"steps": steps, "inner": inner}
                yield Sample((TensorType((6,), kind),), attrs, time_steps=steps)
