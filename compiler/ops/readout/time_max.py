"""Readout: the largest value over the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from snnc.compiler.ir.graph import Array, Node, TensorType
from snnc.compiler.ops.base import Counts, Params
from snnc.compiler.ops.readout.time_last import TimeLast
from snnc.compiler.program.emitter import Emitter


class TimeMax(TimeLast):
    """y = the largest x[t]; of a stream the largest so far."""

    name = "time_max"

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0].amax(dim=0, keepdim=True)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        """A maximum strays no further than the value that strays furthest above or below it."""
        above = (inputs[0] + errors[0]).amax(dim=0, keepdim=True) - output
        below = output - (inputs[0] - errors[0]).amax(dim=0, keepdim=True)
        return torch.maximum(above, below)

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        counts = Counts.of(inputs[0].shape[0], cmp=node.type.size)
        counts.cmp[0] = 0
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        size = node.type.size
        largest = c.state("largest", "float", size)
        c.call("snn_time_max_f32", size, c.steps_done, c.real_input(0), largest)
        c.end("snn_time_last_f32", size, largest, c.output())
