"""AEDAT 3.1 files, the format of DVS128 Gesture.

After the header, packets: 28 bytes of packet header (eight little-endian numbers), then
``capacity`` events of ``event_size`` bytes. A polarity event is two 32-bit words: the
first holds valid (bit 0), polarity (bit 1), y (bits 2 to 16) and x (bits 17 to 31), the
second the low 31 bits of the time in microseconds; the packet header holds the rest.
Source: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-3.1.html

The time goes on where the low 31 bits start anew, since the packets count how often they did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.errors import BAD_RECORDING, SnncError
from snnc.messages import shown
from snnc.models.datasets.events import EVENT_DTYPE, Recording, check_count, pack_events
from snnc.models.datasets.readers.aedat_header import END_OF_HEADER, AedatHeader, read_aedat_header
from snnc.user_files import read_file

PACKET_HEADER = np.dtype(
    [
        ("type", "<i2"),
        ("source", "<i2"),
        ("event_size", "<i4"),
        ("time_offset", "<i4"),
        ("time_overflow", "<i4"),
        ("capacity", "<i4"),
        ("number", "<i4"),
        ("valid", "<i4"),
    ]
)
POLARITY_EVENT = np.dtype([("data", "<u4"), ("t", "<u4")])
POLARITY_TYPE = 1
TIME_BITS = 31

SENSORS: dict[str, tuple[int, int]] = {
    "DVS128": (128, 128),
    "DAVIS128": (128, 128),
    "DAVIS208": (192, 208),
    "DAVIS240": (180, 240),
    "DAVIS346": (260, 346),
    "DAVIS640": (480, 640),
}
"""(height, width) by the start of a source's name; a letter for the revision follows it."""


def read_aedat3(path: Path) -> Recording:
    """Read one AEDAT 3.1 file; packets other than polarity events are passed over.

    A file that ends exactly between two packets cannot be told from a shorter recording.

    Raises:
        SnncError: ``BAD_RECORDING`` naming the byte where the file is cut off or damaged,
            or where it has no source line, several sources, or an unknown camera.
    """
    data = read_file(path, BAD_RECORDING)
    header = read_aedat_header(data, path)
    if not header.is_closed:
        raise SnncError(
            BAD_RECORDING,
            f"the header has no {END_OF_HEADER} line",
            where=f"{path}, byte {header.data_start}",
        )
    sensor = _sensor(header, path)
    check_count((len(data) - header.data_start) // POLARITY_EVENT.itemsize, str(path))
    parts = [
        _polarity_events(packet)
        for packet in _packets(data, header.data_start, path)
        if packet.type == POLARITY_TYPE
    ]
    events = np.concatenate([np.empty(0, EVENT_DTYPE), *parts])
    return Recording(events, sensor, str(path))


@dataclass(frozen=True)
class _Packet:
    type: int
    time_overflow: int
    number: int
    payload: bytes


def _packets(data: bytes, position: int, path: Path) -> Iterator[_Packet]:
    while position < len(data):
        where = f"{path}, byte {position}"
        start = position + PACKET_HEADER.itemsize
        if start > len(data):
            raise SnncError(BAD_RECORDING, "a packet header is cut off", where=where)
        header = np.frombuffer(data, PACKET_HEADER, count=1, offset=position)[0]
        kind, size, capacity, number = (
            int(header[field]) for field in ("type", "event_size", "capacity", "number")
        )
        if size < 1 or not 0 <= number <= capacity or int(header["time_overflow"]) < 0:
            raise SnncError(
                BAD_RECORDING,
                f"not a packet header: {number} of {capacity} events of {size} bytes",
                where=where,
            )
        if kind == POLARITY_TYPE and size != POLARITY_EVENT.itemsize:
            raise SnncError(
                BAD_RECORDING,
                f"polarity events of {size} bytes instead of {POLARITY_EVENT.itemsize}",
                where=where,
            )
        position = start + size * capacity
        if position > len(data):
            raise SnncError(
                BAD_RECORDING,
                f"a packet of {size * capacity} bytes is cut off after {len(data) - start}",
                where=where,
            )
        payload = data[start:position]
        yield _Packet(kind, int(header["time_overflow"]), number, payload)


def _polarity_events(packet: _Packet) -> NDArray[np.void]:
    raw = np.frombuffer(packet.payload, POLARITY_EVENT, count=packet.number)
    raw = raw[raw["data"] & 1 == 1]
    word = raw["data"]
    time = raw["t"].astype(np.int64) + (packet.time_overflow << TIME_BITS)
    return pack_events(time, word >> 17, (word >> 2) & 0x7FFF, (word >> 1) & 1)


def _sensor(header: AedatHeader, path: Path) -> tuple[int, int]:
    """(height, width) of the one camera that the source line names."""
    matches = [re.match(r"#\s*Source\s+\d+\s*:\s*(.*)", line) for line in header.lines]
    sources = [match.group(1).strip() for match in matches if match]
    if len(sources) != 1:
        raise SnncError(
            BAD_RECORDING,
            f"the header names {len(sources)} sources, and snnc reads recordings of one",
            where=str(path),
        )
    for name, sensor in SENSORS.items():
        if sources[0].upper().startswith(name):
            return sensor
    raise SnncError(
        BAD_RECORDING,
        f"the camera {shown(sources[0])} is not one of {', '.join(SENSORS)}",
        where=str(path),
    )
