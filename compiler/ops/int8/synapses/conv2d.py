"""2-D convolution of spikes or counts with int8 weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.attributes import one_of
from snnc.compiler.ops.base import Rows, Sample
from snnc.compiler.ops.int8.synapses.rows import (
    LISTED,
    ORDER,
    IntegerSynapse,
    emit_bias,
    emit_weights,
    order_of,
)
from snnc.compiler.ops.int8.synapses.sums import exact_sums, integer_samples
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.ops.synapses.conv2d import Conv2d, by_tap, conv_shape, event_list, is_listed
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Conv2dI8(IntegerSynapse, Conv2d):
    """The sums of :class:`Conv2d`, in units of each output channel's scale.

    attrs: as Conv2d; ``width`` of the sums ("int16", "int32"), which a bound must justify;
    ``order`` of the weights in memory (:mod:`.rows`).
    params: ``weight`` int8, ``bias`` int32 (optional). Counts stay exact.
    """

    name = "conv2d_i8"
    attributes = (*Conv2d.attributes, one_of("width", "int16", "int32"), ORDER.optional)
    rows = Rows.LEAD

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as(view.attrs["width"])

    def reference(self, run: NodeRun) -> torch.Tensor:
        return exact_sums(Conv2d, run)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        suffix = synapse.kernel_suffix(node, given)
        weight, order = emit_weights(node, c, by_tap(node, c), WEIGHT_AXES)
        wide = int(node.type.dtype == "int32")
        shape, constants = conv_shape(node, c), (weight, emit_bias(node, c))
        rows = c.first_row, c.row_count(node.type)
        if order_of(node) != LISTED:
            values = c.input(0), *constants, c.row_output()
            c.call(f"snn_conv2d_{suffix}_i8", shape, wide, order, *rows, *values)
            return
        events = event_list(given, given.channels, c)
        c.first("snn_conv2d_spike_events", shape, c.input(0), *events)
        listed = *constants, *events, c.row_output()
        c.call("snn_conv2d_spike_list_i8", shape, wide, *rows, *listed)

    def can_list(self, view: NodeView) -> bool:
        (given,), alone = view.types, view.attrs["groups"] == 1
        return given.kind is Kind.SPIKE and alone and is_listed(view.node, given)

    def samples(self) -> Iterable[Sample]:
        for sample in integer_samples(super().samples(), seed=0):
            yield sample
            listable = sample.inputs[0].kind is Kind.SPIKE and sample.attrs["groups"] == 1
            if listable and sample.attrs["kernel"] == synapse.EVENT:
                yield replace(sample, attrs={**sample.attrs, "order": LISTED})


WEIGHT_AXES = "[group][ky][kx][in][out]"
