"""Reading and writing ``.pt`` files of plain values and tensors, safely."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from snnc.atomic import write_atomically
from snnc.errors import BAD_CHECKPOINT, SnncError
from snnc.messages import shown
from snnc.models.storage.tensor_files import read_tensor_file


def write_tensors(content: dict[str, object], path: Path) -> None:
    """Write a dictionary of tensors and plain values, as :func:`write_atomically` does."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def read_tensors(path: Path, file_format: str, version: int) -> dict[str, object]:
    """Read a dictionary written by :func:`write_tensors`, without running code from it.

    Args:
        path: the file.
        file_format: what its ``format`` entry must say.
        version: what its ``version`` entry must say.

    Raises:
        SnncError: BAD_CHECKPOINT for a file that is missing, damaged, not of this format or
            version, or that holds pickled objects other than tensors and plain values.
    """
    content = read_tensor_file(path, legacy=False)
    if not isinstance(content, dict) or not _is(content.get("format"), file_format):
        raise SnncError(BAD_CHECKPOINT, f"this is not a {file_format} file", where=str(path))
    if not _is(content.get("version"), version):
        raise SnncError(
            BAD_CHECKPOINT,
            f"the file has format version {shown(content.get('version'))}, and this snnc reads "
            f"version {version}",
            where=str(path),
        )
    return content


def _is(value: object, wanted: str | int) -> bool:
    """Whether they are equal and of one type; a tensor is neither equal nor different."""
    return type(value) is type(wanted) and value == wanted
