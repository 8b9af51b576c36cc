"""Child process of :mod:`hdf5`: look through the HDF5 file that a NIR graph is in, and take it out.

A file can link in circles, point into other files, and declare arrays of any size in a few bytes;
so all objects are looked at before one array is read. Of snnc only light modules are imported, so
that the child starts fast.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snnc import limits
from snnc.child import allow
from snnc.compiler.frontend.nir.hdf5 import MEND, TREE
from snnc.errors import BAD_CHECKPOINT, SnncError
from snnc.messages import shown

_KINDS = "fiubS"
"""Kinds of numpy types that NIR is written with, beside strings of any length."""

_OBJECTS_A_NODE = 12
"""A node is a group of up to so many values, less one."""

_SIZES = {"shape", "input_shape", "stride", "padding", "dilation", "groups", "kernel_size"}
_SIZES |= {"start_dim", "end_dim", "input_type", "output_type", "type"}
_AXES = 16
"""A value of these names holds a number for each axis; the nir package counts with them."""

_LONGEST_NUMBER = 8
"""Bytes; text takes the place of as many numbers."""

_SLACK = 64
"""Bytes that another filter, such as a checksum, may add to a chunk."""


def decode(path: str) -> dict[str, NDArray[Any]]:
    """The group ``node`` of the file at ``path``.

    Returns:
        Arrays of numbers by their number in decimal, and JSON in UTF-8 at ``TREE``: a group is an
        object, numbers are the number of their array, text is a list of its shape and its strings,
        one character a byte.

    Raises:
        SnncError: BAD_CHECKPOINT for links other than plain ones, an object that is linked twice,
            and data that are neither numbers nor text; OVER_LIMIT for more nodes or numbers than
            the limits allow. OSError, ValueError, KeyError and RuntimeError of h5py where the file
            is damaged.
    """
    with h5py.File(path, "r") as file:
        _Look(path).through(file["node"])
        arrays: dict[str, NDArray[Any]] = {}
        tree = json.dumps(_taken(file["node"], arrays)).encode()
    return arrays | {TREE: np.frombuffer(tree, np.uint8)}


def _taken(item: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """A group or data in the form of :func:`decode`; numbers go to ``arrays``."""
    if isinstance(item, h5py.Group):
        return {name: _taken(item[name], arrays) for name in item}
    value = np.asarray(item[()])
    if value.dtype.kind == "O":  # text of any length
        return [value.shape, [text.decode("latin-1") for text in value.flat]]
    arrays[number := str(len(arrays))] = value.view(value.dtype.str)  # without h5py's notes
    return int(number)


class _Look:
    """A walk over all objects of a file, which counts them and their numbers."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.seen: set[int] = set()
        self.objects = 0
        self.numbers = 0

    def through(self, top: Any) -> None:
        """Look at ``top`` and everything below it."""
        waiting = [top]
        while waiting:
            item = waiting.pop()
            self.count(item)
            if isinstance(item, h5py.Group):
                waiting.extend(self.linked(item, name) for name in item)
            elif isinstance(item, h5py.Dataset):
                self.check_data(item)
            else:
                raise self.refusal(item.name, "it is neither a group nor data")

    def count(self, item: Any) -> None:
        """Refuse an object that was met before, as every circle of links leads to."""
        address = h5py.h5o.get_info(item.id).addr
        if address in self.seen:
            raise self.refusal(item.name, "it is linked twice, or a link leads back to it")
        self.seen.add(address)
        self.objects += 1
        limits.check("nodes", self.objects // _OBJECTS_A_NODE, where=self.where)

    def linked(self, group: Any, name: str) -> Any:
        """What a link leads to."""
        if not name.isprintable():
            raise self.refusal(group.name, f"the name {name!r} below it cannot be printed")
        link = type(group.get(name, getlink=True))
        if link is not h5py.HardLink:
            raise self.refusal(f"{group.name}/{name}", f"it is a {link.__name__} to elsewhere")
        return group[name]

    def check_data(self, data: Any) -> None:
        """Refuse data that are elsewhere, too large, or neither numbers nor text."""
        if data.is_virtual or data.external:
            raise self.refusal(data.name, "its numbers are in another file")
        if data.shape is None:
            raise self.refusal(data.name, "it holds no data")
        if data.name.rpartition("/")[2] in _SIZES and (data.size or 0) > _AXES:
            raise self.refusal(data.name, f"it holds {data.size} numbers, and no size has so many")
        text = h5py.check_string_dtype(data.dtype)
        if data.dtype.kind not in _KINDS and text is None:
            raise self.refusal(data.name, f"it holds {shown(str(data.dtype))}, not numbers or text")
        numbers = (data.size or 0) * max(1, data.dtype.itemsize // _LONGEST_NUMBER)
        limits.check("elements", numbers, where=f"{self.where}, {data.name}")
        self.numbers += numbers
        limits.check("parameters", self.numbers, where=self.where)
        allow(_LONGEST_NUMBER * numbers)
        if data.chunks and data.compression == "gzip":
            self.check_chunks(data)

    def check_chunks(self, data: Any) -> None:
        """Refuse a compressed chunk that inflates to more than its numbers."""
        declared = data.dtype.itemsize * math.prod(data.chunks) + _SLACK
        limits.check("elements", declared // _LONGEST_NUMBER, where=f"{self.where}, {data.name}")
        for index in range(data.id.get_num_chunks()):
            chunk = data.id.get_chunk_info(index)
            _, packed = data.id.read_direct_chunk(chunk.chunk_offset)
            if len(zlib.decompressobj().decompress(packed, declared + 1)) > declared:
                raise self.refusal(data.name, "a compressed part of it is longer than declared")

    def refusal(self, name: str, what: str) -> SnncError:
        """The error for an object of the file."""
        return SnncError(BAD_CHECKPOINT, what, where=f"{self.where}, {name}", hint=MEND)
