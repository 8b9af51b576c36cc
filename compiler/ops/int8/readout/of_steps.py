"""Readouts in integers that add nothing: the last step, the largest value, every step."""

from __future__ import annotations

from collections.abc import Iterable

from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Sample, shape_error
from snnc.compiler.ops.int8.fixed import CountedIn, IntegerOp
from snnc.compiler.ops.readout.time_last import TimeLast
from snnc.compiler.ops.readout.time_max import TimeMax
from snnc.compiler.ops.readout.time_stack import TimeStack
from snnc.compiler.ops.view import NodeView
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import View


class TimeLastI8(CountedIn, IntegerOp, TimeLast):
    """y = x[T-1], int32, which stand for ``unit`` each; of a stream the value of the latest step.
    attributes: ``unit``."""

    name = "time_last_i8"
    roles = (Role.READOUT,)

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def emit(self, node: Node, c: Emitter) -> None:
        last = c.state("last", "int32_t", node.type.size)
        c.call("snn_time_last_i32", node.type.size, *_numbers(c), last)
        _give(node, c, last)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in ((11,), (33, 2, 2)):
            for given in _stored(shape):
                yield Sample(cls(), (given,), time_steps=5)


class TimeMaxI8(CountedIn, IntegerOp, TimeMax):
    """y = the largest x[t], int32, which stand for ``unit`` each; of a stream the largest so far.
    attributes: ``unit``."""

    name = "time_max_i8"
    roles = (Role.READOUT,)

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def emit(self, node: Node, c: Emitter) -> None:
        largest = c.state("largest", "int32_t", node.type.size)
        wide, x = _numbers(c)
        c.call("snn_time_max_i32", node.type.size, wide, c.steps_done, x, largest)
        _give(node, c, largest)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in ((11,), (33, 2, 2)):
            for given in _stored(shape):
                yield Sample(cls(), (given,), time_steps=5)


class TimeStackI8(CountedIn, IntegerOp, TimeStack):
    """The vectors of all steps as one, as ``time_stack``, int32, which stand for ``unit`` each.
    attributes: ``steps``, ``inner``, ``unit``."""

    name = "time_stack_i8"
    roles = (Role.READOUT,)
    steps: int = whole(1)
    inner: int = whole(1)

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as("int32")

    def emit(self, node: Node, c: Emitter) -> None:
        if self.steps != c.time_steps:
            raise shape_error(node, f"it reads {self.steps} of {c.time_steps} steps")
        every = c.state("every", "int32_t", node.type.size)
        sizes = c.input_type(0).size // self.inner, self.inner, self.steps
        c.call("snn_time_stack_i32", *sizes, c.steps_done, *_numbers(c), every)
        _give(node, c, every)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for steps, inner in ((4, 6), (4, 3), (7, 1)):
            for given in _stored((6,)):
                yield Sample(cls(steps=steps, inner=inner), (given,), time_steps=steps)


def _numbers(c: Emitter) -> tuple[int, View]:
    """Whether the input is int32, and its integers, one after the other."""
    given = c.input_type(0)
    if given.kind is not Kind.SPIKE:
        return int(given.dtype == "int32"), c.input(0)
    numbers = c.scratch("numbers", "int32_t", given.size)
    c.call("snn_spike_to_i32", given.pixels, given.channels, c.input(0), numbers, counted=False)
    return 1, numbers


def _give(node: Node, c: Emitter, kept: View) -> None:
    """What is kept so far, as the output."""
    c.end("snn_time_last_i32", node.type.size, 1, kept, c.output())


def _stored(shape: tuple[int, ...]) -> tuple[TensorType, ...]:
    """What such a readout may be given."""
    real = TensorType(shape, Kind.REAL)
    return TensorType(shape, Kind.SPIKE), real.stored_as("int16"), real.stored_as("int32")
