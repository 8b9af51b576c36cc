"""2-D convolution of spikes or counts with int8 weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.base import Rows, Sample
from snnc.compiler.ops.int8.synapses.rows import (
    EIGHTS,
    LISTED,
    IntegerSynapse,
    emit_bias,
    emit_weights,
)
from snnc.compiler.ops.int8.synapses.sums import exact_sums, integer_samples
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.ops.synapses.conv2d import Conv2d, by_tap, conv_shape, event_list, is_listed
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Conv2dI8(IntegerSynapse, Conv2d):
    """The sums of :class:`Conv2d`, in units of each output channel's scale.

    params: ``weight`` int8, ``bias`` int32 (optional). Counts stay exact.
    """

    name = "conv2d_i8"
    rows = Rows.LEAD

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as(self.width)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return exact_sums(super().reference, run)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = synapse.kernel_suffix(node, given)
        weight, order = emit_weights(self.order, c, by_tap(self, c), WEIGHT_AXES)
        wide = int(node.type.dtype == "int32")
        shape, constants = conv_shape(self, node, c), (weight, emit_bias(node, c))
        rows = c.first_row, c.row_count(node.type)
        if self._by_rows(given, node.type):
            memory = (
                c.scratch("starts", "uint16_t", given.shape[2] + 1),
                c.scratch("offsets", "uint16_t", given.shape[2] * given.channels),
            )
            given_rows = *rows, c.input(0), *constants
            c.call("snn_conv2d_spike_rows_i4", shape, wide, *given_rows, *memory, c.row_output())
            return
        if self.order != LISTED:
            values = c.input(0), *constants, c.row_output()
            c.call(f"snn_conv2d_{suffix}_i8", shape, wide, order, *rows, *values)
            return
        events = event_list(given, given.channels, c)
        c.first("snn_conv2d_spike_events", shape, c.input(0), *events)
        listed = *constants, *events, c.row_output()
        c.call("snn_conv2d_spike_list_i8", shape, wide, *rows, *listed)

    def _by_rows(self, given: TensorType, made: TensorType) -> bool:
        """Whether a kernel lists the spikes of an input row, as offsets that fit 16 bits."""
        event = given.kind is Kind.SPIKE and self.kernel == synapse.EVENT
        plain = self.groups == 1 and self.dilation[1] == 1
        row_bytes = -(-made.channels // 8) * 4
        fits = given.shape[2] * given.channels * row_bytes <= np.iinfo(np.int16).max
        return self.order == EIGHTS and event and plain and fits

    def can_list(self, view: NodeView) -> bool:
        (given,), alone = view.types, self.groups == 1
        return given.kind is Kind.SPIKE and alone and is_listed(self, given)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for sample in integer_samples(cls, Conv2d.samples(), seed=0):
            yield sample
            op = cls.like(sample.op, order=LISTED)
            listable = sample.inputs[0].kind is Kind.SPIKE and op.groups == 1
            if listable and op.kernel == synapse.EVENT:
                yield replace(sample, op=op)


WEIGHT_AXES = "[group][ky][kx][in][out]"
