"""A cell's operations in numpy's float32, bit for bit those of snn/elementwise/cell_math.h.

numpy's + - * / and square root are IEEE 754's, one rounding each, so the same operations in the
same order give the same bits as the C on every core. A NaN is a NaN; its bits mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from snnc.compiler.ops.cells.program import Instruction, Program

Array = npt.NDArray[Any]


def apply(entry: Instruction, given: Sequence[Array]) -> Array:
    """The result of one instruction, float32 or bool."""
    if entry.op == "constant":
        return np.asarray(entry.constant, np.float32)
    with np.errstate(all="ignore"):  # infinities and NaN are values here
        return np.asarray(_MEANING[entry.op](*given))


def without_form(program: Program) -> list[str]:
    """The operations of a program that have no exact form yet, each once, in order."""
    return list(dict.fromkeys(e.op for e in program.body if e.op not in (*_MEANING, "constant")))


def _minimum(a: Array, b: Array) -> Array:
    return np.where((a < b) | np.isnan(a), a, b)


def _maximum(a: Array, b: Array) -> Array:
    return np.where((a > b) | np.isnan(a), a, b)


def _sign(x: Array) -> Array:
    return (x > 0).astype(np.float32) - (x < 0).astype(np.float32)


_MEANING: Mapping[str, Callable[..., Array]] = {
    **{"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide},
    **{"neg": np.negative, "abs": np.abs, "sqrt": np.sqrt, "sign": _sign},
    **{"round": np.rint, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc},
    **{"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal},
    **{"eq": np.equal, "ne": np.not_equal},
    **{"and": np.logical_and, "or": np.logical_or, "not": np.logical_not},
    **{"minimum": _minimum, "maximum": _maximum, "where": np.where},
    "square": lambda x: x * x,
    "reciprocal": lambda x: np.float32(1) / x,
    "clamp": lambda x, least, most: _minimum(_maximum(x, least), most),
    "number": lambda truth: truth.astype(np.float32),
}
