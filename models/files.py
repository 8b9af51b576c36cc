"""Reading and writing ``.pt`` files of plain values and tensors, safely."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import torch

from snnc.atomic import write_atomically
from snnc.errors import BAD_CHECKPOINT, SnncError


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
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SnncError(
            BAD_CHECKPOINT, f"the file cannot be read ({reason})", where=str(path)
        ) from error
    try:
        _check_sums(raw)  # torch itself does not compare them
        content = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged input reaches torch's reader, which raises anything
        raise SnncError(
            BAD_CHECKPOINT,
            f"the {len(raw)} bytes are no undamaged file of tensors and plain values "
            f"({_first_sentence(error)})",
            where=str(path),
        ) from error
    if not isinstance(content, dict) or content.get("format") != file_format:
        raise SnncError(BAD_CHECKPOINT, f"this is not a {file_format} file", where=str(path))
    if content.get("version") != version:
        raise SnncError(
            BAD_CHECKPOINT,
            f"the file has format version {content.get('version')!r}, and this snnc reads "
            f"version {version}",
            where=str(path),
        )
    return content


def _check_sums(raw: bytes) -> None:
    """Compare the CRC-32 of every record of the zip archive that a ``.pt`` file is."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"record {damaged} has another checksum than was written")


def _first_sentence(error: Exception) -> str:
    text = str(error).strip().split("\n")[0].split(". ")[0].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
