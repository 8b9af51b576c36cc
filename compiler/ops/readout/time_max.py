"""Readout: the largest value over the window."""

from __future__ import annotations

import torch

from snnc.compiler.ir.graph import Node
from snnc.compiler.ops.base import Counts
from snnc.compiler.ops.readout.time_last import OneStep
from snnc.compiler.ops.view import BoundedRun, NodeRun
from snnc.compiler.program.emitter import Emitter


class TimeMax(OneStep):
    """y = the largest x[t]; of a stream the largest so far."""

    name = "time_max"

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0].amax(dim=0, keepdim=True)

    def error(self, run: BoundedRun) -> torch.Tensor:
        """A maximum strays no further than the value that strays furthest above or below it."""
        above = (run.inputs[0] + run.errors[0]).amax(dim=0, keepdim=True) - run.output
        below = run.output - (run.inputs[0] - run.errors[0]).amax(dim=0, keepdim=True)
        return torch.maximum(above, below)

    def count(self, run: NodeRun) -> Counts:
        counts = Counts.of(run.steps, cmp=run.type.size)
        counts.cmp[0] = 0
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        size = node.type.size
        largest = c.state("largest", "float", size)
        c.call("snn_time_max_f32", size, c.steps_done, c.real_input(0), largest)
        c.end("snn_time_last_f32", size, largest, c.output())
