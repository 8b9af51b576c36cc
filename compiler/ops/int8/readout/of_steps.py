"""Readouts in integers that add nothing: the last step, the largest value, every step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Sample, shape_error
from snnc.compiler.ops.int8.fixed import CountedIn, IntegerOp
from snnc.compiler.ops.readout.time_stack import Stacking
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import View


class TimeLastI8(CountedIn, IntegerOp):
    """y = x[T-1], int32; of a stream the value of the latest step."""

    name = "time_last_i8"
    roles = (Role.READOUT,)

    def time(self) -> Time:
        return Time.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        return TensorType(view.types[0].shape, Kind.REAL, temporal=False, dtype="int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0][-1:]

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps)

    def emit(self, node: Node, c: Emitter) -> None:
        last = c.state("last", "int32_t", node.type.size)
        wide, x = _numbers(c)
        c.call("snn_time_last_i32", node.type.size, wide, x, last)
        _give(node, c, last)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from (Sample(cls(), given, time_steps=5) for given in _inputs((11,), (33, 2, 2)))


class TimeMaxI8(TimeLastI8):
    """y = the largest x[t], int32; of a stream the largest so far."""

    name = "time_max_i8"

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0].amax(dim=0, keepdim=True)

    def count(self, run: NodeRun) -> Counts:
        counts = Counts.of(run.steps, cmp=run.type.size)
        counts.cmp[0] = 0
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        largest = c.state("largest", "int32_t", node.type.size)
        wide, x = _numbers(c)
        c.call("snn_time_max_i32", node.type.size, wide, c.steps_done, x, largest)
        _give(node, c, largest)


class TimeStackI8(Stacking, TimeLastI8):
    """y[(o T + t) inner + i] = x[t][o inner + i], int32, as ``time_stack``. attributes: ``steps``
    T, ``inner``."""

    name = "time_stack_i8"

    def infer(self, view: NodeView) -> TensorType:
        shape = (self.steps * view.types[0].size,)
        return TensorType(shape, Kind.REAL, temporal=False, dtype="int32")

    def reference(self, run: NodeRun) -> torch.Tensor:
        return self.stacked(run)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        if self.steps != c.time_steps:
            raise shape_error(node, f"it reads {self.steps} of {c.time_steps} steps")
        every = c.state("every", "int32_t", node.type.size)
        sizes = given.size // self.inner, self.inner, self.steps
        wide, x = _numbers(c)
        c.call("snn_time_stack_i32", *sizes, c.steps_done, wide, x, every)
        _give(node, c, every)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for steps, inner in ((4, 6), (4, 3), (7, 1)):
            for given in _inputs((6,)):
                yield Sample(cls(steps=steps, inner=inner), given, time_steps=steps)


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


def _inputs(*shapes: tuple[int, ...]) -> Iterator[tuple[TensorType]]:
    for shape in shapes:
        yield (TensorType(shape, Kind.SPIKE),)
        yield (TensorType(shape, Kind.REAL, dtype="int16"),)
        yield (TensorType(shape, Kind.REAL, dtype="int32"),)
