"""2-D convolution: any stride, padding (also unequal), dilation and groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.attributes import Parameter, sizes, whole
from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Rows, Sample, expect_rank, shape_error
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import Argument, ShapeRef, View


class Conv2d(synapse.Synapse):
    """Y[o, y, x] = bias[o] + sum over (i, ky, kx) of W[o, i, ky, kx] X[i, y', x'].

    attributes: ``stride``, ``dilation`` (height, width); ``padding`` (top, left, bottom, right);
    ``groups``; ``kernel`` ("event" or "dense"). params: ``weight`` [O, I/groups, KH, KW],
    ``bias`` [O] (optional).
    """

    name = "conv2d"
    stride: tuple[int, int] = sizes(2, 1)
    padding: tuple[int, int, int, int] = sizes(4)
    dilation: tuple[int, int] = sizes(2, 1)
    groups: int = whole(1)
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("weight"), Parameter("bias").optional)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_rank(view.node, given, 3)
        out_c, in_c_per_group, *kernel = view.params["weight"].shape
        groups = self.groups
        if given.channels != in_c_per_group * groups:
            raise shape_error(
                view.node, f"the convolution takes {in_c_per_group * groups} channels, got {given}"
            )
        size = output_size(self, given, kernel)
        if min(size) < 1:
            raise shape_error(
                view.node, f"the kernel {tuple(kernel)} is larger than its input {given}"
            )
        return TensorType((out_c, *size), Kind.REAL, given.temporal)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return _apply(self)(run.inputs[0], run.params["weight"], run.params.get("bias"))

    def error(self, run: BoundedRun) -> torch.Tensor:
        return synapse.weighted_sum_error(_apply(self), run)

    def count(self, run: NodeRun) -> Counts:
        (x,), (given,) = run.inputs, run.types
        active = synapse.active_inputs(run.node, x, given).sum(dim=1)
        reached = torch.outer(*taps(self, given, run.type, run.params["weight"].shape[2:]))
        executed = (active * reached).sum(dim=(1, 2)) * (run.type.channels // self.groups)
        return Counts.of(x.shape[0], **{synapse.counted_as(run.node, given): executed.numpy()})

    def work(self, view: NodeView) -> synapse.Work:
        (given,), groups = view.types, self.groups
        rows, columns = taps(self, given, view.type, view.params["weight"].shape[2:])
        visits = int(rows.sum()) * int(columns.sum())
        out = -(-(view.type.channels // groups) // synapse.LANES)
        words = visits * groups * -(-(given.channels // groups) // synapse.WORD_BITS)
        return synapse.Work(view.type.pixels * groups * out, words, visits * given.channels * out)

    def rows_of(self, view: NodeView) -> Rows:
        """A list holds one group, and the kernels that look tap by tap have no form for rows."""
        if is_listed(self, view.types[0]):
            return Rows.LEAD if self.groups == 1 else Rows.NEVER
        return Rows.NEVER if _is_direct(self, view.types[0]) else Rows.LEAD

    def emit(self, node: Node, c: Emitter) -> None:
        given, weight = c.input_type(0), c.param("weight")
        listed = is_listed(self, given)
        in_c, kernel_w = given.channels // self.groups, weight.shape[3]
        block = synapse.co_block(node.type.channels // self.groups, kernel_w * in_c, event=listed)
        blocks = synapse.blocked(by_tap(self, c), block)
        shape = conv_shape(self, node, c, co_block=block)
        constants = (
            c.constant("weight", blocks, "[group][block][ky][kx][in][out of block]"),
            c.constant("bias", c.param("bias"), "[out]") if "bias" in node.params else c.null,
        )
        events = event_list(given, in_c, c) if listed else []
        suffix = synapse.kernel_suffix(node, given) + ("_list" if listed else "")
        name = f"snn_conv2d_{suffix}"
        if not c.in_band:
            c.call(f"{name}_f32", shape, c.input(0), *constants, *events, c.output())
            return
        rows: list[Argument] = [c.first_row, c.row_count(node.type)]
        if listed:
            c.first(f"snn_conv2d_{given.kind.value}_events", shape, c.input(0), *events)
        else:
            rows.append(c.input(0))
        c.call(f"{name}_rows_f32", shape, *rows, *constants, *events, c.row_output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(0)
        cases = [
            # channels in, out, height, width, kernel, stride, padding, dilation, groups
            (2, 3, 5, 7, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
            (33, 17, 6, 5, (3, 3), (2, 1), (0, 1, 0, 1), (1, 1), 1),
            (4, 6, 9, 8, (2, 3), (1, 2), (1, 2, 0, 1), (2, 1), 2),
            (40, 40, 4, 4, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 40),
            (32, 64, 8, 8, (4, 4), (2, 2), (1, 1, 1, 1), (1, 1), 1),
            (64, 20, 3, 3, (1, 1), (3, 3), (0, 0, 0, 0), (1, 1), 4),
        ]
        for kind in Kind:
            for i, o, h, w, kernel, stride, padding, dilation, groups in cases:
                params = {"weight": rng.normal(size=(o, i // groups, *kernel)) / np.sqrt(i)}
                if o % 2:
                    params["bias"] = rng.normal(size=o)
                for variant in ["event", "dense"] if kind is Kind.SPIKE else ["event"]:
                    op = cls(
                        stride=stride,
                        padding=padding,
                        dilation=dilation,
                        groups=groups,
                        kernel=variant,
                    )
                    yield Sample(op, (TensorType((i, h, w), kind),), params)


LIST_MAX_ROW = 65536
"""Entries of an event list are 16 bits wide (SNN_LIST_MAX_ROW)."""
LIST_SLACK = 32
"""Entries behind the last that the kernel may write (SNN_LIST_SLACK)."""


def is_listed(op: Conv2d, given: TensorType) -> bool:
    """Whether the kernel is event-driven and lists its active inputs first."""
    return _is_event_driven(op, given) and _row(op, given) <= LIST_MAX_ROW


def _is_direct(op: Conv2d, given: TensorType) -> bool:
    """Whether the kernel is event-driven and looks at its inputs tap by tap."""
    return _is_event_driven(op, given) and _row(op, given) > LIST_MAX_ROW


def _is_event_driven(op: Conv2d, given: TensorType) -> bool:
    return given.kind is not Kind.REAL and op.kernel == synapse.EVENT


def _row(op: Conv2d, given: TensorType) -> int:
    """Inputs of one row and group."""
    return given.shape[2] * given.channels // op.groups


def event_list(given: TensorType, in_c: int, c: Emitter) -> list[View]:
    """Working memory of a list kernel, large enough for an input that is active everywhere."""
    room = given.pixels * in_c + LIST_SLACK
    memory = [
        c.scratch("starts", "uint32_t", given.pixels + 1),
        c.scratch("events", "uint16_t", room),
    ]
    return [*memory, c.scratch("values", "float", room)] if given.kind is Kind.COUNT else [*memory]


def by_tap(op: Conv2d, c: Emitter) -> Array:
    """The weight [O, I/groups, KH, KW] as [group, KH, KW, I/groups, O/groups]."""
    weight = c.param("weight")
    out_c, *rest = weight.shape
    groups = op.groups
    return weight.reshape(groups, out_c // groups, *rest).transpose(0, 3, 4, 2, 1)


def conv_shape(op: Conv2d, node: Node, c: Emitter, **further: int) -> ShapeRef:
    """Address of the node's ``snn_conv2d``."""
    given, (_, _, kernel_h, kernel_w) = c.input_type(0), c.param("weight").shape
    top, left, _, _ = op.padding
    return c.shape(
        "snn_conv2d",
        in_h=given.shape[1], in_w=given.shape[2], in_c=given.channels,
        out_h=node.type.shape[1], out_w=node.type.shape[2], out_c=node.type.channels,
        kernel_h=kernel_h, kernel_w=kernel_w,
        stride_h=op.stride[0], stride_w=op.stride[1],
        pad_h=top, pad_w=left,
        dilation_h=op.dilation[0], dilation_w=op.dilation[1],
        groups=op.groups, **further,
    )  # fmt: skip


