"""Looking through the HDF5 file that a NIR graph is in, before the ``nir`` package reads it.

The package follows every link and reads every array whole. A file can link in circles, point into
other files, and declare arrays of any size in a few bytes.
"""

from __future__ import annotations

import importlib
import math
import zlib
from pathlib import Path
from typing import Any

from snnc import limits
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


def check_hdf5(path: str | Path) -> None:
    """Refuse a file that the ``nir`` package would not come to an end with.

    Raises:
        SnncError: BAD_CHECKPOINT for links other than plain ones, an object that is linked twice,
            and data that are neither numbers nor text; OVER_LIMIT for more nodes or numbers than
            the limits allow. OSError, ValueError, KeyError and RuntimeError of h5py where the file
            is damaged.
    """
    h5py: Any = importlib.import_module("h5py")
    with h5py.File(path, "r") as file:
        _Look(h5py, str(path)).through(file["node"])


class _Look:
    """A walk over all objects of a file, which counts them and their numbers."""

    def __init__(self, h5py: Any, where: str) -> None:
        self.h5py = h5py
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
            if isinstance(item, self.h5py.Group):
                waiting.extend(self.linked(item, name) for name in item)
            elif isinstance(item, self.h5py.Dataset):
                self.check_data(item)
            else:
                raise self.refusal(item.name, "it is neither a group nor data")

    def count(self, item: Any) -> None:
        """Refuse an object that was met before, as every circle of links leads to."""
        address = self.h5py.h5o.get_info(item.id).addr
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
        if link is not self.h5py.HardLink:
            raise self.refusal(f"{group.name}/{name}", f"it is a {link.__name__} to elsewhere")
        return group[name]

    def check_data(self, data: Any) -> None:
        """Refuse data that are elsewhere, too large, or neither numbers nor text."""
        if data.is_virtual or data.external:
            raise self.refusal(data.name, "its numbers are in another file")
        if data.name.rpartition("/")[2] in _SIZES and (data.size or 0) > _AXES:
            raise self.refusal(data.name, f"it holds {data.size} numbers, and no size has so many")
        text = self.h5py.check_string_dtype(data.dtype)
        if data.dtype.kind not in _KINDS and text is None:
            raise self.refusal(data.name, f"it holds {shown(str(data.dtype))}, not numbers or text")
        numbers = (data.size or 0) * max(1, data.dtype.itemsize // _LONGEST_NUMBER)
        limits.check("elements", numbers, where=f"{self.where}, {data.name}")
        self.numbers += numbers
        limits.check("parameters", self.numbers, where=self.where)
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
        return SnncError(BAD_CHECKPOINT, what, where=f"{self.where}, {name}")
