"""Rules of layers: convolution, linear, batch norm, pooling, and views of a step's features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypedDict

import torch

from snnc.compiler.frontend.understand.body_values import (
    FIRST,
    Joined,
    Lowered,
    Operation,
    understood,
)
from snnc.compiler.frontend.understand.rules.composed import as_real
from snnc.compiler.ops import (
    Add,
    AvgPool2d,
    AxisLinear,
    Conv2d,
    GroupMean,
    Linear,
    Matmul,
    MaxPool2d,
    Pad,
    Reduce,
    TimeMix,
)
from snnc.compiler.ops.synapses import matmul

aten = torch.ops.aten


class _Window(TypedDict):
    """The options of a pool that both kinds have."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    ceil_mode: bool


@understood(
    aten.convolution.default,
    arguments="input weight bias stride padding dilation transposed output_padding groups",
)
def convolution(o: Operation) -> Lowered:
    """A convolution over one axis or two."""
    axes = len(o.call.shape) - 2
    if axes not in (1, 2):
        raise o.refused(f"a convolution over {axes} axes has no operator")
    value, weight = o.value("input"), o.needed("weight")
    if axes == 1:  # one row of a map
        value = Lowered(value.name, (value.shape[0], 1, value.shape[1]))
        weight = weight.unsqueeze(2)
    stride, padding, dilation, more = (
        _pair_of(o[name], neutral)
        for name, neutral in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0))
    )
    groups = int(o["groups"])
    op = Conv2d(stride=stride, padding=(*padding, *padding), dilation=dilation, groups=groups)
    name = o.shaped(value, rank=3)
    if o["transposed"]:
        name, weight = _spread(o, name, stride), _turned(weight, groups)
        around = [
            far * (size - 1) - before
            for far, size, before in zip(dilation, weight.shape[2:], padding, strict=True)
        ]
        if min(around) < 0:
            raise o.refused("a transposed convolution with so large a padding has no operator")
        top, left = around
        op = replace(op, stride=(1, 1), padding=(top, left, top + more[0], left + more[1]))
    params = {"weight": weight, "bias": o.tensor("bias")}
    return o.add(op, [name], params)


def _pair_of(sizes: Sequence[int], neutral: int) -> tuple[int, int]:
    """Sizes along two axes; a single one stands for the second."""
    rows = neutral if len(sizes) == 1 else int(sizes[0])
    return rows, int(sizes[-1])


def _spread(o: Operation, name: str, stride: tuple[int, int]) -> str:
    """A map with zeros between its pixels."""
    if stride == (1, 1):
        return name
    nothing = (0, 0, 0)
    op = Pad(before=nothing, after=nothing, step=(1, *stride), value=0.0)
    return o.add(op, [name]).name


def _turned(weight: torch.Tensor, groups: int) -> torch.Tensor:
    """Weights [I, O / groups, KH, KW] of a transposed convolution as those of the plain one."""
    parts = weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2)
    return parts.flatten(0, 1).flip(2, 3).contiguous()


@understood(aten.addmm.default, arguments="self mat1 mat2", folds=True)
def linear(o: Operation) -> Lowered:
    """A linear layer with bias."""
    bias = o.needed("self")
    if bias.ndim != 1:
        raise o.refused(f"its bias has shape {list(bias.shape)}")
    return _linear(o, o["mat1"], o.needed("mat2"), bias)


@understood(aten.mm.default, arguments="self mat2", folds=True)
def linear_without_bias(o: Operation) -> Lowered:
    """A linear layer without bias."""
    return _linear(o, o["self"], o.needed("mat2"), None)


@understood(aten.mv.default, arguments="self vec", folds=True)
def linear_to_one(o: Operation) -> Lowered:
    """A linear layer with one output, whose axis is left out."""
    made = _linear(o, o["self"], o.needed("vec").unsqueeze(1), None)
    return Lowered(made.name, o.shape, o.folded)


def _linear(o: Operation, x: Any, matrix: torch.Tensor, bias: torch.Tensor | None) -> Lowered:
    weight = matrix.t()
    if isinstance(x, Lowered) and not isinstance(x, Joined):
        params = {"weight": weight, "bias": bias}
        if len(x.shape) > 1:  # rows of tokens, that the batch is folded into
            return o.add(AxisLinear(), [o.shaped(x, rank=2, packed=1)], params)
        return o.add(Linear(), [o.shaped(x, rank=1)], params)
    if not isinstance(x, Joined):
        raise o.refused("its input is no value of the network")
    total: Lowered | None = None
    begin, features = 0, weight.shape[1]
    for part in x.parts:
        end = begin + part.shape[0]
        params = {"weight": weight[:, begin:end], "bias": bias if begin == 0 else None}
        others = features - (end - begin)
        term = o.add(Linear(terms=others), [o.shaped(part, rank=1)], params)
        total = term if total is None else o.add(Add(), [total.name, term.name])
        begin = end
    assert total is not None
    return total


