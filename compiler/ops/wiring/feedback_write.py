"""The writing end of a recurrent connection: the value that it gives is the connection's state."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.operation import EdgeWrite
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_time, unsupported
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.ops.wiring.feedback import Feedback
from snnc.compiler.program.emitter import Emitter


class FeedbackWrite(EdgeWrite, Op):
    """y = x, kept for the ``feedback`` of the same ``edge``, which gives it at the next step.

    attributes: ``edge``. It carries spikes: they are exact, and a count could grow with every step.
    """

    name = "feedback_write"
    roles = (Role.WIRING,)

    def time(self) -> Time:
        return Time.STATE

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_time(view.node, given)
        if given.kind is not Kind.SPIKE:
            raise unsupported(
                view.node,
                f"a recurrent connection carries spikes, not {given}",
                "Let it start at a spiking neuron.",
            )
        return given

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0]

    def error(self, run: BoundedRun) -> torch.Tensor:
        return run.errors[0]

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        c.call("snn_copy", layout.step_bytes(node.type), c.input(0), c.output(), counted=False)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for sample in Feedback.samples():
            yield Sample(cls.like(sample.op), sample.inputs, time_steps=5)
