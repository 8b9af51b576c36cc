"""Rules of normalisation: batch, layer and group norm, and softmax."""

from __future__ import annotations

import torch

from snnc.compiler.frontend.understand.body_values import FIRST, Lowered, Operation, understood
from snnc.compiler.frontend.understand.rules.arithmetic import affine, constant
from snnc.compiler.frontend.understand.rules.wiring import arranged
from snnc.compiler.ops import BatchNorm, Softmax, Standardize

aten = torch.ops.aten


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
    return o.add(BatchNorm(eps=float(o["eps"])), [o.shaped(o.value("input"))], params)


@understood(
    aten.native_layer_norm.default, arguments="input normalized_shape weight bias eps", folds=True
)
def layer_norm(o: Operation) -> Lowered:
    """Mean 0 and variance 1 over the last axes, then weights."""
    value, inner = o.value("input"), torch.Size(o["normalized_shape"]).numel()
    return _standardized(o, value, inner, o.tensor("weight"), o.tensor("bias"))


@understood(
    aten.native_group_norm.default, arguments="input weight bias N C HxW group eps"
)  # fmt: skip
def group_norm(o: Operation) -> Lowered:
    """Mean 0 and variance 1 over groups of channels, then weights."""
    value = o.value("input")
    inner = torch.Size(value.shape).numel() // int(o["group"])
    weight, bias = (
        None if tensor is None else tensor.reshape(-1, *[1] * (len(value.shape) - 1))
        for tensor in (o.tensor("weight"), o.tensor("bias"))
    )
    return _standardized(o, value, inner, weight, bias)


def _standardized(
    o: Operation,
    value: Lowered,
    inner: int,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> Lowered:
    rows = (torch.Size(value.shape).numel() // inner, inner)
    name = o.shaped(Lowered(value.name, rows), packed=1)
    made = o.add(Standardize(eps=float(o["eps"])), [name])
    scale = 1.0 if weight is None else constant(o, weight)
    return affine(o, made, scale, 0.0 if bias is None else constant(o, bias))


@understood(aten._softmax.default, arguments="self dim half_to_float", folds=True)
def softmax(o: Operation) -> Lowered:
    """Shares along an axis."""
    if o["half_to_float"]:
        raise o.refused("it computes in half precision")
    return _shares(o)


@understood(aten._safe_softmax.default, arguments="self dim dtype", folds=True)
def safe_softmax(o: Operation) -> Lowered:
    """Shares along an axis; a row in which all is masked is not finite, and nothing here is so."""
    if o["dtype"] not in (None, torch.float32):
        raise o.refused(f"it computes in {o['dtype']}", "Leave dtype out.")
    return _shares(o)


def _shares(o: Operation) -> Lowered:
    value = o.value("self")
    axis = value.axis(int(o["dim"]))
    if axis is None or (value.folded and axis == 0):
        raise o.refused("it works along the batch axis", FIRST)
    return shares(o, value, axis, Softmax())


def shares(o: Operation, value: Lowered, axis: int, op: Softmax) -> Lowered:
    """Softmax along an axis of a value as large as the result."""
    last = len(value.shape) - 1
    order = [place for place in range(last + 1) if place != axis] + [axis]
    if axis != last:
        moved = tuple(value.shape[place] for place in order)
        value = arranged(o, value, order, shape=moved)
    rows = (torch.Size(value.shape).numel() // value.shape[-1], value.shape[-1])
    name = o.shaped(Lowered(value.name, rows), packed=1)
    made = o.add(op, [name], shape=value.shape)
    return made if axis == last else arranged(o, made, [order.index(p) for p in range(last + 1)])