def mixed(o: Operation) -> Lowered:
    """A step of a weighted sum of all steps."""
    value = o.value("self")
    params = {"weight": o.needed("weight"), "bias": o.needed("bias")}
    name = as_real(o, o.shaped(value))
    return o.add(TimeMix(), [name], params, shape=value.shape)


@understood(
    aten.max_pool2d_with_indices.default,
    arguments="self kernel_size stride padding dilation ceil_mode",
)
def max_pool(o: Operation) -> Lowered:
    """Maximum pooling."""
    op = MaxPool2d(**_window(o), dilation=_pair(o["dilation"]))
    return o.add(op, [o.shaped(o.value("self"), rank=3)])


@understood(
    aten.avg_pool2d.default,
    arguments="self kernel_size stride padding ceil_mode count_include_pad divisor_override",
)
def avg_pool(o: Operation) -> Lowered:
    """Average pooling; of neighbours in a vector, a vote."""
    value, window = o.value("self"), _window(o)
    vector = o.g.type_of(value.name).shape == value.shape[2:] and value.shape[:2] == (1, 1)
    if vector:
        return _vote(o, value, window)
    op = AvgPool2d(
        **window,
        dilation=(1, 1),
        count_include_pad=bool(o["count_include_pad"]),
        divisor=o["divisor_override"] or 0,
    )
    return o.add(op, [o.shaped(value, rank=3)])


def _vote(o: Operation, value: Lowered, window: _Window) -> Lowered:
    size = window["kernel_size"][1]
    plain = {"kernel_size": (1, size), "stride": (1, size), "padding": (0, 0), "ceil_mode": False}
    if window != plain or value.shape[2] % size or o["divisor_override"]:
        raise o.refused("pooling along a vector is only known for votes")
    return o.add(GroupMean(size=size), [value.name])


def averaged(o: Operation, value: Lowered, window: tuple[int, int]) -> Lowered:
    """The means of a map's windows, which lie side by side."""
    return o.add(AvgPool2d.side_by_side(window), [o.shaped(value, rank=3)])


@understood(aten.mean.dim, arguments="self dim keepdim", folds=True)
def mean(o: Operation) -> Lowered:
    """A mean over axes; over the pixels of a map an average pool."""
    value = o.value("self")
    rank = len(value.shape) + 1
    pixels = len(value.shape) == 3 and sorted(d % rank for d in o["dim"] or ()) == [2, 3]
    if pixels and not value.folded:
        return averaged(o, value, (value.shape[1], value.shape[2]))
    return reduced(o, value, o["dim"], "mean")


@understood(aten.sum.dim_IntList, arguments="self dim keepdim", folds=True)
def sum_(o: Operation) -> Lowered:
    """A sum over axes."""
    return reduced(o, o.value("self"), o["dim"], "sum")


@understood(aten.amax.default, arguments="self dim keepdim", folds=True)
def amax(o: Operation) -> Lowered:
    """A maximum over axes."""
    return reduced(o, o.value("self"), o["dim"], "max")


@understood(aten.max.dim, arguments="self dim keepdim", folds=True)
def max_(o: Operation) -> Lowered:
    """A maximum over an axis; where it is has no operator."""
    return reduced(o, o.value("self"), [o["dim"]], "max")


def reduced(o: Operation, value: Lowered, dims: Sequence[int] | None, function: str) -> Lowered:
    """A value over some of its axes."""
    rank = len(value.shape) + (not value.folded)
    axes = sorted(int(dim) % rank for dim in dims or range(rank))
    if axes[0] == 0:
        raise o.refused("it reduces the samples of a batch", FIRST)
    given = tuple(axis - (not value.folded) for axis in axes)
    return o.add(Reduce(function=function, axes=given), [o.shaped(value)])


@understood(aten.bmm.default, arguments="self mat2", folds=True)
def bmm(o: Operation) -> Lowered:
    """A product of matrices of the network, for each head."""
    return product(o, o.value("self"), o.value("mat2"))


def product(o: Operation, *values: Lowered) -> Lowered:
    """The product of two matrices, for each head, as large as the result."""
    names = [o.shaped(value) for value in values]
    wanted = matmul.packing(*(o.g.type_of(name) for name in names))
    laid = [o.laid(name, packed) for name, packed in zip(names, wanted, strict=False)]
    return o.add(Matmul(), laid)


def _window(o: Operation) -> _Window:
    return {
        "kernel_size": _pair(o["kernel_size"]),
        "stride": _pair(o["stride"] or o["kernel_size"]),
        "padding": _pair(o["padding"]),
        "ceil_mode": bool(o["ceil_mode"]),
    }


def _pair(value: Sequence[int]) -> tuple[int, int]:
    return int(value[0]), int(value[-1])
