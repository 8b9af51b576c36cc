"""Rules of layers: convolution, linear, batch norm, pooling, and views of a step's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.understand.values import Joined, Lowered, Operation, understood
from snnc.compiler.ir.graph import Kind

aten = torch.ops.aten


@understood(
    aten.convolution.default,
    arguments="input weight bias stride padding dilation transposed output_padding groups",
)
def convolution(o: Operation) -> Lowered:
    """A 2-D convolution."""
    if o["transposed"]:
        raise o.refused("transposed convolution has no operator")
    if len(o.call.shape) != 4:
        raise o.refused(f"a convolution over {len(o.call.shape) - 2} axes has no operator")
    top, left = o["padding"]
    attrs = {
        "stride": tuple(o["stride"]),
        "padding": (top, left, top, left),
        "dilation": tuple(o["dilation"]),
        "groups": int(o["groups"]),
    }
    params = {"weight": o.needed("weight"), "bias": o.tensor("bias")}
    return o.add("conv2d", [o.shaped(o.value("input"), rank=3)], attrs, params)


@understood(aten.addmm.default, arguments="self mat1 mat2")
def linear(o: Operation) -> Lowered:
    """A linear layer with bias."""
    bias = o.needed("self")
    if bias.ndim != 1:
        raise o.refused(f"its bias has shape {list(bias.shape)}")
    return _linear(o, o["mat1"], o.needed("mat2"), bias)


@understood(aten.mm.default, arguments="self mat2")
def linear_without_bias(o: Operation) -> Lowered:
    """A linear layer without bias."""
    return _linear(o, o["self"], o.needed("mat2"), None)


def _linear(o: Operation, x: Any, matrix: torch.Tensor, bias: torch.Tensor | None) -> Lowered:
    weight = matrix.t()
    if isinstance(x, Lowered):
        params = {"weight": weight, "bias": bias}
        return o.add("linear", [o.shaped(x, rank=1)], None, params)
    if not isinstance(x, Joined):
        raise o.refused("its input is no value of the network")
    total: Lowered | None = None
    begin, features = 0, weight.shape[1]
    for part in x.parts:
        end = begin + part.shape[0]
        params = {"weight": weight[:, begin:end], "bias": bias if begin == 0 else None}
        others = {"terms": features - (end - begin)}
        term = o.add("linear", [o.shaped(part, rank=1)], others, params)
        total = term if total is None else o.add("add", [total.name, term.name])
        begin = end
    assert total is not None
    return total


def mixed(o: Operation) -> Lowered:
    """A step of a weighted sum of all steps."""
    value = o.value("self")
    params = {"weight": o.needed("weight"), "bias": o.needed("bias")}
    name = o.shaped(value)
    if o.g.type_of(name).kind is not Kind.REAL:
        shape = o.g.type_of(name).shape
        same = {"scale": np.ones(shape), "shift": np.zeros(shape)}
        name = o.add("affine", [name], None, same).name
    return o.add("time_mix", [name], None, params, shape=value.shape)


@understood(
    aten.native_batch_norm.default,
    aten._native_batch_norm_legit_functional.default,
    arguments="input weight bias running_mean running_var training momentum eps",
)
def batch_norm(o: Operation) -> Lowered:
    """Batch norm with stored statistics."""
    if o["training"]:
        raise o.refused(
            "batch norm depends on the batch", "Train it with track_running_stats=True."
        )
    return _normed(o)


@understood(
    aten._native_batch_norm_legit_no_training.default,
    arguments="input weight bias running_mean running_var momentum eps",
)
def batch_norm_in_evaluation(o: Operation) -> Lowered:
    """Batch norm with stored statistics."""
    return _normed(o)


def _normed(o: Operation) -> Lowered:
    mean = o.needed("running_mean")
    weight, bias = o.tensor("weight"), o.tensor("bias")
    params = {
        "mean": mean,
        "var": o.needed("running_var"),
        "weight": torch.ones_like(mean) if weight is None else weight,
        "bias": torch.zeros_like(mean) if bias is None else bias,
    }
    return o.add("batch_norm", [o.shaped(o.value("input"))], {"eps": float(o["eps"])}, params)


@understood(
    aten.max_pool2d_with_indices.default,
    arguments="self kernel_size stride padding dilation ceil_mode",
)
def max_pool(o: Operation) -> Lowered:
    """Maximum pooling."""
    attrs = _window(o) | {"dilation": _pair(o["dilation"])}
    return o.add("max_pool2d", [o.shaped(o.value("self"), rank=3)], attrs)


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
    attrs = window | {
        "dilation": (1, 1),
        "count_include_pad": bool(o["count_include_pad"]),
        "divisor": o["divisor_override"] or 0,
    }
    return o.add("avg_pool2d", [o.shaped(value, rank=3)], attrs)


def _vote(o: Operation, value: Lowered, window: dict[str, Any]) -> Lowered:
    size = window["kernel_size"][1]
    plain = {"kernel_size": (1, size), "stride": (1, size), "padding": (0, 0), "ceil_mode": False}
    if window != plain or value.shape[2] % size or o["divisor_override"]:
        raise o.refused("pooling along a vector is only known for votes")
    return o.add("group_mean", [value.name], {"size": size})


@understood(aten._adaptive_avg_pool2d.default, arguments="self output_size")
def adaptive_avg_pool(o: Operation) -> Lowered:
    """An average over equal windows."""
    value = o.value("self")
    given, wanted = value.shape[1:], tuple(o["output_size"])
    if len(value.shape) != 3 or any(n % size for n, size in zip(given, wanted, strict=True)):
        raise o.refused(f"pooling {list(given)} to {list(wanted)} needs windows of unequal size")
    window = tuple(n // size for n, size in zip(given, wanted, strict=True))
    return value if window == (1, 1) else _averaged(o, value, window)


def _averaged(o: Operation, value: Lowered, window: tuple[int, ...]) -> Lowered:
    attrs: dict[str, Any] = {"kernel_size": window, "stride": window, "padding": (0, 0)}
    attrs |= {"dilation": (1, 1), "ceil_mode": False, "count_include_pad": True, "divisor": 0}
    return o.add("avg_pool2d", [o.shaped(value, rank=3)], attrs)


@understood(aten.mean.dim, arguments="self dim keepdim")
def mean(o: Operation) -> Lowered:
    """The mean of a map's pixels."""
    value = o.value("self")
    rank = len(value.shape) + 1
    if len(value.shape) != 3 or sorted(d % rank for d in o["dim"] or ()) != [2, 3]:
        raise o.refused("a mean is only known over time and over all pixels of a map")
    return _averaged(o, value, value.shape[1:])


