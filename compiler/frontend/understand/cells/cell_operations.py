"""ATen's elementwise overloads as instructions of a cell's program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from snnc.compiler.ops.cells.program import BOOL, COMPARISONS, OPERATIONS
from snnc.compiler.ops.cells.writing import Writing

aten = torch.ops.aten

Named = str | float
"""A value of the program by name, or a number."""

UNDERSTOOD = (torch.float32, torch.bool)
"""Types in which a cell computes."""


class NoInstructionError(Exception):
    """An overload, or a setting of one, that no instruction computes; says which."""


class Cell:
    """A program under construction that knows the type of each name."""

    def __init__(self, writing: Writing, types: dict[str, str]) -> None:
        self.writing = writing
        self.types = types

    def __call__(self, op: str, *operands: Named) -> str:
        """Append an instruction; its operands are brought to the types that it takes."""
        wanted = OPERATIONS[op].takes
        given = [self._as(value, kind) for value, kind in zip(operands, wanted, strict=True)]
        name = self.writing(op, *given)
        self.types[name] = OPERATIONS[op].gives
        return name

    def real(self, value: Named) -> Named:
        """A value as a number: of a bool 0 or 1."""
        is_bool = isinstance(value, str) and self.types[value] == BOOL
        return self("number", value) if is_bool else value

    def _as(self, value: Named, kind: str) -> Named:
        if kind != BOOL:
            return self.real(value)
        is_bool = isinstance(value, str) and self.types[value] == BOOL
        return value if is_bool else self("ne", value, 0.0)


Arguments = Mapping[str, Any]
Rule = Callable[[Cell, Arguments], Named]


def _plain(op: str) -> Rule:
    return lambda c, a: c(op, a["self"])


def _pair(op: str) -> Rule:
    return lambda c, a: c(op, a["self"], a["other"])


def _scaled(c: Cell, value: Named, alpha: Any) -> Named:
    return value if alpha == 1 else c("mul", value, float(alpha))


def _add(c: Cell, a: Arguments) -> Named:
    return c("add", a["self"], _scaled(c, a["other"], a["alpha"]))


def _subtract(c: Cell, a: Arguments) -> Named:
    return c("sub", a["self"], _scaled(c, a["other"], a["alpha"]))


def _subtract_from(c: Cell, a: Arguments) -> Named:
    return c("sub", a["other"], _scaled(c, a["self"], a["alpha"]))


def _divide(c: Cell, a: Arguments) -> Named:
    if a["other"] == 0:
        raise NoInstructionError("a division by 0")
    return c("div", a["self"], a["other"])


def _divide_to_whole(c: Cell, a: Arguments) -> Named:
    quotient = _divide(c, a)
    modes = {"trunc": "trunc", "floor": "floor"}
    return quotient if a["rounding_mode"] is None else c(modes[a["rounding_mode"]], quotient)


def _where(c: Cell, a: Arguments) -> Named:
    return c("where", a["condition"], a["self"], a["other"])


def _masked_fill(c: Cell, a: Arguments) -> Named:
    return c("where", a["mask"], a["value"], a["self"])


def _clamp(c: Cell, a: Arguments) -> Named:
    value, least, most = a["self"], a["min"], a["max"]
    if least is not None and most is not None:
        return c("clamp", value, least, most)
    return c("maximum", value, least) if most is None else c("minimum", value, most)


def _power(c: Cell, a: Arguments) -> Named:
    exponent = a["exponent"]
    return c("square", a["self"]) if exponent == 2 else c("pow", a["self"], float(exponent))


def _converted(c: Cell, a: Arguments) -> Named:
    if a["dtype"] is torch.bool:
        return c("ne", a["self"], 0.0)
    if a["dtype"] is torch.float32:
        return c.real(a["self"])
    raise NoInstructionError(f"a conversion to {a['dtype']}")


def _relu(c: Cell, a: Arguments) -> Named:
    return c("maximum", a["self"], 0.0)


_SELF = ("neg", "abs", "reciprocal", "floor", "ceil", "trunc", "sqrt", "exp", "log", "tanh")

RULES: dict[Any, Rule] = {
    **{getattr(aten, name).default: _plain(name) for name in (*_SELF, "sigmoid", "erf", "round")},
    aten.sign.default: _plain("sign"),
    aten.relu.default: _relu,
    aten.logical_not.default: _plain("not"),
    aten.bitwise_not.default: _plain("not"),
    **{
        getattr(getattr(aten, name), overload): _pair(name)
        for name in (*COMPARISONS, "mul")
        for overload in ("Tensor", "Scalar")
    },
    aten.div.Tensor: _divide,
    aten.div.Scalar: _divide,
    aten.div.Tensor_mode: _divide_to_whole,
    aten.div.Scalar_mode: _divide_to_whole,
    aten.minimum.default: _pair("minimum"),
    aten.maximum.default: _pair("maximum"),
    aten.logical_and.default: _pair("and"),
    aten.logical_or.default: _pair("or"),
    aten.bitwise_and.Tensor: _pair("and"),
    aten.bitwise_or.Tensor: _pair("or"),
    aten.add.Tensor: _add,
    aten.add.Scalar: _add,
    aten.sub.Tensor: _subtract,
    aten.sub.Scalar: _subtract,
    aten.rsub.Tensor: _subtract_from,
    aten.rsub.Scalar: _subtract_from,
    aten.where.self: _where,
    aten.masked_fill.Scalar: _masked_fill,
    aten.masked_fill.Tensor: _masked_fill,
    aten.clamp.default: _clamp,
    aten.pow.Tensor_Scalar: _power,
    aten._to_copy.default: _converted,
}
"""The instructions of each overload. A rule reads every argument that changes what it computes."""
