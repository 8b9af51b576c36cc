"""The kernels once more in numpy float32, one rounding an operation, in the contracted order.

Float results of the C kernels must have the same bits as these, in every vector variant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

LANES = 16
LOWEST = np.float32(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Conv:
    """Shape of a convolution, fields as in ``snn_conv2d``."""

    in_h: int
    in_w: int
    in_c: int
    out_c: int
    kernel_h: int = 3
    kernel_w: int = 3
    stride_h: int = 1
    stride_w: int = 1
    pad_h: int = 0
    pad_w: int = 0
    dilation_h: int = 1
    dilation_w: int = 1
    groups: int = 1
    co_block: int = 0

    @property
    def out_h(self) -> int:
        reach = self.dilation_h * (self.kernel_h - 1) + 1
        return (self.in_h + 2 * self.pad_h - reach) // self.stride_h + 1

    @property
    def out_w(self) -> int:
        reach = self.dilation_w * (self.kernel_w - 1) + 1
        return (self.in_w + 2 * self.pad_w - reach) // self.stride_w + 1

    @property
    def group_in(self) -> int:
        return self.in_c // self.groups

    @property
    def group_out(self) -> int:
        return self.out_c // self.groups

    def fields(self) -> dict[str, int]:
        """All fields of the C struct."""
        return asdict(self) | {"out_h": self.out_h, "out_w": self.out_w}

    def taps(self) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """(ky, kx, output pixel, input pixel) of each tap in order; those outside left out."""
        y, x = np.divmod(np.arange(self.out_h * self.out_w), self.out_w)
        for ky in range(self.kernel_h):
            for kx in range(self.kernel_w):
                iy = y * self.stride_h - self.pad_h + ky * self.dilation_h
                ix = x * self.stride_w - self.pad_w + kx * self.dilation_w
                inside = (iy >= 0) & (iy < self.in_h) & (ix >= 0) & (ix < self.in_w)
                yield ky, kx, np.flatnonzero(inside), (iy * self.in_w + ix)[inside]

    def packed(self, weight: np.ndarray) -> np.ndarray:
        """PyTorch's [out_c, in_c/groups, kh, kw] as [group][block][kh][kw][ci][co_block]."""
        block = self.co_block or self.group_out
        blocks = -(-self.group_out // block)
        grouped = weight.reshape(self.groups, self.group_out, *weight.shape[1:])
        grouped = np.pad(grouped, [(0, 0), (0, blocks * block - self.group_out), *[(0, 0)] * 3])
        blocked = grouped.reshape(self.groups, blocks, block, *weight.shape[1:])
        return np.ascontiguousarray(blocked.transpose(0, 1, 4, 5, 3, 2))


def conv2d(
    p: Conv, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, *, dense: bool
) -> tuple[np.ndarray, int]:
    """Output [out_h*out_w, out_c] of x [in_h*in_w, in_c], and products or sums executed.

    ``dense``: zeros take part too. ``weight`` is PyTorch's [out_c, in_c/groups, kh, kw].
    """
    out = np.zeros((p.out_h * p.out_w, p.out_c), np.float32)
    if bias is not None:
        out += bias
    executed = 0
    for ky, kx, to, source in p.taps():
        for ci in range(p.group_in):
            for g in range(p.groups):
                values = x[source, g * p.group_in + ci].astype(np.float32)
                taking_part = np.ones(len(values), bool) if dense else values != 0
                channels = slice(g * p.group_out, (g + 1) * p.group_out)
                rows = to[taking_part]
                product = values[taking_part, None] * weight[channels, ci, ky, kx]
                out[rows, channels] += product.astype(np.float32)
                executed += len(rows) * p.group_out
    return out, executed


def fold(lanes: np.ndarray, combine: np.ufunc) -> np.ndarray:
    """Sixteen lanes (last axis) folded in halves."""
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = combine(lanes[..., :half], lanes[..., half:])
    return lanes[..., 0]


def lane_sums(x: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Sixteen partial sums over the last axis [..., n] -> [..., 16], ascending."""
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % LANES)])
    sums = np.zeros((*x.shape[:-1], LANES), np.float32) if start is None else start
    for first in range(0, padded.shape[-1], LANES):
        sums = sums + padded[..., first : first + LANES]
    return sums


def sum_over_channels(x: np.ndarray) -> np.ndarray:
    return fold(lane_sums(x), np.add)


def sum_over_pixels(x: np.ndarray) -> np.ndarray:
    """[pixels, channels] -> [channels], pixels ascending from 0."""
    total = np.zeros(x.shape[1], np.float32)
    for row in x:
        total = total + row
    return total
