"""Readout: the values of all steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import Attribute, whole
from snnc.compiler.ops.base import Counts, Op, Params, Sample, expect_rank, expect_time, shape_error
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
    if node.op != TimeStack.name:
        return None
    steps, inner = node.attrs["steps"], node.attrs["inner"]
    return node.type.size // (steps * inner), steps, inner


class TimeStack(Op):
    """y[(o T + t) inner + i] = x[t][o inner + i]: the vectors of all steps as one, with time behind
    the first ``size / inner`` of them; of a stream 0 for steps to come. attrs: ``steps`` T,
    ``inner``.
    """

    name = "time_stack"
    attributes: ClassVar[tuple[Attribute, ...]] = (whole("steps", 1), whole("inner", 1))

    def time(self, node: Node) -> Time:
        return Time.REDUCE

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        (given,) = inputs
        expect_time(node, given)
        expect_rank(node, given, 1)
        if given.size % node.attrs["inner"]:
            raise shape_error(node, f"{given} does not split into parts of {node.attrs['inner']}")
        return TensorType((node.attrs["steps"] * given.size,), Kind.REAL, temporal=False)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        (x,) = inputs
        steps, inner = len(x), node.attrs["inner"]
        if steps != node.attrs["steps"]:
            raise shape_error(node, f"{steps} steps are given, and {node.attrs['steps']} are read")
        return x.reshape(steps, -1, inner).transpose(0, 1).reshape(1, -1)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        return self.reference(node, params, [errors[0]])

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        return Counts.of(inputs[0].shape[0])

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
            for inner in (6, 3, 1):
                attrs = {"steps": 4, "inner": inner}
                yield Sample((TensorType((6,), kind),), attrs, time_steps=4)
