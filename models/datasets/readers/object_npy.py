"""Numeric arrays inside a ``.npy`` file, also of objects, found without unpickling it.

numpy writes an array of objects as a pickle, and unpickling a file runs whatever code it
names. Here the file is looked through once, in little memory, for where its arrays of numbers
lie (:mod:`snnc.models.storage.pickle_outline`); each can then be read from there. Format:
``numpy.lib.format``.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import wrap_file

from snnc import limits
from snnc.errors import BAD_RECORDING, SnncError
from snnc.messages import first_sentence
from snnc.models.storage.pickle_outline import NotedObject, OutlineError, outline
from snnc.user_files import open_file

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
        with open_file(path, BAD_RECORDING) as file:
            flat = np.fromfile(file, self.dtype, count=count, offset=self.offset)
        if len(flat) != count:
            raise _refusal(path, self.offset, f"the file ends before its {self.shape} numbers")
        return flat.reshape(self.shape)


def stored_arrays(path: Path) -> list[StoredArray]:
    """The arrays that a ``.npy`` file holds: the items of an array of objects [N], or the
    N slices along the first axis of an array of numbers [N, ...].

    Raises:
        SnncError: ``BAD_RECORDING`` naming the byte where the file is cut off, or holds
            anything but arrays of numbers.
    """
    with open_file(path, BAD_RECORDING) as raw:
        size = os.fstat(raw.fileno()).st_size
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
                top = outline(file, size).top
        except OutlineError as error:
            what = f"the list of arrays breaks off ({error})"
            raise _refusal(path, error.position, what) from error
    items = top.state[4] if isinstance(top, NotedObject) and len(top.state) == 5 else None
    if not isinstance(items, list):
        raise _refusal(path, start, "it is not a list of arrays")
    return [_stored(item, path, start) for item in items]


def whole_numbers(path: Path) -> list[int]:
    """The values of a ``.npy`` file of whole numbers [N].

    Raises:
        SnncError: ``BAD_RECORDING`` for a file that holds something else, or is cut off.
    """
    with open_file(path, BAD_RECORDING) as file:
        shape, _, dtype = _header(file, path)
        start, size = file.tell(), os.fstat(file.fileno()).st_size
    if len(shape) != 1 or dtype.kind not in "iu":
        what = f"{shape} of {dtype} instead of a list of whole numbers"
        raise SnncError(BAD_RECORDING, what, where=str(path))
    if start + shape[0] * dtype.itemsize != size:
        raise _refusal(path, size, f"the file ends before its {shape} numbers, or goes on")
    return [int(number) for number in StoredArray(start, shape, dtype).read(path)]


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
    limits.check("samples", count, where=str(path))
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
    except (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        # numpy parses the header as Python's literals
        raise _refusal(path, 0, f"not a .npy file ({first_sentence(error)})") from error
    if min(shape, default=0) < 0:
        raise _refusal(path, 0, f"not a .npy file (its shape is {shape})")
    if not shape:
        raise _refusal(path, 0, "the file holds a single value instead of a list of arrays")
    return shape, fortran, dtype


def _refusal(path: Path, position: int, what: str) -> SnncError:
    return SnncError(BAD_RECORDING, what, where=f"{path}, byte {position}")