def _window(o: Operation) -> dict[str, Any]:
    return {
        "kernel_size": _pair(o["kernel_size"]),
        "stride": _pair(o["stride"] or o["kernel_size"]),
        "padding": _pair(o["padding"]),
        "ceil_mode": bool(o["ceil_mode"]),
    }


def _pair(value: Sequence[int]) -> tuple[int, int]:
    return int(value[0]), int(value[-1])


@understood(aten.view.default, arguments="self size", by_number=True)
def view(o: Operation) -> Lowered:
    """Another view of a step's features; the batch may be folded into them."""
    return _seen(o, o.value("self"))


@understood(aten.unsqueeze.default, arguments="self dim")
def unsqueeze(o: Operation) -> Lowered:
    """A new axis of length 1, not before the batch."""
    if int(o["dim"]) % len(o.call.shape) == 0:
        raise o.refused("it moves the batch axis")
    return _seen(o, o.value("self"))


def _seen(o: Operation, value: Lowered) -> Lowered:
    first, samples = o.call.shape[0], o.g.samples
    size = torch.Size(value.shape).numel()
    if first % samples or torch.Size(o.shape).numel() != size:
        raise o.refused("it mixes the samples of a batch")
    seen = Lowered(value.name, o.shape, o.folded)
    flat = len(o.shape) == 1 and not o.folded
    return Lowered(o.shaped(seen), o.shape) if flat else seen


@understood(aten.cat.default, arguments="tensors dim")
def cat(o: Operation) -> Joined:
    """Vectors one after the other."""
    parts = o["tensors"]
    vectors = all(isinstance(part, Lowered) and len(part.shape) == 1 for part in parts)
    if not vectors or int(o["dim"]) % len(o.call.shape) != 1:
        raise o.refused("only vectors before a linear layer can be joined")
    return Joined(tuple(parts), o.shape)
