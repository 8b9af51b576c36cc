"""Large float constants as C text that compilers read fast: the bytes, in string literals.

A list of numbers costs a C compiler microseconds each; a string literal costs next to nothing
(11 million weights: 4 s instead of 30 with gcc 12). C99 promises 4095 characters a literal, so the
bytes are rows of 4092, whole floats, and a rest. They are those of a little-endian processor.

A byte is written as briefly as C99 allows: a printable one as it is, else an escape.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

ROW = 4092
LINE = 132
_AT_ONCE = 256 * ROW

_NAMED = {ord(char): f"\\{name}" for char, name in zip("\a\b\t\n\v\f\r", "abtnvfr", strict=True)}
_NAMED |= {ord(char): f"\\{char}" for char in '"\\?'}  # ? may begin a trigraph


def _brief(byte: int) -> str:
    if byte in _NAMED:
        return _NAMED[byte]
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:o}"


def _cell(text: str) -> np.uint32:
    """Up to four characters as one number, so that numpy moves them at once."""
    return np.uint32(int.from_bytes(text.encode().ljust(4, b"\0"), sys.byteorder))


_BRIEF = np.array([_cell(_brief(byte)) for byte in range(256)])
_FULL = np.array([_cell(f"\\{byte:03o}") for byte in range(256)])
_GROWS = np.array([_brief(byte)[1:].isdigit() for byte in range(256)])
"""Bytes whose brief escape would take in a digit behind it."""
_DIGIT = np.array([chr(byte) in "0123456789" for byte in range(256)])


class PackedText:
    """The bytes of a float array of at least one value.

    Attributes:
        rows: how many literals of :data:`ROW` bytes there are.
        rest_bytes: bytes of the last literal, 1 to :data:`ROW`.
    """

    def __init__(self, values: npt.NDArray[np.float32]) -> None:
        self._data = np.ascontiguousarray(values, "<f4").reshape(-1).view(np.uint8)
        self.rest_bytes = (len(self._data) - 1) % ROW + 1
        self.rows = (len(self._data) - self.rest_bytes) // ROW

    def row_literals(self) -> Iterator[str]:
        """The rows, many literals at once: each has lines of :data:`LINE` bytes, and the
        macro R, which is a comma."""
        end = self.rows * ROW
        for start in range(0, end, _AT_ONCE):
            yield _literals(self._data[start : min(start + _AT_ONCE, end)].reshape(-1, ROW))

    @property
    def rest(self) -> str:
        """The last literal, without a comma."""
        data = self._data[self.rows * ROW :]
        whole = len(data) // LINE * LINE
        lines = [data[:whole].reshape(-1, LINE)] if whole else []
        lines += [data[None, whole:]] if whole < len(data) else []
        return "".join(map(_lines, lines))


def _literals(rows: npt.NDArray[np.uint8]) -> str:
    ends = np.full(rows.size // LINE, _cell('"\n'))
    ends[ROW // LINE - 1 :: ROW // LINE] = _cell('" R\n')
    return _lines(rows.reshape(-1, LINE), ends)


def _lines(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.uint32] | None = None) -> str:
    """A line of text for each row of bytes; ``ends`` closes each (default: quote, new line)."""
    cells = np.empty((len(data), data.shape[1] + 3), np.uint32)
    cells[:, 0], cells[:, 1] = _cell("    "), _cell('"')
    cells[:, -1] = _cell('"\n') if ends is None else ends
    cells[:, 2:-1] = _BRIEF[data]
    full = _GROWS[data[:, :-1]] & _DIGIT[data[:, 1:]]
    np.copyto(cells[:, 2:-2], _FULL[data[:, :-1]], where=full)
    return cells.tobytes().translate(None, b"\0").decode("ascii")
