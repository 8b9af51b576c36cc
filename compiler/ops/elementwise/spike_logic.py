"""Logic on spikes: the AND and IAND connections of SEW residual networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ir.layout import words
from snnc.compiler.ops.attributes import one_of
from snnc.compiler.ops.base import Counts, Layout, Op, Params, Sample, shape_error, unsupported
from snnc.compiler.program.emitter import Emitter

FUNCTIONS = {"and": 2, "not": 1}
"""How many inputs each takes."""


class SpikeLogic(Op):
    """attrs: ``function``: "and" gives a b, "not" gives 1 - a. Inputs and output are spikes."""

    name = "spike_logic"
    layout = Layout.ALIKE
    attributes = (one_of("function", "and", "not"),)

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        if FUNCTIONS.get(node.attrs["function"]) != len(inputs):
            raise unsupported(node, f"no logic of {len(inputs)} inputs is known", "Use and or not.")
        shapes = {given.shape for given in inputs}
        if len(shapes) > 1 or any(given.kind is not Kind.SPIKE for given in inputs):
            raise shape_error(node, f"needs spikes of one shape, got {', '.join(map(str, inputs))}")
        temporal = any(given.temporal for given in inputs)
        return TensorType(inputs[0].shape, Kind.SPIKE, temporal, packed=inputs[0].packed)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0] * inputs[1] if node.attrs["function"] == "and" else 1 - inputs[0]

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        possible = torch.zeros_like(output)
        for error in errors:
            possible = torch.maximum(possible, (error != 0).to(output.dtype))
        return possible

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        each = node.type.pixels * words(node.type.channels)
        return Counts.of(max(len(x) for x in inputs), cmp=each)

    def emit(self, node: Node, c: Emitter) -> None:
        sources = [c.input(index) for index in range(FUNCTIONS[node.attrs["function"]])]
        sizes = (node.type.pixels, node.type.channels)
        c.call(f"snn_spike_{node.attrs['function']}", *sizes, *sources, c.output())

    def samples(self) -> Iterable[Sample]:
        for function, inputs in FUNCTIONS.items():
            for shape in [(37,), (33, 3, 4), (64, 2, 2)]:
                given = TensorType(shape, Kind.SPIKE)
                yield Sample((given,) * inputs, {"function": function})
