"""What a ``.pt`` file of anybody holds, without running code from it and without trusting it.

``torch.load(..., weights_only=True)`` runs no code. It trusts the file in other ways: it inflates
records of any size, takes a storage's length from the pickle although the bytes are elsewhere
(and would read beyond them), and builds sparse, quantized and empty ("meta") tensors. So a file is
looked through before torch sees it, and torch gets an archive that was written anew from its
records. Format: torch/serialization.py, and zipfile's documentation.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from snnc.errors import BAD_CHECKPOINT, BAD_WEIGHTS, SnncError
from snnc.messages import first_sentence
from snnc.models.storage.pickle_outline import Outline, OutlineError, outline
from snnc.user_files import read_file

_ITEM_BYTES = {
    **{"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "ComplexDouble": 16, "ComplexFloat": 8},
    **{"Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1, "Untyped": 1},
}
"""Bytes of a number in torch's storages, by what their names begin with."""

_NAMES = {"collections.OrderedDict", "collections.Counter", "torch.Size", "torch.device"}
_NAMES |= {"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"}
_NAMES |= {"torch._utils._rebuild_parameter", "torch.storage.UntypedStorage"}
_NAMES |= {f"torch.{kind}Storage" for kind in _ITEM_BYTES}
_NAMES |= {"__builtin__.set", "__builtin__.complex", "_codecs.encode"}
"""Names that a pickle of dense tensors and plain values may import, beside storages and types."""

_LEGACY_PICKLES = 4
"""Before torch 1.6 a file began with four: a magic number, a version, the system, the content."""


class _UnsoundError(Exception):
    """Why a file is not given to torch."""


def read_tensor_file(path: str | Path, *, legacy: bool = True, hint: str = "") -> object:
    """The content of a file that ``torch.save`` wrote: dense tensors and plain values.

    Args:
        path: the file.
        legacy: whether the format before torch 1.6 is read too; it has no checksums.
        hint: what to do where it cannot be read, instead of the code's own advice.

    Raises:
        SnncError: BAD_CHECKPOINT for a file that is missing, damaged, compressed, or that holds
            anything but dense tensors and plain values; OVER_LIMIT for one that is too large.
    """
    raw = read_file(path, BAD_CHECKPOINT, hint=hint)
    try:
        if zipfile.is_zipfile(io.BytesIO(raw)):
            content = _load(_sound_archive(raw))
        elif legacy:
            _check_legacy(raw)
            content = _load(io.BytesIO(raw))
        else:
            raise _UnsoundError("it is no zip archive")
    except SnncError as error:
        raise SnncError(error.code, error.what, where=str(path), hint=error.hint) from error
    except Exception as error:  # zipfile and torch raise anything for damaged input
        said = isinstance(error, (_UnsoundError, OutlineError))
        reason = str(error) if said else first_sentence(error)
        raise SnncError(
            BAD_CHECKPOINT,
            f"the {len(raw)} bytes are no undamaged file of tensors and plain values, readable "
            f"without running code from it ({reason})",
            where=str(path),
            hint=hint,
        ) from error
    return content


def check_stored(name: str, tensor: object, where: str) -> Tensor:
    """``tensor`` if it is a dense tensor whose numbers are all in the file.

    Raises:
        SnncError: BAD_WEIGHTS for anything else, also for one number that stands for many.
    """
    what = ""
    if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.is_quantized:
        what = f"parameter {name} is not a dense tensor"
    elif tensor.is_nested or tensor.device.type != "cpu":
        what = f"parameter {name} is a tensor without numbers of its own"
    elif tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        what = f"parameter {name} repeats fewer numbers than its {list(tensor.shape)}"
    if what or not isinstance(tensor, Tensor):
        raise SnncError(BAD_WEIGHTS, what, where=where, hint="Save a contiguous copy of it.")
    return tensor


def _load(archive: io.BytesIO) -> object:
    return torch.load(archive, map_location="cpu", weights_only=True)


def _sound_archive(raw: bytes) -> io.BytesIO:
    """The records of a zip archive in a new one, after their checksums and lengths were compared.

    zipfile and torch read damaged archives differently; both read the new one alike.
    """
    records: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > len(raw):
            raise _UnsoundError("its records are longer than the file: torch.save compresses none")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or member.filename in records:
                raise _UnsoundError(f"record {member.filename!r} is compressed or there twice")
            records[member.filename] = archive.read(member)
    _check_records(records)
    anew = io.BytesIO()
    with zipfile.ZipFile(anew, "w", zipfile.ZIP_STORED) as archive:
        for name, record in records.items():
            archive.writestr(zipfile.ZipInfo(name), record)
    anew.seek(0)
    return anew


def _check_records(records: dict[str, bytes]) -> None:
    folders = {name.partition("/")[0] for name in records}
    if len(folders) != 1 or f"{(folder := folders.pop())}/data.pkl" not in records:
        raise _UnsoundError("it holds no data.pkl")
    order = records.get(f"{folder}/byteorder", b"little")
    if order != sys.byteorder.encode():
        raise _UnsoundError(f"its numbers are in the byte order {order[:20]!r}")
    pickle = records[f"{folder}/data.pkl"]

    def stored(key: str) -> int:
        return len(records.get(f"{folder}/data/{key}", b""))

    _check_outline(outline(io.BytesIO(pickle), len(pickle)), stored)


def _check_legacy(raw: bytes) -> None:
    stream = io.BytesIO(raw)
    for described in islice(_pickles(stream, len(raw)), _LEGACY_PICKLES):
        _check_outline(described, lambda _: len(raw))


def _pickles(stream: io.BytesIO, size: int) -> Iterator[Outline]:
    while True:
        yield outline(stream, size)


def _check_outline(described: Outline, stored: Callable[[str], int]) -> None:
    """Refuse what is neither dense tensors nor plain values, and storages without their bytes."""
    strange = {n for n in described.names if n not in _NAMES and not _is_type(n)}
    for name in sorted(n for n in strange if n.startswith("torch._utils._rebuild_")):
        raise SnncError(
            BAD_WEIGHTS,
            f"it holds a tensor that is not a dense tensor of numbers ({name})",
            hint="Save dense tensors on the CPU.",
        )
    if strange:
        raise _UnsoundError(f"it holds a {min(strange)}")
    for reference in described.references:
        match reference:
            case ("storage", str(kind), str(key), str(), int(count), *_):
                if not 0 <= count * _item_bytes(kind) <= stored(key):
                    raise _UnsoundError(f"the {count} numbers of storage {key!r} are not there")
            case _:
                raise _UnsoundError("it refers to something that is no storage")


def _is_type(name: str) -> bool:
    """Whether it is a type of numbers, as ``torch.float32``."""
    module, _, last = name.rpartition(".")
    return module == "torch" and isinstance(getattr(torch, last, None), torch.dtype)


def _item_bytes(kind: str) -> int:
    return _ITEM_BYTES[kind.rpartition(".")[2].removesuffix("Storage")]
