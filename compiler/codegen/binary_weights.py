"""Weights in a binary file beside the C, which the assembler takes in (``.incbin``).

As text, 500 MB of weights are more than a gigabyte and minutes of a C compiler's work. The C is the
same either way: the arrays have the same names and types, here with their bytes elsewhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from snnc.compiler.plan.arena import ALIGNMENT
from snnc.compiler.program.constants import Constant

TEXT, BINARY = "text", "binary"

LARGE_BYTES = 16 * 1024**2
"""Constants above which a program's weights are binary unless it is told otherwise: more than a
microcontroller's flash holds, so what has no assembler that takes files in is not met."""


AT_ONCE = 16 * 1024**2
"""Bytes that are converted at once."""


@dataclass(frozen=True)
class Piece:
    """Where an array lies in the file: ``offset`` in bytes, a multiple of
    :data:`~snnc.compiler.plan.arena.ALIGNMENT`."""

    constant: Constant
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return self.constant.nbytes


class BinaryWeights:
    """The large arrays of a program, little-endian, each aligned."""

    def __init__(self, constants: Sequence[Constant]) -> None:
        self.pieces = tuple(_placed(constants))
        self._digest: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.pieces[-1].offset + self.pieces[-1].size if self.pieces else 0

    @property
    def sha256(self) -> str:
        """Of the file: it stands in the header, so that build systems see other weights."""
        if self._digest is None:
            self._digest = self._pass_on(lambda part: None)
        return self._digest

    def write(self, path: Path) -> None:
        """Write the file."""
        with path.open("wb") as file:
            self._digest = self._pass_on(file.write)

    def _pass_on(self, take: Callable[[bytes], object]) -> str:
        """Give the bytes piece by piece, and return their digest."""
        digest, end = hashlib.sha256(), 0
        for piece in self.pieces:
            for part in chain([bytes(piece.offset - end)], _bytes(piece.constant)):
                digest.update(part)
                take(part)
            end = piece.offset + piece.size
        return digest.hexdigest()


def _bytes(constant: Constant) -> Iterator[bytes]:
    """An array's bytes, converted part by part: whole it would be a copy of the weights."""
    rows = max(1, len(constant.source) * AT_ONCE // constant.nbytes)
    for start in range(0, len(constant.source), rows):
        part = dataclasses.replace(constant, source=constant.source[start : start + rows]).values
        yield part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes()


def form(wanted: str | None, constants: Sequence[Constant]) -> str:
    """How to write a program's weights: as asked for, else by their size."""
    if wanted is None:
        wanted = BINARY if sum(c.nbytes for c in constants) > LARGE_BYTES else TEXT
    return wanted if any(constant.large for constant in constants) else TEXT


def _placed(constants: Sequence[Constant]) -> Iterator[Piece]:
    offset = 0
    for constant in constants:
        if not constant.large:
            continue
        yield Piece(constant, offset)
        end = offset + constant.nbytes
        offset = -(-end // ALIGNMENT) * ALIGNMENT
