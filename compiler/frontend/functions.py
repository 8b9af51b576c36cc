"""Importers of functions and methods that a forward pass may call."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional as F

from snnc.compiler.frontend.constants import exact_constant, spread
from snnc.compiler.frontend.importing import IMPORTERS
from snnc.compiler.frontend.values import Constant, Layout, Memory, Opaque, Total, Traced, Value
from snnc.compiler.ir import Kind
from snnc.errors import UNSUPPORTED_LAYER, SnncError

if TYPE_CHECKING:
    from snnc.compiler.frontend.walk import Walk


@dataclass(frozen=True)
class Call:
    """A traced call of a function or method, with its arguments resolved."""

    walk: Walk
    node: fx.Node
    args: tuple[Traced, ...]
    kwargs: Mapping[str, Traced]

    def argument(self, place: int, name: str, default: Any = None) -> Traced:
        """An argument by place or name."""
        return self.args[place] if len(self.args) > place else self.kwargs.get(name, default)

    def tensor(self, place: int = 0, name: str = "input") -> Value:
        """An argument that must be a value of the network."""
        given = self.argument(place, name)
        if not isinstance(given, Value):
            raise refused("it reads something else than a value of the network")
        return given

    def emit(
        self,
        op: str,
        inputs: Sequence[Value],
        attrs: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Value:
        """Add a node (once for all steps of a loop) for this call."""
        from snnc.compiler.frontend.walk import common_step

        names = [value.name for value in inputs]
        step = common_step(inputs)
        constants = tuple(
            (role, np.asarray(value).tobytes()) for role, value in (params or {}).items()
        )
        key = ("function", op, tuple(names), repr(attrs), constants)
        g = self.walk.importing
        name = self.walk.once(key, step, lambda: g.add(self.node.name, op, names, attrs, params))
        return self.walk.value(self.node, name, inputs[0])


def refused(
    what: str, mend: str = "Register an importer for the module that does it."
) -> SnncError:
    """The error for a call without a meaning in the graph."""
    return SnncError(UNSUPPORTED_LAYER, what, mend=mend)


# choosing and joining steps ------------------------------------------------------------


def _getitem(call: Call) -> Traced:
    source, index = call.args
    if isinstance(source, tuple | list):
        return source[index]
    if isinstance(source, Opaque):
        return Opaque(source.what)
    if isinstance(source, Value) and source.layout is Layout.SEQUENCE and isinstance(index, int):
        return Value(source.name, Layout.STEP, index % call.walk.importing.time_steps)
    raise refused(
        "it takes a part of a tensor", "Index time only, as x[t], with time as first axis."
    )


def _unbind(call: Call) -> Traced:
    source = call.tensor()
    if source.layout is not Layout.SEQUENCE or call.argument(1, "dim", 0) != 0:
        raise refused("only time, as first axis, can be unbound")
    steps = range(call.walk.importing.time_steps)
    return tuple(Value(source.name, Layout.STEP, step) for step in steps)


def _stack(call: Call) -> Traced:
    parts = list(call.argument(0, "tensors"))
    if call.argument(1, "dim", 0) != 0:
        raise refused("steps can only be stacked along axis 0")
    if all(isinstance(part, Memory) for part in parts):
        return Opaque("membrane potentials")
    wanted = list(range(call.walk.importing.time_steps))
    steps = [part.step if isinstance(part, Value) else None for part in parts]
    if steps != wanted or len({part.name for part in parts}) != 1:
        raise refused(
            f"it stacks something else than the {len(wanted)} steps of one value, in order",
            "Run the loop over every step, and append one value at each.",
        )
    return Value(parts[0].name, Layout.SEQUENCE)


def summed(walk: Walk, total: Total, op: str, path: str) -> Value:
    """A sum over all steps as a node. Raises SnncError where the loop left steps out."""
    if total.step != walk.importing.time_steps - 1:
        raise refused(
            f"it sums {total.step + 1} of {walk.importing.time_steps} steps",
            "Run the loop over every step.",
        )
    return Value(walk.importing.add(path, op, [total.name]), Layout.WINDOW)


# arithmetic ----------------------------------------------------------------------------


def _add(call: Call) -> Traced:
    if call.kwargs.get("alpha", 1) != 1:
        raise refused("add with a factor alpha is not supported", "Use a + b.")
    first, second = (call.argument(0, "input"), call.argument(1, "other"))
    total = _running_total(first, second) or _running_total(second, first)
    if total is not None:
        return total
    if isinstance(first, Value) and isinstance(second, Value):
        return call.emit("add", [first, second])
    return _affine(call, first, second, lambda c: (1.0, c))


def _running_total(before: Traced, now: Traced) -> Total | None:
    """Sums of a loop: 0 + step 0, then + step 1, and so on."""
    if not isinstance(now, Value) or now.step is None:
        return None
    if now.step == 0:
        is_zero = (isinstance(before, int | float) and before == 0) or (
            isinstance(before, Constant) and before.is_zero
        )
        return Total(now.name, 0) if is_zero else None
    earlier = (Total(now.name, now.step - 1), Value(now.name, Layout.STEP, now.step - 1))
    starts = before == earlier[0] or (now.step == 1 and before == earlier[1])
    return Total(now.name, now.step) if starts else None


def _sub(call: Call) -> Traced:
    first, second = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(first, Value) and isinstance(second, Value):
        negative = _scaled(call, second, -1.0, 0.0)
        return call.emit("add", [first, negative])
    if isinstance(first, Value):
        return _affine(call, first, second, lambda c: (1.0, -c))
    if _is_spike(call, second) and _number(first) == 1.0:
        return call.emit("spike_logic", [second], {"function": "not"})
    return _affine(call, first, second, lambda c: (-1.0, c))


def _mul(call: Call) -> Traced:
    first, second = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(first, Value) and isinstance(second, Value):
        if _is_spike(call, first) and _is_spike(call, second):
            return call.emit("spike_logic", [first, second], {"function": "and"})
        raise refused(
            "a product of two values is only known for spikes",
            "Use an attention module that snnc knows, or register an importer for yours.",
        )
    return _affine(call, first, second, lambda c: (c, 0.0))


def _div(call: Call) -> Traced:
    first, second = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(first, Total) and _number(second) == call.walk.importing.time_steps:
        return summed(call.walk, first, "time_mean", call.node.name)
    if isinstance(first, Total):
        first = summed(call.walk, first, "time_sum", f"{call.node.name}_sum")
    if not isinstance(first, Value):
        raise refused("it divides by a value of the network")
    return _affine(call, first, second, lambda c: (1.0 / c, 0.0))


def _neg(call: Call) -> Traced:
    return _scaled(call, call.tensor(), -1.0, 0.0)


def _is_spike(call: Call, value: Traced) -> bool:
    return isinstance(value, Value) and call.walk.importing.type_of(value.name).kind is Kind.SPIKE


def _number(value: Traced) -> float | None:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, Constant) and value.tensor.numel() == 1:
        return float(value.tensor)
    return None


def _affine(call: Call, first: Traced, second: Traced, terms: Callable[[Any], Any]) -> Traced:
    """scale x + shift for a value and a constant, in either order."""
    value, other = (first, second) if isinstance(first, Value) else (second, first)
    if isinstance(value, Total):
        value = summed(call.walk, value, "time_sum", f"{call.node.name}_sum")
    if not isinstance(value, Value):
        raise refused("it combines membrane potentials or other values that are not kept")
    if isinstance(other, Constant):
        constant: Any = exact_constant(other.tensor, call.node.name)
    elif isinstance(other, bool | int | float):
        constant = float(other)
    else:
        raise refused("it combines values that the graph does not keep")
    return _scaled(call, value, *terms(constant))


def _scaled(call: Call, value: Value, scale: Any, shift: Any) -> Value:
    shape = call.walk.importing.type_of(value.name).shape
    params = {"scale": spread(scale, shape), "shift": spread(shift, shape)}
    if bool((params["scale"] == 1).all()) and not params["shift"].any():
        return value
    return call.emit("affine", [value], None, params)


# shapes --------------------------------------------------------------------------------


def _reshape(call: Call) -> Traced:
    value = call.argument(0, "input")
    if not isinstance(value, Value):
        return value if isinstance(value, Opaque | Memory) else _no_meaning()
    out = tuple(call.node.meta["shape"])
    g = call.walk.importing
    given, steps = g.type_of(value.name), g.time_steps
    samples = call.walk.samples
    leads: dict[Layout, tuple[int, ...]] = {value.layout: (samples,)}
    if value.layout in (Layout.SEQUENCE, Layout.MERGED):
        leads = {Layout.SEQUENCE: (steps, samples), Layout.MERGED: (steps * samples,)}
    elif value.layout is Layout.BATCH_FIRST:
        leads = {value.layout: (samples, steps)}
    for layout in sorted(leads, key=lambda layout: layout is not value.layout):
        lead = leads[layout]
        rest = out[len(lead) :]
        if out[: len(lead)] != lead or rest not in (given.shape, (given.size,)):
            continue
        moved = Value(value.name, layout, value.step)
        return moved if rest == given.shape else call.emit("flatten", [moved])
    raise refused(
        f"reshaping [{', '.join(map(str, call.node.args[0].meta['shape']))}] to {list(out)} is not "  # type: ignore[union-attr]
        "flattening all features of a step",
        "Flatten from the channel axis to -1.",
    )


def _permute(call: Call) -> Traced:
    """Time and batch may change places; nothing else may move."""
    value = call.tensor()
    rank = len(call.node.args[0].meta["shape"])  # type: ignore[union-attr]
    order = [axis % rank for axis in _flat(call.args[1:])]
    if call.node.target in (torch.transpose, "transpose"):
        first, second = order
        order = list(range(rank))
        order[first], order[second] = order[second], order[first]
    if order == list(range(rank)):
        return value
    other = {
        Layout.SEQUENCE: Layout.BATCH_FIRST,
        Layout.BATCH_FIRST: Layout.SEQUENCE,
    }.get(value.layout)
    if other is None or order != [1, 0, *range(2, rank)]:
        raise refused("it reorders axes", "Only time and batch may change places.")
    return Value(value.name, other)


def _flat(values: Any) -> list[int]:
    return [n for value in values for n in (value if isinstance(value, Sequence) else [value])]


def _no_meaning() -> Traced:
    raise refused("it reshapes something that is no value of the network")


def _same(call: Call) -> Traced:
    return call.argument(0, "input")


def _over_time(op: str) -> Callable[[Call], Traced]:
    def reduce(call: Call) -> Traced:
        value, axis = call.tensor(), call.argument(1, "dim")
        axes = tuple(axis) if isinstance(axis, Sequence) else (axis,)
        time = {Layout.SEQUENCE: (0,), Layout.BATCH_FIRST: (1,)}.get(value.layout)
        if axes != time or call.argument(2, "keepdim"):
            raise refused(
                "only means and sums over time, the first axis, are supported",
                "Write .mean(0) or .sum(0) of a [T, N, ...] tensor.",
            )
        return call.emit(op, [value])

    return reduce


# layers as functions -------------------------------------------------------------------


def _elementwise(op: str) -> Callable[[Call], Traced]:
    return lambda call: call.emit(op, [call.tensor()])


def _as_module(make: Callable[[Call], nn.Module]) -> Callable[[Call], Traced]:
    """A functional call as the module that does the same."""

    def convert(call: Call) -> Traced:
        value, module = call.tensor(), make(call)
        walk = call.walk
        key = ("functional", call.node.target, value.name, repr(module))
        with walk._called_on(value):
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


def _linear(call: Call) -> nn.Module:
    weight, bias = _weights(call)
    module = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    return _loaded(module, weight, bias)


def _conv2d(call: Call) -> nn.Module:
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


def _avg_pool(call: Call) -> nn.Module:
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    defaults = (None, None, 0, False, True, None)
    options = [
        call.argument(place, name, default)
        for place, (name, default) in enumerate(
            zip((*names, "divisor_override"), defaults, strict=True), start=1
        )
    ]
    return nn.AvgPool2d(*options)


def _max_pool(call: Call) -> nn.Module:
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    defaults = (None, None, 0, 1, False)
    options = [
        call.argument(place, name, default)
        for place, (name, default) in enumerate(zip(names, defaults, strict=True), start=1)
    ]
    kernel, stride, padding, dilation, ceil = options
    return nn.MaxPool2d(kernel, stride, padding, dilation, False, ceil)


def _adaptive(call: Call) -> nn.Module:
    return nn.AdaptiveAvgPool2d(call.argument(1, "output_size"))


Handler = Callable[[Call], Traced]

_NAMES: dict[Handler, tuple[Any, ...]] = {
    _getitem: (operator.getitem,),
    _unbind: (torch.unbind, "unbind"),
    _stack: (torch.stack,),
    _add: (operator.add, operator.iadd, torch.add, "add", "add_"),
    _sub: (operator.sub, operator.isub, torch.sub, "sub"),
    _mul: (operator.mul, operator.imul, torch.mul, "mul"),
    _div: (operator.truediv, torch.div, "div"),
    _neg: (operator.neg, torch.neg, "neg"),
    _reshape: (
        torch.flatten,
        torch.reshape,
        torch.squeeze,
        torch.unsqueeze,
        torch.unflatten,
        *("flatten", "reshape", "view", "squeeze", "unsqueeze", "unflatten", "view_as"),
    ),
    _permute: (torch.permute, torch.transpose, "permute", "transpose"),
    _same: (
        F.dropout,
        F.dropout2d,
        *("detach", "contiguous", "clone", "float", "to", "cpu", "type_as", "requires_grad_"),
    ),
    _over_time("time_mean"): (torch.mean, "mean"),
    _over_time("time_sum"): (torch.sum, "sum"),
    _elementwise("relu"): (torch.relu, F.relu, "relu"),
    _elementwise("sigmoid"): (torch.sigmoid, F.sigmoid, "sigmoid"),
    _as_module(_linear): (F.linear,),
    _as_module(_conv2d): (F.conv2d, torch.conv2d),
    _as_module(_avg_pool): (F.avg_pool2d,),
    _as_module(_max_pool): (F.max_pool2d, torch.max_pool2d),
    _as_module(_adaptive): (F.adaptive_avg_pool2d,),
}

FUNCTIONS: dict[Any, Handler] = {
    target: handler for handler, targets in _NAMES.items() for target in targets
}
