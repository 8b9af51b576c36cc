"""Activations and other functions of numbers, as programs of the operations that a cell has.

Each program computes what PyTorch's kernel computes, operation by operation where that matters: a
bound that is derived for the one holds for the other. PyTorch has expm1 and log1p of their own,
which round less than the two operations that stand for them here.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from snnc.compiler.frontend.understand.cells import cell_operations
from snnc.compiler.frontend.understand.cells.cell_operations import (
    Arguments,
    Cell,
    Named,
    NoInstructionError,
    Rule,
)

aten = torch.ops.aten


def _exp_less_one(c: Cell, x: Named) -> Named:
    return c("sub", c("exp", x), 1.0)


def _log_of_one_and(c: Cell, x: Named) -> Named:
    return c("log", c("add", x, 1.0))


def _soft_maximum(c: Cell, x: Named) -> Named:
    """log(1 + exp(x)) without overflow."""
    below = c("exp", c("neg", c("abs", x)))
    return c("add", c("maximum", x, 0.0), _log_of_one_and(c, below))


def _silu(c: Cell, a: Arguments) -> Named:
    return c("mul", a["self"], c("sigmoid", a["self"]))


def _gelu(c: Cell, a: Arguments) -> Named:
    x = a["self"]
    if a["approximate"] == "none":
        share = c("erf", c("mul", x, math.sqrt(0.5)))
    elif a["approximate"] == "tanh":
        cubic = c("mul", c("mul", c("mul", x, x), x), 0.044715)
        share = c("tanh", c("mul", c("add", x, cubic), math.sqrt(2.0 / math.pi)))
    else:
        raise NoInstructionError(f"approximate={a['approximate']!r}")
    return c("mul", c("mul", x, 0.5), c("add", share, 1.0))


def _chosen_above(c: Cell, x: Named, bound: Named, above: Named, else_: Named) -> Named:
    return c("where", c("gt", x, bound), above, else_)


def _exponential_below(c: Cell, x: Named, alpha: float, above: float, inner: float) -> Named:
    below = c("mul", _exp_less_one(c, c("mul", c("minimum", x, 0.0), inner)), alpha)
    return _chosen_above(c, x, 0.0, c("mul", x, above), below)


def _elu(c: Cell, a: Arguments) -> Named:
    scale = float(a["scale"])
    return _exponential_below(
        c, a["self"], float(a["alpha"]) * scale, scale, float(a["input_scale"])
    )


def _celu(c: Cell, a: Arguments) -> Named:
    alpha = float(a["alpha"])
    if alpha == 0:
        raise NoInstructionError("alpha=0")
    return _exponential_below(c, a["self"], alpha, 1.0, 1.0 / alpha)


def _leaky(c: Cell, x: Named, slope: Named) -> Named:
    return _chosen_above(c, x, 0.0, x, c("mul", x, slope))


def _hardtanh(c: Cell, a: Arguments) -> Named:
    return c("clamp", a["self"], float(a["min_val"]), float(a["max_val"]))


def _hard_share(c: Cell, x: Named) -> Named:
    return c("clamp", c("add", x, 3.0), 0.0, 6.0)


def _hardsigmoid(c: Cell, a: Arguments) -> Named:
    return c("div", _hard_share(c, a["self"]), 6.0)


def _hardswish(c: Cell, a: Arguments) -> Named:
    return c("div", c("mul", a["self"], _hard_share(c, a["self"])), 6.0)


def _softplus(c: Cell, a: Arguments) -> Named:
    x, beta = a["self"], float(a["beta"])
    if beta == 0:
        raise NoInstructionError("beta=0")
    scaled = c("mul", x, beta)
    soft = c("div", _soft_maximum(c, scaled), beta)
    return _chosen_above(c, scaled, float(a["threshold"]), x, soft)


def _log_sigmoid(c: Cell, a: Arguments) -> Named:
    return c("neg", _soft_maximum(c, c("neg", a["self"])))


def _mish(c: Cell, a: Arguments) -> Named:
    return c("mul", a["self"], c("tanh", _soft_maximum(c, a["self"])))


def _threshold(c: Cell, a: Arguments) -> Named:
    return _chosen_above(c, a["self"], float(a["threshold"]), a["self"], float(a["value"]))


def _hardshrink(c: Cell, a: Arguments) -> Named:
    x, bound = a["self"], float(a["lambd"])
    inside = c("and", c("ge", x, -bound), c("le", x, bound))
    return c("where", inside, 0.0, x)


def _softshrink(c: Cell, a: Arguments) -> Named:
    x, bound = a["self"], float(a["lambd"])
    below = c("where", c("lt", x, -bound), c("add", x, bound), 0.0)
    return _chosen_above(c, x, bound, c("sub", x, bound), below)


def _lerp(c: Cell, a: Arguments) -> Named:
    """From the end that is nearer, as PyTorch computes it."""
    first, last, weight = a["self"], a["end"], a["weight"]
    way = c("sub", last, first)
    near = c("add", first, c("mul", weight, way))
    far = c("sub", last, c("mul", way, c("sub", 1.0, weight)))
    if isinstance(weight, str):
        return c("where", c("lt", c("abs", weight), 0.5), near, far)
    return near if abs(weight) < 0.5 else far


def _addcmul(c: Cell, a: Arguments) -> Named:
    scaled = _times(c, a["tensor1"], a["value"])
    return c("add", a["self"], c("mul", scaled, a["tensor2"]))


def _addcdiv(c: Cell, a: Arguments) -> Named:
    if a["tensor2"] == 0:
        raise NoInstructionError("a division by 0")
    scaled = _times(c, a["tensor1"], a["value"])
    return c("add", a["self"], c("div", scaled, a["tensor2"]))


def _times(c: Cell, x: Named, factor: Any) -> Named:
    return x if factor == 1 else c("mul", x, float(factor))


def _remainder(whole: str, name: str = "other") -> Rule:
    """What a division leaves, by how its quotient becomes whole."""

    def rule(c: Cell, a: Arguments) -> Named:
        divisor = a[name]
        if divisor == 0:
            raise NoInstructionError("a division by 0")
        quotient = c(whole, c("div", a["self"], divisor))
        return c("sub", a["self"], c("mul", quotient, divisor))

    return rule


def _floor_divide(c: Cell, a: Arguments) -> Named:
    if a["other"] == 0:
        raise NoInstructionError("a division by 0")
    return c("floor", c("div", a["self"], a["other"]))


def _heaviside(c: Cell, a: Arguments) -> Named:
    above = c("number", c("gt", a["self"], 0.0))
    return c("where", c("eq", a["self"], 0.0), a["values"], above)


def _scaled_log(base: float) -> Rule:
    return lambda c, a: c("mul", c("log", a["self"]), 1.0 / math.log(base))


def _logaddexp(c: Cell, a: Arguments) -> Named:
    apart = c("exp", c("neg", c("abs", c("sub", a["self"], a["other"]))))
    return c("add", c("maximum", a["self"], a["other"]), _log_of_one_and(c, apart))


def _clamped(low: str, high: str) -> Rule:
    """Between bounds, of which either may be missing."""

    def rule(c: Cell, a: Arguments) -> Named:
        value = a["self"]
        if a.get(low) is not None:
            value = c("maximum", value, a[low])
        return value if a.get(high) is None else c("minimum", value, a[high])

    return rule


def _different(c: Cell, a: Arguments) -> Named:
    both = [c("ne", c.real(a[name]), 0.0) for name in ("self", "other")]
    return c("ne", *both)


def _batch_norm(c: Cell, a: Arguments) -> Named:
    """With stored statistics, in the order of PyTorch's kernel: one scale, one shift."""
    if a.get("training"):
        raise NoInstructionError("batch norm that depends on the batch")
    scale = c("div", 1.0, c("sqrt", c("add", a["running_var"], float(a["eps"]))))
    if a["weight"] is not None:
        scale = c("mul", scale, a["weight"])
    taken = c("mul", a["running_mean"], scale)
    shift = c("neg", taken) if a["bias"] is None else c("sub", a["bias"], taken)
    return c("add", c("mul", a["input"], scale), shift)


