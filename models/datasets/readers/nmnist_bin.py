"""N-MNIST ``.bin`` files: five bytes an event, from an ATIS camera, 34x34 pixels.

Source: Orchard et al. 2015, "Converting Static Image Datasets to Spiking Neuromorphic
Datasets Using Saccades". Big-endian: x (8 bit), y (8 bit), polarity (1 bit), time in
microseconds (23 bit). A pseudo-event with y = 240 marks a timestamp overflow: it is no
event, and 2^13 us are added to all times after it (``tonic.io`` does both).
"""

from __future__ import annotations

from pathlib import Path

import tonic.io

from snnc.errors import BAD_RECORDING, SnncError
from snnc.models.datasets.events import Recording, pack_events

SENSOR = (34, 34)
EVENT_BYTES = 5


def read_nmnist_bin(path: Path) -> Recording:
    """Read one N-MNIST file.

    Raises:
        SnncError: ``BAD_RECORDING`` where the length is no multiple of 5 bytes, or an
            event lies outside 34x34 or before its predecessor (so not an N-MNIST file).
    """
    size = path.stat().st_size
    if size % EVENT_BYTES:
        start = size - size % EVENT_BYTES
        raise SnncError(
            BAD_RECORDING,
            f"{size} bytes are not a whole number of {EVENT_BYTES}-byte N-MNIST events: "
            f"the last one, at byte {start}, is cut off",
            where=str(path),
        )
    raw = tonic.io.read_mnist_file(str(path), dtype=tonic.io.events_struct)
    return Recording(pack_events(raw["t"], raw["x"], raw["y"], raw["p"]), SENSOR, str(path))
