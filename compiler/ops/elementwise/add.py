"""Sum of two values of the same shape (residual connections)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from snnc.compiler.ir.attributes import flag
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Most, Op, Sample, shape_error
from snnc.compiler.ops.rounding import gamma, rounded
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Add(Op):
    """y = a + b. Spikes and counts give a COUNT, anything else a REAL.

    attributes: ``term_by_term`` (the source adds a and then b to a third term, a neuron's
    potential, so that what it rounds may be larger than a + b; the neuron has the attribute too).
    """

    name = "add"
    layout = Layout.ALIKE
    roles = (Role.SUM,)
    term_by_term: bool = flag(default=False)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        first, second = view.types
        if first.shape != second.shape:
            raise shape_error(view.node, f"cannot add {first} and {second}")
        kind = Kind.REAL if Kind.REAL in (first.kind, second.kind) else Kind.COUNT
        temporal = first.temporal or second.temporal
        return TensorType(first.shape, kind, temporal, packed=first.packed)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return Most(sum(b.factor for b in given), sum(b.rest for b in given))

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0] + run.inputs[1]

    def error(self, run: BoundedRun) -> torch.Tensor:
        error = run.errors[0] + run.errors[1]
        if self.term_by_term:
            sizes = [value.abs() + own for value, own in zip(run.inputs, run.errors, strict=True)]
            error = error + gamma(2.0) * (sizes[0] + sizes[1])
        return rounded(run.output, error)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(max(x.shape[0] for x in run.inputs), add=run.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        if node.type.kind is Kind.COUNT:
            c.call("snn_add_count", node.type.size, c.count_input(0), c.count_input(1), c.output())
        else:
            c.call("snn_add_f32", node.type.size, c.real_input(0), c.real_input(1), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for first in Kind:
            for second in Kind:
                shape = (5, 3, 4)
                yield Sample(cls(), (TensorType(shape, first), TensorType(shape, second)))
        yield Sample(cls(term_by_term=True), (TensorType((7,), Kind.REAL),) * 2)
