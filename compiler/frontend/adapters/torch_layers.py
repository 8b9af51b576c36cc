"""Importers of PyTorch's own layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from snnc.compiler.frontend.importing import EITHER_FIRST, Importing, importer
from snnc.compiler.ops import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Relu,
    Sigmoid,
)
from snnc.errors import UNSUPPORTED_LAYER, SnncError


def pair(value: Any) -> tuple[int, int]:
    """A PyTorch size option as (height, width)."""
    if isinstance(value, Sequence):
        return int(value[0]), int(value[-1])
    return int(value), int(value)


@importer(nn.Conv2d)
def _conv2d(g: Importing, m: nn.Conv2d, path: str, inputs: Sequence[str]) -> str:
    if m.padding_mode != "zeros":
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"padding_mode {m.padding_mode!r} is not supported",
            hint="Use padding_mode='zeros'.",
        )
    op = Conv2d(
        stride=pair(m.stride), padding=_padding(m), dilation=pair(m.dilation), groups=m.groups
    )
    return g.add(path, op, inputs, {"weight": m.weight, "bias": m.bias})


def _padding(m: nn.Conv2d) -> tuple[int, int, int, int]:
    """(top, left, bottom, right), also for padding="same", whose odd rest goes below and right."""
    if not isinstance(m.padding, str):
        top, left = pair(m.padding)
        return top, left, top, left
    if m.padding == "valid":
        return 0, 0, 0, 0
    total = [d * (k - 1) for d, k in zip(pair(m.dilation), pair(m.kernel_size), strict=True)]
    top, left = total[0] // 2, total[1] // 2
    return top, left, total[0] - top, total[1] - left


@importer(nn.Linear)
def _linear(g: Importing, m: nn.Linear, path: str, inputs: Sequence[str]) -> str:
    if len(g.type_of(inputs[0]).shape) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER,
            "a linear layer on an image would act on its last axis only",
            hint="Put nn.Flatten before it.",
        )
    return g.add(path, Linear(), inputs, {"weight": m.weight, "bias": m.bias})


@importer(nn.BatchNorm2d, nn.BatchNorm1d)
def _batch_norm(
    g: Importing, m: nn.BatchNorm2d | nn.BatchNorm1d, path: str, inputs: Sequence[str]
) -> str:
    if m.running_mean is None or m.running_var is None:
        raise SnncError(
            UNSUPPORTED_LAYER,
            "batch norm without running statistics depends on the batch",
            hint="Train it with track_running_stats=True.",
        )
    channels = m.num_features
    params = {
        "mean": m.running_mean,
        "var": m.running_var,
        "weight": m.weight if m.affine else torch.ones(channels),
        "bias": m.bias if m.affine else torch.zeros(channels),
    }
    return g.add(path, BatchNorm(eps=m.eps), inputs, params)


@importer(nn.AvgPool2d)
def _avg_pool(g: Importing, m: nn.AvgPool2d, path: str, inputs: Sequence[str]) -> str:
    op = AvgPool2d(
        kernel_size=pair(m.kernel_size),
        stride=pair(m.stride),
        padding=pair(m.padding),
        ceil_mode=m.ceil_mode,
        dilation=(1, 1),
        count_include_pad=m.count_include_pad,
        divisor=m.divisor_override or 0,
    )
    return g.add(path, op, inputs)


@importer(nn.AdaptiveAvgPool2d)
def adaptive_avg_pool(
    g: Importing, m: nn.AdaptiveAvgPool2d, path: str, inputs: Sequence[str]
) -> str:
    """Average over equal windows; raises SnncError (UNSUPPORTED_LAYER) where they are not."""
    given = g.type_of(inputs[0]).shape
    wanted = m.output_size if isinstance(m.output_size, Sequence) else (m.output_size,) * 2
    sizes = tuple(size or full for size, full in zip(wanted, given[1:], strict=True))
    if any(full % size for size, full in zip(sizes, given[1:], strict=True)):
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"pooling {given[1]}×{given[2]} to {sizes[0]}×{sizes[1]} needs windows of unequal size",
            hint="Choose an input size that the output size divides.",
        )
    window = (given[1] // sizes[0], given[2] // sizes[1])
    if window == (1, 1):
        return inputs[0]
    return g.add(path, AvgPool2d.side_by_side(window), inputs)


@importer(nn.MaxPool2d)
def _max_pool(g: Importing, m: nn.MaxPool2d, path: str, inputs: Sequence[str]) -> str:
    if m.return_indices:
        raise SnncError(
            UNSUPPORTED_LAYER, "return_indices is not supported", hint="Set return_indices=False."
        )
    op = MaxPool2d(
        kernel_size=pair(m.kernel_size),
        stride=pair(m.stride),
        padding=pair(m.padding),
        ceil_mode=m.ceil_mode,
        dilation=pair(m.dilation),
    )
    return g.add(path, op, inputs)


@importer(nn.ReLU)
def _relu(g: Importing, m: nn.ReLU, path: str, inputs: Sequence[str]) -> str:
    return g.add(path, Relu(), inputs)


@importer(nn.Sigmoid)
def _sigmoid(g: Importing, m: nn.Sigmoid, path: str, inputs: Sequence[str]) -> str:
    return g.add(path, Sigmoid(), inputs)


@importer(nn.Flatten)
def _flatten(g: Importing, m: nn.Flatten, path: str, inputs: Sequence[str]) -> str:
    check_flatten(g, inputs[0], m.start_dim, m.end_dim)
    return g.add(path, Flatten(), inputs)


def check_flatten(g: Importing, value: str, start: int, end: int) -> None:
    """Raise SnncError (UNSUPPORTED_LAYER) unless the features, and nothing else, are flattened."""
    axes = g.leading_axes + len(g.type_of(value).shape)
    if (start % axes, end % axes) != (g.leading_axes, axes - 1):
        layout = "[T, N, ...]" if g.leading_axes == 2 else "[T*N, ...]"
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"flattening dimensions {start} to {end} of {layout} does not give one vector of "
            "features for each step and sample",
            hint=f"Flatten from dimension {g.leading_axes} to -1.",
        )


@importer(nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)
def _identity(g: Importing, m: nn.Module, path: str, inputs: Sequence[str]) -> str:
    return inputs[0]  # dropout does nothing in evaluation mode


EITHER_FIRST.update((_relu, _sigmoid, _identity))
