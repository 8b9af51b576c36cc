"""AEDAT 2.0 files of a DVS128, as jAER writes them.

After the header, eight bytes an event, big-endian: a 32-bit address and a 32-bit time in
microseconds. What an address means depends on the chip. For the DVS128, by jAER's
``DVS128`` class (net.sf.jaer, retina extractor): bit 0 polarity, *0 is ON*; bits 1 to 7 x,
counted from the right; bits 8 to 14 y, counted from the bottom; bit 15 or bit 31 marks an
event of an external pin, which is no pixel's. (iniVation's page on AEDAT 1.0 gives the
polarity the other way round; jAER is what wrote the files.)

Not read with ``tonic.io.read_dvs_128``: in tonic 1.7 it fails on every file (it unpacks
three values into two) and takes x for y.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snnc.errors import BAD_RECORDING, SnncError
from snnc.models.datasets.events import Recording, pack_events
from snnc.models.datasets.readers.aedat_header import AedatHeader, read_aedat_header

SENSOR = (128, 128)
EVENT = np.dtype([("address", ">u4"), ("t", ">i4")])
NOT_A_PIXEL = 0x8000_8000


def read_aedat2(path: Path) -> Recording:
    """Read one AEDAT 2.0 file.

    Raises:
        SnncError: ``BAD_RECORDING`` where the last event is cut off, times run backwards,
            or the header names a chip other than the DVS128.
    """
    data = path.read_bytes()
    header = read_aedat_header(data, path)
    _check_chip(header, path)
    cut = (len(data) - header.data_start) % EVENT.itemsize
    if cut:
        raise SnncError(
            BAD_RECORDING, "the last event is cut off", where=f"{path}, byte {len(data) - cut}"
        )
    raw = np.frombuffer(data, EVENT, offset=header.data_start)
    raw = raw[raw["address"] & NOT_A_PIXEL == 0]
    address = raw["address"].astype(np.int64)
    height, width = SENSOR
    x = width - 1 - ((address >> 1) & 0x7F)
    y = height - 1 - ((address >> 8) & 0x7F)
    return Recording(pack_events(raw["t"], x, y, 1 - (address & 1)), SENSOR, str(path))


def _check_chip(header: AedatHeader, path: Path) -> None:
    """A header without a chip line (jAER before 2014) is taken for a DVS128's."""
    for line in header.lines:
        key, _, chip = line.lstrip("# ").partition(":")
        if key == "AEChip" and not chip.strip().upper().endswith("DVS128"):
            raise SnncError(
                BAD_RECORDING,
                f"an AEDAT 2.0 recording of the chip {chip.strip()}; of AEDAT 2.0, snnc "
                "reads the DVS128's only",
                where=str(path),
                mend="Convert the recording to AEDAT 4.0 with iniVation's DV software.",
            )