CHANNELWISE: dict[Any, Rule] = {
    aten.native_batch_norm.default: _batch_norm,
    aten._native_batch_norm_legit_functional.default: _batch_norm,
    aten._native_batch_norm_legit_no_training.default: _batch_norm,
}
"""Work number by number too, with constants for each channel (the axis behind the batch)."""

RULES: dict[Any, Rule] = {
    **cell_operations.RULES,
    **CHANNELWISE,
    aten.silu.default: _silu,
    aten.gelu.default: _gelu,
    aten.elu.default: _elu,
    aten.celu.default: _celu,
    aten.leaky_relu.default: lambda c, a: _leaky(c, a["self"], float(a["negative_slope"])),
    aten._prelu_kernel.default: lambda c, a: _leaky(c, a["self"], a["weight"]),
    aten.hardtanh.default: _hardtanh,
    aten.hardsigmoid.default: _hardsigmoid,
    aten.hardswish.default: _hardswish,
    aten.softplus.default: _softplus,
    aten.log_sigmoid_forward.default: _log_sigmoid,
    aten.mish.default: _mish,
    aten.threshold.default: _threshold,
    aten.hardshrink.default: _hardshrink,
    aten.softshrink.default: _softshrink,
    aten.rsqrt.default: lambda c, a: c("reciprocal", c("sqrt", a["self"])),
    aten.lerp.Scalar: _lerp,
    aten.lerp.Tensor: _lerp,
    aten.addcmul.default: _addcmul,
    aten.addcdiv.default: _addcdiv,
    aten.frac.default: lambda c, a: c("sub", a["self"], c("trunc", a["self"])),
    aten.fmod.Tensor: _remainder("trunc"),
    aten.fmod.Scalar: _remainder("trunc"),
    aten.remainder.Tensor: _remainder("floor"),
    aten.remainder.Scalar: _remainder("floor"),
    aten.floor_divide.default: _floor_divide,
    aten.floor_divide.Scalar: _floor_divide,
    aten.heaviside.default: _heaviside,
    aten.sgn.default: lambda c, a: c("sign", a["self"]),
    aten.log2.default: _scaled_log(2.0),
    aten.log10.default: _scaled_log(10.0),
    aten.log1p.default: lambda c, a: _log_of_one_and(c, a["self"]),
    aten.expm1.default: lambda c, a: _exp_less_one(c, a["self"]),
    aten.exp2.default: lambda c, a: c("exp", c("mul", a["self"], math.log(2.0))),
    aten.logaddexp.default: _logaddexp,
    aten.pow.Scalar: lambda c, a: c("pow", float(a["self"]), a["exponent"]),
    aten.pow.Tensor_Tensor: lambda c, a: c("pow", a["self"], a["exponent"]),
    aten.clamp.Tensor: _clamped("min", "max"),
    aten.clamp_min.default: _clamped("min", "max"),
    aten.clamp_min.Tensor: _clamped("min", "max"),
    aten.clamp_max.default: _clamped("min", "max"),
    aten.clamp_max.Tensor: _clamped("min", "max"),
    aten.logical_xor.default: _different,
    aten.bitwise_xor.Tensor: _different,
}
"""The program of each overload, those of one instruction among them."""
