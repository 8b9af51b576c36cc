"""The text header that AEDAT 2.0 and 3.1 files begin with.

Each line starts with ``#`` and ends with a line feed. AEDAT 3.1 ends the header with the
line ``#!END-HEADER``; AEDAT 2.0 with the first byte after a line that is not ``#``.
Source: https://docs.inivation.com/software/software-advanced-usage/file-formats/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from snnc.errors import BAD_RECORDING, SnncError

END_OF_HEADER = "#!END-HEADER"


@dataclass(frozen=True)
class AedatHeader:
    """Header lines without their line ends, and the byte at which the data begin."""

    lines: tuple[str, ...]
    data_start: int

    @property
    def is_closed(self) -> bool:
        """Whether the line that ends an AEDAT 3.1 header was found."""
        return self.lines[-1:] == (END_OF_HEADER,)


def read_aedat_header(data: bytes, path: Path) -> AedatHeader:
    """Split the header off ``data``, the content of the file ``path``.

    Raises:
        SnncError: ``BAD_RECORDING`` where the file ends inside a header line.
    """
    lines: list[str] = []
    position = 0
    while data[position : position + 1] == b"#" and lines[-1:] != [END_OF_HEADER]:
        end = data.find(b"\n", position)
        if end < 0:
            raise SnncError(
                BAD_RECORDING, "the header is cut off", where=f"{path}, byte {position}"
            )
        lines.append(data[position:end].decode("latin-1").rstrip("\r"))
        position = end + 1
    return AedatHeader(tuple(lines), position)
