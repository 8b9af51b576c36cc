"""Writers of recordings in published formats, for tests of the readers.

Each takes columns t, x, y, p (lists of whole numbers, image coordinates, p 1 for ON) and
returns the bytes of a file. They follow the formats' documents, not our readers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

Columns = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]]

AEDAT3_HEADER = (
    b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n"
    b"#Start-Time: 2016-07-19 09:40:02 (TZ-0700)\r\n#!END-HEADER\r\n"
)
AEDAT2_HEADER = (
    b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
    b"# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"
)


def raw_bytes(stream: bytes, *lines: str) -> bytes:
    """A Prophesee .raw file: header lines, and the sensor's stream."""
    return b"".join(f"% {line}\n".encode() for line in (*lines, "end")) + stream


def dat_bytes(columns: Columns, width: int, height: int, kind: int = 12) -> bytes:
    """A Prophesee .dat file of version 2."""
    head = f"% Data file containing CD events\n% Version 2\n% Width {width}\n% Height {height}\n"
    out = head.encode() + bytes([kind, 8])
    for t, x, y, p in zip(*columns, strict=True):
        out += struct.pack("<II", t, x | y << 14 | p << 28)
    return out


def nmnist_bytes(columns: Columns) -> bytes:
    """Five bytes an event: x, y, then polarity in the top bit of a 24-bit time."""
    out = b""
    for t, x, y, p in zip(*columns, strict=True):
        out += bytes([x, y]) + (t | p << 23).to_bytes(3, "big")
    return out


def aedat2_bytes(columns: Columns, header: bytes = AEDAT2_HEADER) -> bytes:
    """Big-endian (address, time) pairs of a DVS128: mirrored x and y, 0 for ON."""
    out = header
    for t, x, y, p in zip(*columns, strict=True):
        out += struct.pack(">Ii", (127 - y) << 8 | (127 - x) << 1 | (1 - p), t)
    return out


def aedat3_packet(
    columns: Columns, *, kind: int = 1, overflow: int = 0, valid: Sequence[bool] | None = None
) -> bytes:
    """One packet of events; ``t`` counts from the overflow's start."""
    count = len(columns[0])
    marks = [True] * count if valid is None else valid
    out = struct.pack("<hhiiiiii", kind, 1, 8, 4, overflow, count, count, sum(marks))
    for t, x, y, p, mark in zip(*columns, marks, strict=True):
        out += struct.pack("<II", x << 17 | y << 2 | p << 1 | mark, t)
    return out


def aedat3_bytes(*packets: bytes, header: bytes = AEDAT3_HEADER) -> bytes:
    """A whole AEDAT 3.1 file."""
    return header + b"".join(packets)
