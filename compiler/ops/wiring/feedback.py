"""The reading end of a recurrent connection: what its other end took a step before."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.attributes import sizes
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.operation import EdgeRead
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Feedback(EdgeRead, Op):
    """y[t] = what the ``feedback_write`` of the same ``edge`` took at step t-1; y[0] = 0.

    attributes: ``edge``, and the ``shape`` of the spikes that it gives. In the graph it has no
    input, so the order stays acyclic; its facets are given what was written
    (:meth:`snnc.compiler.ir.graph.Graph.sources`) as if it were one.
    """

    name = "feedback"
    roles = (Role.WIRING,)
    shape: tuple[int, ...] = sizes(least=1)

    def time(self) -> Time:
        return Time.STATE

    def infer(self, view: NodeView) -> TensorType:
        return TensorType(self.shape, Kind.SPIKE)

    def reference(self, run: NodeRun) -> torch.Tensor:
        (written,) = run.inputs
        return torch.cat([torch.zeros_like(written[:1]), written[:-1]])

    def error(self, run: BoundedRun) -> torch.Tensor:
        return self.reference(run.on([run.errors[0]]))

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        c.call("snn_copy", layout.step_bytes(node.type), c.fed_back(), c.output(), counted=False)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        shapes: list[tuple[int, ...]] = [(7,), (64, 1, 3), (33, 2, 3)]
        for shape in shapes:
            yield Sample(
                cls(edge=str(shape), shape=shape), (TensorType(shape, Kind.SPIKE),), time_steps=5
            )
