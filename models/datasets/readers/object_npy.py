"""Numeric arrays inside a ``.npy`` file, also of objects, found without unpickling it.

numpy writes an array of objects as a pickle, and unpickling a file runs whatever code it
names. Here the file is looked through once, in little memory, for where its arrays of numbers
lie (:mod:`pickle_outline`); each can then be read from there. Format: ``numpy.lib.format``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import wrap_file

from snnc.errors import BAD_RECORDING, SnncError
from snnc.models.datasets.readers.pickle_outline import NotedObject, OutlineError, outline

SLOW_BYTES = 1 << 29
"""Reading so much takes seconds: from here on there is a progress bar."""


@dataclass(frozen=True)
class StoredArray:
    """An array of numbers at byte ``offset`` of a file."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self, path: Path) -> NDArray[Any]:
        """Its values, from the file ``path``."""
        count = math.prod(self.shape)
        flat = np.fromfile(path, self.dtype, count=count, offset=self.offset)
        return flat.reshape(self.shape)


def stored_arrays(path: Path) -> list[StoredArray]:
    """The arrays that a ``.npy`` file holds: the items of an array of objects [N], or the
    N slices along the first axis of an array of numbers [N, ...].

    Raises:
        SnncError: ``BAD_RECORDING`` naming the byte where the file is cut off, or holds
            anything but arrays of numbers.
    """
    size = path.stat().st_size
    with path.open("rb") as raw:
        shape, fortran, dtype = _header(raw, path)
        start = raw.tell()
        if not dtype.hasobject:
            return _slices(StoredArray(start, shape, dtype), fortran, size, path)
        bar = wrap_file(
            raw,
            size - start,
            description=f"looking through {path.name}",
            console=Console(stderr=True),
            transient=True,
            disable=size < SLOW_BYTES,
        )
        try:
            with bar as file:
                top = outline(file, size)
        except OutlineError as error:
            what = f"the list of arrays breaks off ({error})"
            raise _refusal(path, error.position, what) from error
    items = top.state[4] if isinstance(top, NotedObject) and len(top.state) == 5 else None
    if not isinstance(items, list):
        raise _refusal(path, start, "it is not a list of arrays")
    return [_stored(item, path, start) for item in items]


def _stored(item: object, path: Path, start: int) -> StoredArray:
    """The array that a noted ``ndarray`` is. Its state: version, shape, dtype, order, bytes."""
    if not isinstance(item, NotedObject) or not item.constructor.endswith("._reconstruct"):
        raise _refusal(path, start, "an item of the list is not an array")
    try:
        _, shape, kind, fortran, data = item.state
        array = StoredArray(data.offset, tuple(shape), _dtype(kind))
        fits = data.length == array.dtype.itemsize * math.prod(shape) and min(shape, default=0) >= 0
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        what = f"an item of the list is not an array of numbers ({error})"
        raise _refusal(path, start, what) from error
    if not fits or array.dtype.hasobject or (fortran and len(shape) > 1):
        what = f"{data.length} bytes are no {array.shape} of {array.dtype}, row by row"
        raise _refusal(path, data.offset, what)
    return array


def _dtype(kind: NotedObject) -> np.dtype[Any]:
    """The type that a noted ``dtype`` is: its code and, in the state, its byte order."""
    dtype: np.dtype[Any] = np.dtype(kind.arguments[0]).newbyteorder(kind.state[1])
    return dtype


def _slices(whole: StoredArray, fortran: bool, size: int, path: Path) -> list[StoredArray]:
    count, *inner = whole.shape
    step = whole.dtype.itemsize * math.prod(inner)
    if fortran or whole.offset + count * step != size:
        raise _refusal(path, size, f"the file ends before its {whole.shape} numbers, row by row")
    return [
        StoredArray(whole.offset + index * step, tuple(inner), whole.dtype)
        for index in range(count)
    ]


def _header(file: BinaryIO, path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, SyntaxError, TokenError) as error:
        raise _refusal(path, 0, f"not a .npy file ({error})") from error
    if not shape:
        raise _refusal(path, 0, "the file holds a single value instead of a list of arrays")
    return shape, fortran, dtype


def _refusal(path: Path, position: int, what: str) -> SnncError:
    return SnncError(BAD_RECORDING, what, where=f"{path}, byte {position}")
