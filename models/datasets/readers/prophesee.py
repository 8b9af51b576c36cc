"""``.raw`` and ``.dat`` files of Prophesee's cameras and of OpenEB.

Both begin with lines of text, "% keyword value". A ``.raw`` file holds the sensor's stream as it
came (EVT 2.0, 2.1 or 3.0), a ``.dat`` file (version 2) decoded events of eight bytes. Source:
https://docs.prophesee.ai/stable/data/file_formats (raw.html, dat.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snnc.errors import BAD_RECORDING, SnncError
from snnc.messages import shown
from snnc.models.datasets.events import Recording, check_count, pack_events
from snnc.models.datasets.readers.aedat2 import unwrapped
from snnc.models.datasets.readers.evt_streams import DECODERS
from snnc.user_files import read_file

CD_EVENTS = (0x00, 0x0C)
"""Types of ``.dat`` events that are changes of a pixel's brightness."""

EVENT = np.dtype([("t", "<u4"), ("address", "<u4")])
EVT_VERSIONS = {"2.0": "EVT2", "2.1": "EVT21", "3.0": "EVT3"}
GEOMETRY = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})")

Header = Mapping[str, str]


def read_prophesee(path: Path) -> Recording:
    """Read a ``.raw`` or a ``.dat`` file, whichever its header says.

    Raises:
        SnncError: BAD_RECORDING where the header lacks the format or the sensor's size, the last
            word is cut off, or an event is impossible; OVER_LIMIT for more events than the limit.
    """
    data = read_file(path, BAD_RECORDING)
    header, start = _header(data, path)
    if "Version" in header or "Data" in header:
        return _read_dat(data, header, start, path)
    return _read_raw(data, header, start, path)


def _header(data: bytes, path: Path) -> tuple[Header, int]:
    """Values by keyword, and where the data begin."""
    found: dict[str, str] = {}
    position = 0
    while data[position : position + 2] == b"% ":
        end = data.find(b"\n", position)
        if end < 0:
            raise SnncError(
                BAD_RECORDING, "the header is cut off", where=f"{path}, byte {position}"
            )
        line = data[position + 2 : end].decode("latin-1").strip()
        position = end + 1
        keyword, _, value = line.partition(" ")
        if keyword == "end":
            break
        found.setdefault(keyword, value.strip())
    return found, position


def _read_raw(data: bytes, header: Header, start: int, path: Path) -> Recording:
    name, *options = header.get("format", "").split(";")
    settings = dict(option.partition("=")[::2] for option in options)
    name = name or EVT_VERSIONS.get(header.get("evt", ""), "")
    if name == "EVT21" and settings.get("endianness") == "legacy":
        name = "EVT21 legacy"
    if name not in DECODERS:
        said = header.get("format") or header.get("evt") or "nothing"
        raise SnncError(
            BAD_RECORDING,
            f"the header says {shown(said)} of the format, and snnc reads EVT2, EVT21 and EVT3",
            where=str(path),
            hint="Convert the recording with Metavision's tools (metavision_file_to_dat).",
        )
    size = f"{settings.get('width', '')}x{settings.get('height', '')}"
    sensor = _sensor(size if "width" in settings else header.get("geometry", ""), path)
    word, decode = DECODERS[name]
    if cut := (len(data) - start) % word:
        raise SnncError(
            BAD_RECORDING,
            f"the last word of {word} bytes is cut off",
            where=f"{path}, byte {len(data) - cut}",
        )
    return Recording(decode(data[start:], str(path)), sensor, str(path))


def _read_dat(data: bytes, header: Header, start: int, path: Path) -> Recording:
    if header.get("Version") != "2":
        raise SnncError(
            BAD_RECORDING,
            f"a .dat file of version {shown(header.get('Version', 'none'))}; snnc reads version 2",
            where=str(path),
        )
    sensor = _sensor(f"{header.get('Width', '')}x{header.get('Height', '')}", path)
    kind, size = (*data[start : start + 2], -1, -1)[:2]
    if kind not in CD_EVENTS or size != EVENT.itemsize:
        raise SnncError(
            BAD_RECORDING,
            f"events of type {kind} and {size} bytes; changes of brightness are of type 0 or 12 "
            "and 8 bytes",
            where=f"{path}, byte {start}",
        )
    start += 2
    if cut := (len(data) - start) % EVENT.itemsize:
        raise SnncError(
            BAD_RECORDING, "the last event is cut off", where=f"{path}, byte {len(data) - cut}"
        )
    check_count((len(data) - start) // EVENT.itemsize, str(path))
    raw = np.frombuffer(data, EVENT, offset=start)
    x, y = raw["address"] & 0x3FFF, raw["address"] >> 14 & 0x3FFF
    events = pack_events(unwrapped(raw["t"]), x, y, raw["address"] >> 28)
    return Recording(events, sensor, str(path))


def _sensor(size: str, path: Path) -> tuple[int, int]:
    """(height, width) of "WIDTHxHEIGHT"."""
    match = GEOMETRY.fullmatch(size)
    if match is None:
        raise SnncError(
            BAD_RECORDING,
            "the header does not say how many pixels the sensor has",
            where=str(path),
            hint="Add a line `% geometry WIDTHxHEIGHT` (.raw), or Width and Height (.dat).",
        )
    return int(match[2]), int(match[1])