def _apply(op: Conv2d) -> synapse.Apply:
    top, left, bottom, right = op.padding

    def apply(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None) -> torch.Tensor:
        return F.conv2d(
            F.pad(x, (left, right, top, bottom)),
            w,
            b,
            stride=op.stride,
            dilation=op.dilation,
            groups=op.groups,
        )

    return apply


def output_size(op: Conv2d, given: TensorType, kernel: Sequence[int]) -> tuple[int, int]:
    """Height and width of the output (may be below 1 where the kernel does not fit)."""
    top, left, bottom, right = op.padding
    sizes = []
    for axis, padding in ((0, top + bottom), (1, left + right)):
        reach = op.dilation[axis] * (kernel[axis] - 1) + 1
        sizes.append((given.shape[1 + axis] + padding - reach) // op.stride[axis] + 1)
    return sizes[0], sizes[1]


def taps(
    op: Conv2d, given: TensorType, made: TensorType, kernel: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """How many output rows (columns) each input row (column) reaches, over all kernel taps."""
    top, left, _, _ = op.padding
    reach = []
    for axis, pad in ((0, top), (1, left)):
        out = np.arange(made.shape[1 + axis])[:, None] * op.stride[axis]
        tap = np.arange(kernel[axis])[None] * op.dilation[axis]
        source = (out + tap - pad).ravel()
        inside = source[(source >= 0) & (source < given.shape[1 + axis])]
        reach.append(torch.from_numpy(np.bincount(inside, minlength=given.shape[1 + axis])))
    return reach[0], reach[1]
