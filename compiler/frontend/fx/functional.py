"""Importers of layers that are called as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from snnc.compiler.frontend.fx.traced_calls import Call, refused
from snnc.compiler.frontend.fx.values import Constant, Traced
from snnc.compiler.frontend.importing import IMPORTERS
from snnc.compiler.ir.operation import Operation


def elementwise(op: Operation) -> Callable[[Call], Traced]:
    """``op`` on every number."""
    return lambda call: call.emit(op, [call.tensor()])


def as_module(make: Callable[[Call], nn.Module]) -> Callable[[Call], Traced]:
    """A functional call as the module that does the same."""

    def convert(call: Call) -> Traced:
        value, module = call.tensor(), make(call)
        walk = call.walk
        key = ("functional", call.node.target, value.name, repr(module))
        with walk.called_on(value):
            name = walk.once(
                key,
                value.step,
                lambda: IMPORTERS[type(module)](
                    walk.importing, module, call.node.name, [value.name]
                ),
            )
        return walk.value(call.node, name, value)

    return convert


def _weights(call: Call) -> tuple[torch.Tensor, torch.Tensor | None]:
    weight, bias = call.argument(1, "weight"), call.argument(2, "bias")
    if not isinstance(weight, Constant) or not isinstance(bias, Constant | None):
        raise refused("its weights are not parameters of the model")
    return weight.tensor, None if bias is None else bias.tensor


def linear(call: Call) -> nn.Module:
    """F.linear."""
    weight, bias = _weights(call)
    module = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    return _loaded(module, weight, bias)


def conv2d(call: Call) -> nn.Module:
    """F.conv2d."""
    weight, bias = _weights(call)
    groups = call.argument(6, "groups", 1)
    module = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),  # type: ignore[arg-type]
        call.argument(3, "stride", 1),
        call.argument(4, "padding", 0),
        call.argument(5, "dilation", 1),
        groups,
        bias is not None,
    )
    return _loaded(module, weight, bias)


def _loaded(module: Any, weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Module:
    module.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        module.bias = nn.Parameter(bias, requires_grad=False)
    return module  # type: ignore[no-any-return]


def avg_pool(call: Call) -> nn.Module:
    """F.avg_pool2d."""
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    defaults = (None, None, 0, False, True, None)
    options = [
        call.argument(place, name, default)
        for place, (name, default) in enumerate(
            zip((*names, "divisor_override"), defaults, strict=True), start=1
        )
    ]
    return nn.AvgPool2d(*options)


def max_pool(call: Call) -> nn.Module:
    """F.max_pool2d."""
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    defaults = (None, None, 0, 1, False)
    options = [
        call.argument(place, name, default)
        for place, (name, default) in enumerate(zip(names, defaults, strict=True), start=1)
    ]
    kernel, stride, padding, dilation, ceil = options
    return nn.MaxPool2d(kernel, stride, padding, dilation, False, ceil)


def adaptive_avg_pool(call: Call) -> nn.Module:
    """F.adaptive_avg_pool2d."""
    return nn.AdaptiveAvgPool2d(call.argument(1, "output_size"))
