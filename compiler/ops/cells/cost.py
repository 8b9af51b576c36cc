"""What an instruction of a cell executes in the C: a row a kind of operation.

Products, quotients and the arithmetic inside elementary functions are counted as they are executed;
masks, choices, signs and conversions are no arithmetic. tests/runtime_c/test_cell_math.py counts
the functions of snn/elementwise/cell_math.h by running them on numbers that count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from snnc.compiler.ops.cells.program import COMPARISONS, Instruction


@dataclass(frozen=True)
class Cost:
    """Products (and quotients), sums, comparisons."""

    mul: int = 0
    add: int = 0
    cmp: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.mul + other.mul, self.add + other.add, self.cmp + other.cmp)


_SUM, _PRODUCT, _COMPARISON = Cost(add=1), Cost(mul=1), Cost(cmp=1)

COSTS: Mapping[str, Cost] = {
    **dict.fromkeys(("add", "sub"), _SUM),
    **dict.fromkeys(("mul", "div", "square", "reciprocal"), _PRODUCT),
    **dict.fromkeys(COMPARISONS, _COMPARISON),
    **dict.fromkeys(("constant", "neg", "abs", "and", "or", "not", "where", "number"), Cost()),
    **dict.fromkeys(("minimum", "maximum"), Cost(cmp=2)),
    "clamp": Cost(cmp=4),
    "sign": Cost(add=1, cmp=2),
    "round": Cost(add=2, cmp=1),
    **dict.fromkeys(("floor", "ceil", "trunc"), Cost(add=3, cmp=2)),
    "sqrt": Cost(mul=13, add=4, cmp=4),
    "exp": Cost(mul=12, add=11, cmp=2),
    "log": Cost(mul=12, add=10, cmp=4),
    "tanh": Cost(mul=22, add=21, cmp=3),
    "erf": Cost(mul=28, add=27, cmp=4),
    "sigmoid": Cost(mul=13, add=12, cmp=2),
    "pow": Cost(mul=27, add=32, cmp=19),
}
"""By operation; every operation has a row."""


def cost_of(body: Iterable[Instruction]) -> Cost:
    """What some instructions execute for one element at one step."""
    return sum((COSTS[entry.op] for entry in body), Cost())
