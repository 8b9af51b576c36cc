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
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from snnc import limits
from snnc.errors import BAD_RECORDING, MISSING_EXTRA, SnncError
from snnc.messages import first_line
from snnc.models.datasets.events import Recording, pack_events

PATIENCE_S = 60
SLOWEST_BYTES_A_SECOND = 1 << 20
"""A decoder that takes longer, on the slowest machine, has lost its way in a damaged file."""

TOO_MANY = 3
"""Exit status of the decoder for more events than it may hold."""

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
            mend="Install it with `pip install 'snnc[aedat4]'`.",
        )
    with tempfile.TemporaryDirectory(prefix="snnc-aedat4-") as folder:
        decoded = Path(folder) / "events.npz"
        _decode(path, decoded)
        with np.load(decoded) as arrays:
            sensors, counts = arrays["sensors"], arrays["counts"]
            events = pack_events(*(arrays[column] for column in ("t", "x", "y", "p")))
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


def _decode(path: Path, decoded: Path) -> None:
    size = path.stat().st_size
    limits.check("file_bytes", size, where=str(path))
    most = str(limits.limit("events"))
    command = [sys.executable, str(DECODER), str(path.resolve()), str(decoded), most]
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE_S + size / SLOWEST_BYTES_A_SECOND,
        )
    except subprocess.TimeoutExpired as error:
        what = "not a sound AEDAT 4.0 file: the decoder comes to no end"
        raise SnncError(BAD_RECORDING, what, where=str(path)) from error
    if child.returncode == 0:
        return
    if child.returncode == TOO_MANY:
        limits.check("events", int(child.stdout), where=str(path))
    reason = first_line(child.stdout) or "the decoder broke down on it"
    raise SnncError(BAD_RECORDING, f"not a sound AEDAT 4.0 file: {reason}", where=str(path))
