"""Weights in a binary file beside the C, which the assembler takes in (``.incbin``).

As text, 500 MB of weights are more than a gigabyte and minutes of a C compiler's work. The C is the
same either way: the arrays have the same names and types, here with their bytes elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnc.compiler import emitter
from snnc.compiler.emitter import Constant
from snnc.compiler.memory import ALIGNMENT

TEXT, BINARY = "text", "binary"

LARGE_BYTES = 64 * 1024**2
"""Constants above which a program's weights are binary unless it is told otherwise."""


@dataclass(frozen=True)
class Piece:
    """Where an array lies in the file: ``offset`` in bytes, a multiple of
    :data:`~snnc.compiler.memory.ALIGNMENT`."""

    constant: Constant
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return self.constant.values.nbytes


class BinaryWeights:
    """The arrays of more than :data:`~snnc.compiler.emitter.PACKED_ABOVE` values, little-endian."""

    def __init__(self, constants: Sequence[Constant]) -> None:
        self.pieces = tuple(_placed(constants))

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.pieces[-1].offset + self.pieces[-1].size if self.pieces else 0

    @property
    def sha256(self) -> str:
        """Of the file: it stands in the header, so that build systems see other weights."""
        digest = hashlib.sha256()
        for part in self._parts():
            digest.update(part)
        return digest.hexdigest()

    def write(self, path: Path) -> None:
        """Write the file."""
        with path.open("wb") as file:
            file.writelines(self._parts())

    def _parts(self) -> Iterator[bytes | memoryview]:
        end = 0
        for piece in self.pieces:
            yield bytes(piece.offset - end)
            values = piece.constant.values
            yield np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data.cast("B")
            end = piece.offset + piece.size


def is_large(constant: Constant) -> bool:
    """Whether an array goes into the binary file, if there is one."""
    return constant.values.size > emitter.PACKED_ABOVE


def form(wanted: str | None, constants: Sequence[Constant]) -> str:
    """How to write a program's weights: as asked for, else by their size."""
    if wanted is None:
        wanted = BINARY if sum(c.values.nbytes for c in constants) > LARGE_BYTES else TEXT
    return wanted if any(map(is_large, constants)) else TEXT


def _placed(constants: Sequence[Constant]) -> Iterator[Piece]:
    offset = 0
    for constant in filter(is_large, constants):
        yield Piece(constant, offset)
        end = offset + constant.values.nbytes
        offset = -(-end // ALIGNMENT) * ALIGNMENT
