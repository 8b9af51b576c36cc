"""Sum of two values of the same shape (residual connections)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import flag
from snnc.compiler.ops.base import Counts, Layout, Op, Params, Sample, shape_error
from snnc.compiler.ops.rounding import gamma, rounded
from snnc.compiler.program.emitter import Emitter


class Add(Op):
    """y = a + b. Spikes and counts give a COUNT, anything else a REAL.

    attrs: ``apart`` (optional: the source adds a and then b to a third term, a neuron's potential,
    so that what it rounds may be larger than a + b; the neuron has the attribute too).
    """

    name = "add"
    layout = Layout.ALIKE
    attributes = (flag("apart").optional,)

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        first, second = inputs
        if first.shape != second.shape:
            raise shape_error(node, f"cannot add {first} and {second}")
        kind = Kind.REAL if Kind.REAL in (first.kind, second.kind) else Kind.COUNT
        temporal = first.temporal or second.temporal
        return TensorType(first.shape, kind, temporal, packed=first.packed)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0] + inputs[1]

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        error = errors[0] + errors[1]
        if node.attrs.get("apart"):
            sizes = [value.abs() + own for value, own in zip(inputs, errors, strict=True)]
            error = error + gamma(2.0) * (sizes[0] + sizes[1])
        return rounded(output, error)

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        return Counts.of(max(x.shape[0] for x in inputs), add=node.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        if node.type.kind is Kind.COUNT:
            c.call("snn_add_count", node.type.size, c.count_input(0), c.count_input(1), c.output())
        else:
            c.call("snn_add_f32", node.type.size, c.real_input(0), c.real_input(1), c.output())

    def samples(self) -> Iterable[Sample]:
        for first in Kind:
            for second in Kind:
                shape = (5, 3, 4)
                yield Sample((TensorType(shape, first), TensorType(shape, second)))
        yield Sample((TensorType((7,), Kind.REAL),) * 2, {"apart": True})
