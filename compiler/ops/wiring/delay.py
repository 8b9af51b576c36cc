"""Delay by a whole number of time steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import whole
from snnc.compiler.ops.base import Counts, Layout, Op, Params, Sample, expect_time, unsupported
from snnc.compiler.program.emitter import Emitter


class Delay(Op):
    """y[t] = x[t - steps], 0 before the window. attrs: ``steps``, at least 1."""

    name = "delay"
    layout = Layout.ALIKE
    attributes = (whole("steps", 1),)

    def time(self, node: Node) -> Time:
        return Time.STATE

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        expect_time(node, inputs[0])
        if node.attrs["steps"] < 1:
            raise unsupported(node, "a delay must be a positive number of steps", "Leave it out.")
        return inputs[0]

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        (x,) = inputs
        steps = min(node.attrs["steps"], len(x))
        return torch.cat([torch.zeros_like(x[:steps]), x[: len(x) - steps]])

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
        given, steps = c.input_type(0), node.attrs["steps"]
        bytes_ = layout.step_bytes(given)
        ring = c.state("ring", layout.c_type(given), layout.elements(given) * steps)
        c.call("snn_delay", bytes_, steps, c.steps_done, c.input(0), ring, c.output())

    def samples(self) -> Iterable[Sample]:
        for kind in Kind:
            for steps in (1, 3, 6):
                yield Sample((TensorType((33, 2, 3), kind),), {"steps": steps}, time_steps=7)
