"""Fixed-point arithmetic of the integer operators, and the one rounding rule of all of them.

``round_shift(a, s)`` is floor(a / 2^s + 1/2): halves go up. Nothing else rounds. The C is
``runtime_c/include/snn/fixed_point.h``; the two agree bit for bit.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import ClassVar

import torch

from snnc.compiler.ir.attributes import real
from snnc.compiler.ir.graph import Node
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops.base import Op, Rows
from snnc.compiler.ops.view import BoundedRun, NodeView

BETA_BITS = 15
"""A leak of 1 is 2^15."""

SCORE_BITS = 15
"""A score of 1 would be 2^15; a sigmoid stays below it."""

LOGIT_BITS = 16
"""Fraction bits of a logit, the input of the sigmoid's table."""

LIMITS = {"int4": 2**3 - 1, "int8": 2**7 - 1, "int16": 2**15 - 1, "int32": 2**31 - 1}
"""The largest value of each width."""


class Form(Enum):
    """What the whole numbers of a REAL value stand for, and how wide they are."""

    SUMS = "sums of int8 weights, each channel in a unit of its own"
    TOTAL = "the sum of two such sums"
    CURRENT = "int16, in one unit for all channels"
    STATISTIC = "int32, in one unit for all channels"
    KEPT = "as those that it reads"


def unit_of(node: Node) -> float:
    """What a whole number of an output stands for."""
    return node.op.unit if isinstance(node.op, CountedIn) else 1.0


class CountedIn(Operation):
    """A readout of whole numbers, each of which stands for ``unit``."""

    unit: float = real(default=1.0)


class IntegerOp(Op):
    """An operator on whole numbers. Its reference is exact, and so is the C.

    ``form`` is that of the numbers it gives; None where they are spikes, or scores.
    """

    form: ClassVar[Form | None] = None

    def rows_of(self, view: NodeView) -> Rows:
        return self.rows

    def error(self, run: BoundedRun) -> torch.Tensor:
        return torch.zeros_like(run.output)


def round_shift(a: torch.Tensor, shift: int) -> torch.Tensor:
    """floor(a / 2^shift + 1/2) of int64 values."""
    return (a + (1 << (shift - 1))) >> shift if shift else a


def saturate(a: torch.Tensor, dtype: str) -> torch.Tensor:
    """The nearest value that the width holds."""
    return a.clamp(-LIMITS[dtype] - 1, LIMITS[dtype])


def multiplier(value: float, bits: int) -> tuple[int, int]:
    """(factor, shift) with value = factor / 2^shift to ``bits`` significant bits; value > 0."""
    exponent = math.frexp(value)[1]
    shift = bits - exponent
    factor = round(math.ldexp(value, shift))
    if shift < 0:
        return factor << -shift, 0
    return factor, shift


def narrowest(bound: int) -> str:
    """The narrowest width for sums that are proved to stay within +-bound, int16 or int32."""
    return "int16" if bound <= LIMITS["int16"] else "int32"
