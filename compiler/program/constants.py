"""Constants of the generated program: its weights and tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Array


def hex_float(value: float) -> str:
    """The float32 nearest to ``value`` as an exact, short C literal."""
    mantissa, exponent = float(np.float32(value)).hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}f"


PACKED_ABOVE = 4096
"""Values of a constant that are always written one by one, for people to read."""


@dataclass(frozen=True)
class Constant:
    """A constant array of the generated code; a ``shared`` one belongs to no node.

    It refers to a parameter of the graph as long as nobody asks for its ``values``. ``own_order``:
    int8 rows (the last axis) that the C writes in the order of the core it is compiled for.
    """

    symbol: str
    c_type: str
    source: Array
    comment: str
    shared: bool = False
    own_order: bool = False

    @property
    def values(self) -> Array:
        """The array as C stores it."""
        return self.source.astype(layout.DTYPES[self.c_type], order="C", copy=False)

    @property
    def size(self) -> int:
        """Number of values."""
        return self.source.size

    @property
    def row(self) -> int:
        """Values of a row, the last axis."""
        return int(self.source.shape[-1])

    @property
    def nbytes(self) -> int:
        """Bytes of the array; where a core may fill rows up to a multiple of four, with that."""
        if self.own_order:
            return self.size // self.row * -(-self.row // 4) * 4
        return self.size * layout.C_SIZES[self.c_type]

    @property
    def large(self) -> bool:
        """Whether it goes into a binary file, if there is one: a file has one order of weights."""
        return self.size > PACKED_ABOVE and not self.own_order

    @property
    def packed(self) -> bool:
        """Whether it is written as bytes (:mod:`snnc.compiler.codegen.packed_text`), which C
        compilers read five times as fast."""
        return self.c_type == "float" and self.large

    @property
    def expression(self) -> str:
        """How C code names the array."""
        return f"{self.symbol}.values" if self.packed else self.symbol
