"""AEDAT 2.0 files of a DVS128, as jAER writes them.

After the header, eight bytes an event, big-endian: a 32-bit address and a 32-bit time in
microseconds. What an address means depends on the chip. For the DVS128, by jAER's
``DVS128`` class (net.sf.jaer, retina extractor): bit 0 polarity, *0 is ON*; bits 1 to 7 x,
counted from the right; bits 8 to 14 y, counted from the bottom; bit 15 or bit 31 marks an
event of an external pin, which is no pixel's. (iniVation's page on AEDAT 1.0 gives the
polarity the other way round; jAER is what wrote the files.)

The clock starts anew after 2^32 microseconds (71.6 minutes), in jAER's signed numbers at 2^31,
and the clock of some recorders after 2^31: :func:`unwrapped` goes on counting.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.errors import BAD_RECORDING, SnncError
from snnc.messages import shown
from snnc.models.datasets.events import Recording, check_count, pack_events
from snnc.models.datasets.readers.aedat_header import AedatHeader, read_aedat_header
from snnc.user_files import read_file

SENSOR = (128, 128)
EVENT = np.dtype([("address", ">u4"), ("t", ">u4")])
NOT_A_PIXEL = 0x8000_8000


def read_aedat2(path: Path) -> Recording:
    """Read one AEDAT 2.0 file.

    Raises:
        SnncError: ``BAD_RECORDING`` where the last event is cut off, times run backwards,
            or the header names a chip other than the DVS128.
    """
    data = read_file(path, BAD_RECORDING)
    header = read_aedat_header(data, path)
    _check_chip(header, path)
    cut = (len(data) - header.data_start) % EVENT.itemsize
    if cut:
        raise SnncError(
            BAD_RECORDING, "the last event is cut off", where=f"{path}, byte {len(data) - cut}"
        )
    check_count((len(data) - header.data_start) // EVENT.itemsize, str(path))
    raw = np.frombuffer(data, EVENT, offset=header.data_start)
    raw = raw[raw["address"] & NOT_A_PIXEL == 0]
    address = raw["address"].astype(np.int64)
    height, width = SENSOR
    x = width - 1 - ((address >> 1) & 0x7F)
    y = height - 1 - ((address >> 8) & 0x7F)
    return Recording(pack_events(unwrapped(raw["t"]), x, y, 1 - (address & 1)), SENSOR, str(path))


def unwrapped(clock: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Times [N] of a 32-bit clock [N] that may start anew, from the first one on.

    The time between two events is taken modulo 2^32, so that a step over the end is a short one. A
    step back by more than 2^30 (18 minutes) is what a clock of 31 bits does at its end. A shorter
    step back stays one.
    """
    steps = np.diff(clock).astype(np.int32).astype(np.int64)
    steps[steps < -(2**30)] += 2**31
    start = clock[:1].astype(np.int64)
    return np.concatenate([start, start + np.cumsum(steps)]) if len(clock) else start


def _check_chip(header: AedatHeader, path: Path) -> None:
    """A header without a chip line (jAER before 2014) is taken for a DVS128's."""
    for line in header.lines:
        key, _, chip = line.lstrip("# ").partition(":")
        if key == "AEChip" and not chip.strip().upper().endswith("DVS128"):
            raise SnncError(
                BAD_RECORDING,
                f"an AEDAT 2.0 recording of the chip {shown(chip.strip())}; of AEDAT 2.0, snnc "
                "reads the DVS128's only",
                where=str(path),
                hint="Convert the recording to AEDAT 4.0 with iniVation's DV software.",
            )
