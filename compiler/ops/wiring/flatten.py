"""Flattening to PyTorch's order (C, H, W). Linear layers absorb it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Most, Op, Sample
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Flatten(Op):
    """(C, H, W) to (C*H*W,), kind unchanged."""

    name = "flatten"
    roles = (Role.WIRING,)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return TensorType((view.types[0].size,), view.types[0].kind, view.types[0].temporal)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return given[0]

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0].flatten(1)

    def error(self, run: BoundedRun) -> torch.Tensor:
        return run.errors[0].flatten(1)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        c.call(
            f"snn_flatten_{given.kind.value}", given.pixels, given.channels, c.input(0), c.output()
        )

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for shape in [(3, 4, 5), (40, 1, 3), (5, 1, 1), (7,)]:
                yield Sample(cls(), (TensorType(shape, kind),))
