"""The network's input: one tensor per time step, usually event counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from snnc.compiler.ir.graph import Node, TensorType, Time
from snnc.compiler.ir.operation import NetworkInput
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Most, Op, Sample
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Input(NetworkInput, Op):
    """A value given from outside; its type is the node's own."""

    name = "input"
    roles = (Role.INPUT,)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return view.type

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return Most(1, 0)

    def reference(self, run: NodeRun) -> torch.Tensor:
        raise TypeError("an input has no value of its own: the interpreter must be given it")

    def error(self, run: BoundedRun) -> torch.Tensor:
        return torch.zeros_like(run.output)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(1)

    def emit(self, node: Node, c: Emitter) -> None:
        """Nothing to call: the emitter binds the input to its frames. Packed events need room."""
        if self.events is not None:
            wide = node.type.size > 2**16
            c.inbox("events", "uint32_t" if wide else "uint16_t", self.events)
            c.inbox("starts", "uint32_t", c.time_steps)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        return ()
