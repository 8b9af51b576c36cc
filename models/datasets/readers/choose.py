"""Which reader a file needs: by its first bytes, else by its extension."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snnc.errors import BAD_RECORDING, EMPTY_RECORDING, SnncError
from snnc.models.datasets.events import Recording
from snnc.models.datasets.readers.aedat2 import read_aedat2
from snnc.models.datasets.readers.aedat3 import read_aedat3
from snnc.models.datasets.readers.aedat4 import read_aedat4
from snnc.models.datasets.readers.atis_bin import read_nmnist_bin
from snnc.models.datasets.readers.prophesee import read_prophesee
from snnc.user_files import open_file

Reader = Callable[[Path], Recording]

READERS_BY_MAGIC: dict[bytes, Reader] = {
    b"#!AER-DAT2.0": read_aedat2,
    b"#!AER-DAT3.1": read_aedat3,
    b"#!AER-DAT4.0": read_aedat4,
    b"% ": read_prophesee,
}

READERS_BY_EXTENSION: dict[str, Reader] = {".bin": read_nmnist_bin}
"""Formats without a header."""

FORMATS = "N-MNIST .bin, AEDAT 2.0, AEDAT 3.1, AEDAT 4.0, and Prophesee's .raw and .dat"


def read_recording(path: str | Path) -> Recording:
    """Read a recording of any format in :data:`FORMATS`.

    Raises:
        SnncError: ``BAD_RECORDING`` where the file is missing, cut off, damaged or of no
            known format; ``EMPTY_RECORDING`` where it is valid and holds no events;
            ``MISSING_EXTRA`` where AEDAT4 needs a package that is not installed.
    """
    path = Path(path)
    reader = _reader_for(path)
    recording = reader(path)
    if len(recording) == 0:
        raise SnncError(EMPTY_RECORDING, "a valid recording without events", where=str(path))
    return recording


def _reader_for(path: Path) -> Reader:
    start = _first_bytes(path)
    if not start:
        raise SnncError(BAD_RECORDING, "the file is empty (0 bytes)", where=str(path))
    for magic, reader in READERS_BY_MAGIC.items():
        if start.startswith(magic):
            return reader
    if path.suffix.lower() in READERS_BY_EXTENSION:
        return READERS_BY_EXTENSION[path.suffix.lower()]
    raise SnncError(
        BAD_RECORDING,
        f"the file starts with {start[:12]!r}, which none of the known formats does",
        where=f"{path}, byte 0",
        hint=f"snnc reads {FORMATS}; convert the recording to one of them.",
    )


def _first_bytes(path: Path) -> bytes:
    hint = "Give the path of a recording that exists and may be read."
    with open_file(path, BAD_RECORDING, hint=hint) as file:
        return file.read(16)
