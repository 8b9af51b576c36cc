"""A value with constants around and between its elements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.attributes import real, sizes
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Most, Op, Sample, shape_error
from snnc.compiler.ops.rounding import UNIT
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.ops.wiring import walks
from snnc.compiler.ops.wiring.concat import part_of
from snnc.compiler.program.emitter import Emitter


class Pad(Op):
    """Along each axis ``before`` constants, then the input's elements, ``step`` apart, with
    constants between, then ``after`` constants.

    attributes: ``before``, ``after``, ``step`` (1: nothing between), a number for each axis;
    ``value`` of the constants. Spikes and counts stay what they are where it is 0.
    """

    name = "pad"
    roles = (Role.WIRING,)
    layout = Layout.ALIKE
    before: tuple[int, ...] = sizes()
    after: tuple[int, ...] = sizes()
    step: tuple[int, ...] = sizes(least=1)
    value: float = real()

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        spaces = (self.before, self.after, self.step)
        if any(len(space) != len(given.shape) for space in spaces):
            raise shape_error(view.node, f"{spaces} does not pad {given}")
        shape = tuple(
            before + (length - 1) * step + 1 + after
            for length, before, after, step in zip(given.shape, *spaces, strict=True)
        )
        kind = Kind.REAL if self.value else given.kind
        return TensorType(shape, kind, given.temporal, packed=given.packed)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return given[0]

    def reference(self, run: NodeRun) -> torch.Tensor:
        return _padded(self, run.type, run.inputs[0], self.value)

    def error(self, run: BoundedRun) -> torch.Tensor:
        return _padded(self, run.type, run.errors[0], abs(self.value) * UNIT)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.inputs[0].shape[0])

    def emit(self, node: Node, c: Emitter) -> None:
        given, made = c.input_type(0).of(node.type.kind), node.type
        source = c.input(0) if made.kind is not Kind.REAL else c.real_input(0)
        if made.kind is Kind.REAL:
            value = c.real(float(self.value))
            c.call("snn_fill_real", made.size, value, c.output(), counted=False)
        else:
            c.call("snn_clear", layout.step_bytes(made), c.output(), counted=False)
        begin = sum(
            before * stride
            for before, stride in zip(self.before, layout.strides(made), strict=True)
        )
        walk = part_of(given, made, begin, self.step)
        walks.move(c, walk, made.kind, source, c.output(), "walk")

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        around = cls(before=(0, 1, 2), after=(1, 0, 3), step=(1, 1, 1), value=0.0)
        between = cls(before=(0, 2, 2), after=(0, 2, 1), step=(1, 2, 3), value=0.0)
        for kind in Kind:
            for op in (around, between, replace(around, value=-1.5)):
                yield Sample(op, (TensorType((33, 3, 4), kind),))
        matrix = cls(before=(1, 3), after=(0, 1), step=(1, 1), value=0.0)
        yield Sample(matrix, (TensorType((5, 40), Kind.SPIKE),))


def _padded(op: Pad, made: TensorType, x: torch.Tensor, value: float) -> torch.Tensor:
    filled = x.new_full((len(x), *made.shape), value)
    places = tuple(
        slice(before, before + (length - 1) * step + 1, step)
        for length, before, step in zip(x.shape[1:], op.before, op.step, strict=True)
    )
    filled[(slice(None), *places)] = x
    return filled
