"""Logic on spikes: the AND and IAND connections of SEW residual networks."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import one_of
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.layout import words
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample, shape_error, unsupported
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

FUNCTIONS = {"and": 2, "not": 1}
"""How many inputs each takes."""


class SpikeLogic(Op):
    """By ``function``: "and" gives a b, "not" gives 1 - a. Inputs and output are spikes."""

    name = "spike_logic"
    layout = Layout.ALIKE
    roles = (Role.LOGIC,)
    function: str = one_of("and", "not")

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        if FUNCTIONS.get(self.function) != len(view.types):
            raise unsupported(
                view.node, f"no logic of {len(view.types)} inputs is known", "Use and or not."
            )
        shapes = {given.shape for given in view.types}
        if len(shapes) > 1 or any(given.kind is not Kind.SPIKE for given in view.types):
            raise shape_error(
                view.node, f"needs spikes of one shape, got {', '.join(map(str, view.types))}"
            )
        given = view.types[0]
        temporal = any(entry.temporal for entry in view.types)
        return TensorType(given.shape, Kind.SPIKE, temporal, packed=given.packed)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0] * run.inputs[1] if self.function == "and" else 1 - run.inputs[0]

    def error(self, run: BoundedRun) -> torch.Tensor:
        possible = torch.zeros_like(run.output)
        for error in run.errors:
            possible = torch.maximum(possible, (error != 0).to(run.output.dtype))
        return possible

    def count(self, run: NodeRun) -> Counts:
        each = run.type.pixels * words(run.type.channels)
        return Counts.of(max(len(x) for x in run.inputs), cmp=each)

    def emit(self, node: Node, c: Emitter) -> None:
        sources = [c.input(index) for index in range(FUNCTIONS[self.function])]
        sizes = (node.type.pixels, node.type.channels)
        c.call(f"snn_spike_{self.function}", *sizes, *sources, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for function, inputs in FUNCTIONS.items():
            for shape in [(37,), (33, 3, 4), (64, 2, 2)]:
                given = TensorType(shape, Kind.SPIKE)
                yield Sample(cls(function=function), (given,) * inputs)
