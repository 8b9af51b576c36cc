"""Fully connected layer over spikes or counts with int8 weights."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Node, TensorType
from snnc.compiler.ops.base import Sample
from snnc.compiler.ops.int8.synapses.rows import IntegerSynapse, emit_bias, emit_weights
from snnc.compiler.ops.int8.synapses.sums import exact_sums, integer_samples
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.ops.synapses.linear import Linear, by_pixel
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class LinearI8(IntegerSynapse, Linear):
    """The sums of :class:`Linear`, in units of each output's scale.

    params: ``weight`` int8, ``bias`` int32 (optional). Counts stay exact.
    """

    name = "linear_i8"

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as(self.width)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return exact_sums(super().reference, run)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = synapse.kernel_suffix(node, given)
        rows = by_pixel(given, c.param("weight"))
        weight, order = emit_weights(self.order, c, rows, "[pixel][in][out]")
        shape = c.shape(
            "snn_linear", pixels=given.pixels, in_c=given.channels, out_c=node.type.size
        )
        wide = int(node.type.dtype == "int32")
        values = c.input(0), weight, emit_bias(node, c), c.output()
        c.call(f"snn_linear_{suffix}_i8", shape, wide, order, *values)
        if c.batched:
            c.batch(f"snn_linear_steps_{suffix}_i8", shape, c.batch_steps, wide, order, *values)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        return integer_samples(cls, Linear.samples(), seed=1)
