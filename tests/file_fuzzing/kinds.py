"""What is fuzzed: sound files of every format that snnc reads, and what reads them."""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from snnc.models.datasets import open_data
from snnc.models.datasets.dataset import SPLITS
from snnc.models.datasets.framing import frame_by_dt, frame_by_time
from tests.file_fuzzing.mutators import NUMBERS, Mutator, damaged
from tests.support.recordings.dataset_layouts import LAYOUTS, columns, gesture
from tests.support.recordings.evt import Event, evt2, evt3, evt21, in_rows
from tests.support.recordings.recording_writers import (
    aedat2_bytes,
    aedat3_bytes,
    aedat3_packet,
    dat_bytes,
    nmnist_bytes,
    raw_bytes,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"

Files = dict[str, bytes]


@dataclass(frozen=True)
class Kind:
    """Files that are read together, one of which is damaged.

    Attributes:
        files: makes the sound files, by their path in a folder.
        read: reads what is in a folder, as a command would.
        mutators: ways to damage a file.
    """

    files: Callable[[], Files]
    read: Callable[[Path], object]
    mutators: tuple[Mutator, ...] = (damaged,)

    def case(self, rng: random.Random) -> tuple[str, bytes]:
        """A file's path and its damaged content."""
        files = self.files()
        name = rng.choice(sorted(files))
        return name, rng.choice(self.mutators)(rng, files[name])

    def run(self, folder: Path, name: str, content: bytes) -> object:
        """Write the files with ``name`` damaged, and read them."""
        for each, sound in (self.files() | {name: content}).items():
            path = folder / each
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sound)
        return self.read(folder)


def read_data(spec: str) -> None:
    """Read every recording of DATA and make frames of it."""
    for split in SPLITS:
        data = open_data(spec, split)
        for index in range(len(data)):
            recording = data[index].recording
            frame_by_dt(recording, 20_000, 10)
            frame_by_time(recording, 10)


def damage_packet(rng: random.Random, content: bytes) -> bytes:
    """An extreme number in a field of an AEDAT 3.1 packet's header."""
    start = content.index(b"#!END-HEADER\r\n") + 14
    places = [start]
    while (at := places[-1]) + 28 <= len(content):
        size, capacity = struct.unpack_from("<i8xi", content, at + 4)
        places.append(at + 28 + size * capacity)
    at = rng.choice(places[:-1]) + rng.choice((0, 2, 4, 8, 12, 16, 20, 24))
    number = rng.choice(NUMBERS) % 2**32
    return content[:at] + number.to_bytes(4, "little") + content[at + 4 :]


def _one(name: str, content: Callable[[], bytes], *mutators: Mutator) -> Kind:
    return Kind(
        lru_cache(lambda: {name: content()}),
        lambda folder: read_data(str(folder / name)),
        (damaged, *mutators),
    )


def _packets() -> bytes:
    table = gesture(0)
    parts = [aedat3_packet(columns(part)) for part in np.array_split(table[:600], 5)]
    return aedat3_bytes(*parts)


def _numbers_34() -> bytes:
    table = gesture(1)[:800] // np.array([1, 4, 4, 1])
    return nmnist_bytes(columns(table))


def _stream(encoder: Callable[[list[Event]], bytes], name: str) -> bytes:
    events = [(t, x, y, p) for t, x, y, p in in_rows(4, 128, 128, 500, 400_000).tolist()]
    return raw_bytes(encoder(events), f"format {name};height=128;width=128")


def _layout(name: str) -> Kind:
    def files() -> Files:
        with tempfile.TemporaryDirectory() as folder:
            LAYOUTS[name](Path(folder))
            paths = [path for path in Path(folder).rglob("*") if path.is_file()]
            return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    return Kind(lru_cache(files), lambda folder: read_data(f"{name}:{folder}"))


RECORDINGS: dict[str, Kind] = {
    "nmnist": _one("a.bin", _numbers_34),
    "aedat2": _one("a.aedat", lambda: aedat2_bytes(columns(gesture(2)[:500]))),
    "evt2": _one("a.raw", lambda: _stream(evt2, "EVT2")),
    "evt21": _one("a.raw", lambda: _stream(evt21, "EVT21")),
    "evt3": _one("a.raw", lambda: _stream(evt3, "EVT3")),
    "dat": _one("a.dat", lambda: dat_bytes(columns(gesture(5)[:500]), 128, 128)),
    "aedat3": _one("a.aedat", _packets, damage_packet, damage_packet),
    **{name: _layout(name) for name in LAYOUTS},
}

_AEDAT4 = SHARED / "recordings" / "malformed" / "empty_stereo.aedat4"
_AEDAT4_EVENTS = SHARED / "recordings" / "davis346" / "sample.aedat4"
AEDAT4: dict[str, Kind] = {
    path.stem: _one("a.aedat4", path.read_bytes)
    for path in (_AEDAT4, _AEDAT4_EVENTS)
    if path.is_file()
}
"""Decoded by a process each, so that fewer can be tried; none where the files are not there."""
