"""AEDAT 4.0 files, by the ``aedat`` package, in a process of its own.

``aedat`` (International Centre for Neuromorphic Systems) is a decoder in Rust. Damaged
headers can make it abort the whole process (seen with 2.3.0: a byte that is not UTF-8),
which no ``except`` can stop; so :mod:`aedat4_decode` runs as a child, and a child that dies
is an unreadable recording. ``tonic.io.read_aedat4`` calls the same package in our process.
iniVation's dv-processing gives the same events (compared on two recordings) but is a
hundred times larger and did not return on some damaged files.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from snnc import limits
from snnc.child import read_in_child
from snnc.errors import BAD_RECORDING, MISSING_EXTRA, SnncError
from snnc.models.datasets.events import Recording, pack_events

DECODER = Path(__file__).with_name("aedat4_decode.py")


def read_aedat4(path: Path) -> Recording:
    """Read one AEDAT 4.0 file: its one stream of events.

    Raises:
        SnncError: ``MISSING_EXTRA`` without the ``aedat`` package; ``BAD_RECORDING`` where
            the file is cut off or damaged, has no event stream, or holds the events of
            several cameras.
    """
    if importlib.util.find_spec("aedat") is None:
        raise SnncError(
            MISSING_EXTRA,
            "AEDAT 4.0 recordings need the package aedat",
            where=str(path),
            hint="Install it with `pip install 'snnc[aedat4]'`.",
        )
    limits.check("file_bytes", path.stat().st_size, where=str(path))
    decoded = read_in_child(DECODER, path, lambda reason: _unsound(path, reason))
    sensors, counts = decoded["sensors"], decoded["counts"]
    events = pack_events(*(decoded[column] for column in ("t", "x", "y", "p")))
    if np.count_nonzero(counts) > 1:
        raise SnncError(
            BAD_RECORDING,
            f"the events of {np.count_nonzero(counts)} cameras in one file; snnc reads "
            "recordings of one",
            where=str(path),
        )
    stream = int(np.argmax(counts > 0))  # the first one where all are empty
    height, width = (int(side) for side in sensors[stream])
    return Recording(events, (height, width), str(path))


def _unsound(path: Path, reason: str) -> SnncError:
    return SnncError(
        BAD_RECORDING,
        f"not a sound AEDAT 4.0 file: {reason}",
        where=str(path),
        hint="Copy it again from where it was recorded.",
    )
