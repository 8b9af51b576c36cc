"""The table of functions and methods that a forward pass may call."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.nn import functional as F

from snnc.compiler.frontend.fx import axes, functional, operators
from snnc.compiler.frontend.fx.traced_calls import Handler
from snnc.compiler.ops import Relu, Sigmoid, TimeMean, TimeSum

_NAMES: dict[Handler, tuple[Any, ...]] = {
    axes.getitem: (operator.getitem,),
    axes.unbind: (torch.unbind, "unbind"),
    axes.stack: (torch.stack,),
    operators.add: (operator.add, operator.iadd, torch.add, "add", "add_"),
    operators.subtract: (operator.sub, operator.isub, torch.sub, "sub"),
    operators.multiply: (operator.mul, operator.imul, torch.mul, "mul"),
    operators.divide: (operator.truediv, torch.div, "div"),
    operators.negate: (operator.neg, torch.neg, "neg"),
    axes.reshape: (
        torch.flatten,
        torch.reshape,
        torch.squeeze,
        torch.unsqueeze,
        torch.unflatten,
        *("flatten", "reshape", "view", "squeeze", "unsqueeze", "unflatten", "view_as"),
    ),
    axes.repeat: ("repeat", "expand"),
    axes.permute: (torch.permute, torch.transpose, "permute", "transpose"),
    axes.dropout: (F.dropout, F.dropout2d),
    axes.same: (
        *("detach", "contiguous", "clone", "float", "to", "cpu", "type_as", "requires_grad_"),
    ),
    axes.over_time(TimeMean()): (torch.mean, "mean"),
    axes.over_time(TimeSum()): (torch.sum, "sum"),
    functional.elementwise(Relu()): (torch.relu, F.relu, "relu"),
    functional.elementwise(Sigmoid()): (torch.sigmoid, F.sigmoid, "sigmoid"),
    functional.as_module(functional.linear): (F.linear,),
    functional.as_module(functional.conv2d): (F.conv2d, torch.conv2d),
    functional.as_module(functional.avg_pool): (F.avg_pool2d,),
    functional.as_module(functional.max_pool): (F.max_pool2d, torch.max_pool2d),
    functional.as_module(functional.adaptive_avg_pool): (F.adaptive_avg_pool2d,),
}

FUNCTIONS: dict[Any, Handler] = {
    target: handler for handler, targets in _NAMES.items() for target in targets
}
