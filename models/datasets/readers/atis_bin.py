"""``.bin`` files of an ATIS camera, five bytes an event: N-MNIST and N-Caltech101.

Source: Orchard et al. 2015, "Converting Static Image Datasets to Spiking Neuromorphic
Datasets Using Saccades", and https://www.garrickorchard.com/datasets. Big-endian: x (8 bit),
y (8 bit), polarity (1 bit), time in microseconds (23 bit). A pseudo-event with y = 240 marks
a timestamp overflow: it is no event, and 2^13 us are added to all times after it (as in
the data sets' own ``Read_Ndataset.m``). The file does not name its sensor.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snnc.errors import BAD_RECORDING, SnncError
from snnc.models.datasets.events import Recording, check_count, pack_events
from snnc.user_files import read_file

NMNIST_SENSOR = (34, 34)
NCALTECH101_SENSOR = (180, 240)
"""The images were shown on at most so many of the ATIS's 304x240 pixels; many fill fewer."""

EVENT = np.dtype([("x", "u1"), ("y", "u1"), ("p_and_t_high", "u1"), ("t_low", ">u2")])
OVERFLOW_ROW, OVERFLOW_US = 240, 2**13


def read_nmnist_bin(path: Path) -> Recording:
    """Read one N-MNIST file; see :func:`read_atis_bin`."""
    return read_atis_bin(path, NMNIST_SENSOR)


def read_ncaltech101_bin(path: Path) -> Recording:
    """Read one N-Caltech101 file; see :func:`read_atis_bin`."""
    return read_atis_bin(path, NCALTECH101_SENSOR)


def read_atis_bin(path: Path, sensor: tuple[int, int]) -> Recording:
    """Read one file, taken for a recording of ``sensor`` (height, width).

    Raises:
        SnncError: ``BAD_RECORDING`` where the length is no multiple of 5 bytes, or an
            event lies outside the sensor or before its predecessor (so another format).
    """
    data = read_file(path, BAD_RECORDING)
    cut = len(data) % EVENT.itemsize
    if cut:
        raise SnncError(
            BAD_RECORDING,
            f"{len(data)} bytes are not a whole number of {EVENT.itemsize}-byte ATIS events: "
            f"the last one, at byte {len(data) - cut}, is cut off",
            where=str(path),
        )
    check_count(len(data) // EVENT.itemsize, str(path))
    raw = np.frombuffer(data, EVENT)
    overflow = raw["y"] == OVERFLOW_ROW
    time = (raw["p_and_t_high"] & 0x7F).astype(np.int64) << 16 | raw["t_low"]
    time += OVERFLOW_US * np.cumsum(overflow)
    events = pack_events(time, raw["x"], raw["y"], raw["p_and_t_high"] >> 7)[~overflow]
    return Recording(events, sensor, str(path))
