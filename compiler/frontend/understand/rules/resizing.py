"""Rules of maps that change size: adaptive pools, and upsampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from snnc.compiler.frontend.understand.body_values import Lowered, Operation, understood
from snnc.compiler.frontend.understand.rules.composed import as_large_as
from snnc.compiler.frontend.understand.rules.indexing import entries
from snnc.compiler.frontend.understand.rules.layers import averaged
from snnc.compiler.frontend.understand.rules.wiring import arranged
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops import AvgPool2d, AxisLinear, MaxPool2d
from snnc.compiler.ops.wiring.arrange import REPEATED

aten = torch.ops.aten


@understood(aten._adaptive_avg_pool2d.default, arguments="self output_size")
def adaptive_avg_pool(o: Operation) -> Lowered:
    """An average over equal windows."""
    value = o.value("self")
    o.check_rank(value, 3)
    given, wanted = value.shape[1:], tuple(o["output_size"])
    if any(n % size for n, size in zip(given, wanted, strict=True)):
        matrices = [_window_means(n, size) for n, size in zip(given, wanted, strict=True)]
        return along_axes(o, value, matrices)
    window = tuple(n // size for n, size in zip(given, wanted, strict=True))
    return value if window == (1, 1) else averaged(o, value, window)


def _window_means(length: int, windows: int) -> Array:
    """The matrix of the means of an adaptive pool, whose windows may overlap."""
    matrix = np.zeros((windows, length))
    for window in range(windows):
        begin, end = window * length // windows, -(-(window + 1) * length // windows)
        matrix[window, begin:end] = 1 / (end - begin)
    return matrix


def along_axes(o: Operation, value: Lowered, matrices: Sequence[Array | torch.Tensor]) -> Lowered:
    """A value of which each axis behind the channels is multiplied by a matrix."""
    name, shape = o.shaped(value), list(value.shape)
    for axis, matrix in enumerate(matrices, 1):
        name = o.add(AxisLinear(), [o.laid(name, axis)], {"weight": matrix}).name
        shape[axis] = len(matrix)
    return Lowered(name, tuple(shape), value.folded)


@understood(aten.adaptive_max_pool2d.default, arguments="self output_size")
def adaptive_max_pool(o: Operation) -> Lowered:
    """A maximum over equal windows; where it is has no operator."""
    value = o.value("self")
    o.check_rank(value, 3)
    pairs = list(zip(value.shape[1:], o["output_size"], strict=True))
    if any(n % size for n, size in pairs):
        raise o.refused("a maximum over windows of different sizes has no operator")
    height, width = (n // size for n, size in pairs)
    op = MaxPool2d.like(AvgPool2d.side_by_side((height, width)))
    return o.add(op, [o.shaped(value)])


@understood(
    aten.upsample_nearest1d.default, aten.upsample_nearest2d.default,
    aten._upsample_nearest_exact1d.default, aten._upsample_nearest_exact2d.default,
    arguments="self output_size scales scales_h scales_w",
)  # fmt: skip
def upsample_nearest(o: Operation) -> Lowered:
    """Each pixel as often as PyTorch takes it, along one axis after the other."""
    value = o.value("self")
    for axis, given in enumerate(value.shape[1:]):
        chosen = _resized(o, torch.arange(float(given)).reshape(1, 1, -1), axis)
        value = _chosen(o, value, axis + 1, [int(place) for place in chosen])
    return value


def _chosen(o: Operation, value: Lowered, axis: int, places: list[int]) -> Lowered:
    """Entries along an axis; as many copies of each as one arrangement."""
    given = value.shape[axis]
    copies = len(places) // given
    if not copies or places != [place // copies for place in range(copies * given)]:
        return entries(o, value, axis, places)
    source: list[int] = []
    for each in range(len(value.shape)):
        source += [each, REPEATED] if each == axis else [each]
    shape = (*value.shape[:axis], len(places), *value.shape[axis + 1 :])
    return arranged(as_large_as(o, value), value, source, repeats=[copies], shape=shape)


@understood(
    aten.upsample_linear1d.default, aten.upsample_bilinear2d.default,
    arguments="self output_size align_corners scales scales_h scales_w",
)  # fmt: skip
def upsample_linear(o: Operation) -> Lowered:
    """Weighted means of neighbours, with PyTorch's own weights, along one axis after the other."""
    value = o.value("self")
    eyes = [torch.eye(size).unsqueeze(0) for size in value.shape[1:]]
    return along_axes(o, value, [_resized(o, eye, axis).t() for axis, eye in enumerate(eyes)])


def _resized(o: Operation, rows: torch.Tensor, axis: int) -> torch.Tensor:
    """What the operation makes of rows [1, C, N] that stand along one of its axes."""
    settings = {name: o[name] for name in o.call.arguments if name != "self"}
    size = int(o["output_size"][axis])
    if len(o["output_size"]) == 1:
        return o.call.op(rows, **settings)[0].squeeze(0)  # type: ignore[no-any-return]
    other = {"scales_h", "scales_w"} - {("scales_h", "scales_w")[axis]}
    settings |= dict.fromkeys(other) | {"output_size": [size, 1] if axis == 0 else [1, size]}
    image = rows.unsqueeze(3 - axis)
    return o.call.op(image, **settings).squeeze(3 - axis)[0].squeeze(0)  # type: ignore[no-any-return]
