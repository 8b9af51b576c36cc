"""What average and maximum pooling share: window geometry as PyTorch defines it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch

from snnc.compiler.ir.attributes import flag, sizes
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import IntArray, Op, expect_rank, shape_error
from snnc.compiler.ops.view import NodeRun
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import ShapeRef


class Pool2d(Op):
    """What every pool is given: its windows, (height, width), and how they lie on the input."""

    roles = (Role.POOL,)
    kernel_size: tuple[int, int] = sizes(2, 1)
    stride: tuple[int, int] = sizes(2, 1)
    padding: tuple[int, int] = sizes(2)
    ceil_mode: bool = flag()
    dilation: tuple[int, int] = sizes(2, 1)

    def time(self) -> Time:
        return Time.STEP

    def pooled_shape(self, node: Node, given: TensorType) -> tuple[int, int, int]:
        """Output shape. Raises SnncError (BAD_SHAPE) where the windows do not fit the input."""
        expect_rank(node, given, 3)
        sizes = []
        for axis in (0, 1):
            kernel, stride, pad, dilation = self._along(axis)
            if 2 * pad > kernel:
                raise shape_error(
                    node, f"padding {pad} is more than half the pooling window {kernel}"
                )
            length = given.shape[1 + axis] + 2 * pad - dilation * (kernel - 1) - 1
            size = (length + (stride - 1 if self.ceil_mode else 0)) // stride + 1
            if self.ceil_mode and (size - 1) * stride >= given.shape[1 + axis] + pad:
                size -= 1  # the last window must start inside the input or its left padding
            if size < 1:
                raise shape_error(node, f"the pooling window is larger than its input {given}")
            if not self._taps_inside(given, axis, size).all():
                raise shape_error(
                    node, f"a window of the pooling meets nothing of its input {given}"
                )
            sizes.append(size)
        return given.channels, sizes[0], sizes[1]

    def covered(self, given: TensorType, made: TensorType) -> npt.NDArray[np.int64]:
        """How many real (not padded) inputs each window covers, [OH, OW]."""
        rows, columns = (self._taps_inside(given, axis, made.shape[1 + axis]) for axis in (0, 1))
        return np.outer(rows, columns)

    def added(self, run: NodeRun, sums: Callable[[NodeRun], torch.Tensor]) -> IntArray | int:
        """How many values a pool adds: per step [T] for spikes, the same in each step for others.

        Only spikes that are set are added, each once a window that covers it.

        Args:
            run: the pool on its input.
            sums: the sum over each window.
        """
        (x,), (given,) = run.inputs, run.types
        if given.kind is not Kind.SPIKE:
            return int(self.covered(given, run.type).sum()) * run.type.channels
        of_window = sums(run.on([x.to(torch.float64)]))
        found: IntArray = of_window.sum(dim=(1, 2, 3)).to(torch.int64).numpy()
        return found

    def shape_struct(self, node: Node, c: Emitter, given: TensorType, **extra: int) -> ShapeRef:
        """Declare the C shape struct."""
        pairs = {
            "kernel": self.kernel_size,
            "stride": self.stride,
            "pad": self.padding,
            "dilation": self.dilation,
        }
        lengths = {
            f"{key}_{axis}": pair[index]
            for key, pair in pairs.items()
            for index, axis in enumerate("hw")
        }
        return c.shape(
            "snn_pool2d",
            in_h=given.shape[1],
            in_w=given.shape[2],
            channels=given.channels,
            out_h=node.type.shape[1],
            out_w=node.type.shape[2],
            **lengths,
            **extra,
        )

    def _along(self, axis: int) -> tuple[int, int, int, int]:
        """Window, stride, padding and dilation along one axis."""
        pairs = (self.kernel_size, self.stride, self.padding, self.dilation)
        kernel, stride, pad, dilation = (pair[axis] for pair in pairs)
        return kernel, stride, pad, dilation

    def _taps_inside(self, given: TensorType, axis: int, size: int) -> npt.NDArray[np.int64]:
        """How many taps of each of ``size`` windows lie inside the input, along one axis."""
        kernel, stride, pad, dilation = self._along(axis)
        start = np.arange(size)[:, None] * stride - pad
        source = start + np.arange(kernel)[None] * dilation
        inside = (source >= 0) & (source < given.shape[1 + axis])
        taps: npt.NDArray[np.int64] = inside.sum(axis=1, dtype=np.int64)
        return taps


class Windows(TypedDict):
    """The attributes of a pool."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    ceil_mode: bool
    dilation: tuple[int, int]


def cases() -> Sequence[tuple[tuple[int, int, int], Windows]]:
    """Shapes and attributes for the generated tests."""
    return [
        (shape, {"kernel_size": k, "stride": s, "padding": p, "ceil_mode": m, "dilation": (1, 1)})
        for shape, k, s, p, m in [
            ((3, 4, 6), (2, 2), (2, 2), (0, 0), False),
            ((33, 5, 7), (2, 2), (2, 2), (0, 0), False),
            ((2, 7, 5), (3, 2), (2, 1), (1, 1), True),
            ((40, 6, 6), (3, 3), (2, 2), (1, 1), True),
        ]
    ]
