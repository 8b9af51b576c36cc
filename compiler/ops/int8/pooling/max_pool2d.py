"""Maximum pooling of sums and currents: exact, as all values of a channel have one unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.base import Counts, Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp
from snnc.compiler.ops.pooling.max_pool2d import MaxPool2d
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MaxPool2dI8(IntegerOp, MaxPool2d):
    """The largest integer of each window, per channel, in the width and units of the input.

    attributes: as :class:`MaxPool2d`. Spikes and counts have no units and need no op of their own.
    """

    name = "max_pool2d_i8"
    form = Form.KEPT

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as(view.types[0].dtype)

    def count(self, run: NodeRun) -> Counts:
        # the first value of a window is taken as it is
        compared = int((self.covered(run.types[0], run.type) - 1).sum())
        return Counts.of(run.steps, cmp=compared * run.type.channels)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        shape = self.shape_struct(node, c, given, count_include_pad=0, divisor=0)
        c.call("snn_max_pool2d_i8", shape, int(given.dtype == "int32"), c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for sample in MaxPool2d.samples():
            (given,) = sample.inputs
            if given.kind is Kind.REAL:
                for width in ("int16", "int32"):
                    yield replace(sample, op=cls.like(sample.op), inputs=(given.stored_as(width),))
