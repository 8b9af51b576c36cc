"""``.bin`` files of an ATIS camera, five bytes an event: N-MNIST and N-Caltech101.

Source: Orchard et al. 2015, "Converting Static Image Datasets to Spiking Neuromorphic
Datasets Using Saccades", and https://www.garrickorchard.com/datasets. Big-endian: x (8 bit),
y (8 bit), polarity (1 bit), time in microseconds (23 bit). A pseudo-event with y = 240 marks
a timestamp overflow: it is no event, and 2^13 us are added to all times after it
(``tonic.io`` does both). The file does not name its sensor.
"""

from __future__ import annotations

from pathlib import Path

import tonic.io

from snnc.errors import BAD_RECORDING, SnncError
from snnc.models.datasets.events import Recording, pack_events

NMNIST_SENSOR = (34, 34)
NCALTECH101_SENSOR = (180, 240)
"""The images were shown on at most so many of the ATIS's 304x240 pixels; many fill fewer."""

EVENT_BYTES = 5


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
    size = path.stat().st_size
    if size % EVENT_BYTES:
        start = size - size % EVENT_BYTES
        raise SnncError(
            BAD_RECORDING,
            f"{size} bytes are not a whole number of {EVENT_BYTES}-byte ATIS events: "
            f"the last one, at byte {start}, is cut off",
            where=str(path),
        )
    raw = tonic.io.read_mnist_file(str(path), dtype=tonic.io.events_struct)
    return Recording(pack_events(raw["t"], raw["x"], raw["y"], raw["p"]), sensor, str(path))
