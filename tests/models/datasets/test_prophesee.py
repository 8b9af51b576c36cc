"""Prophesee's .raw and .dat files: what is written is read, and what is damaged is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from snnc import limits
from snnc.errors import BAD_RECORDING, EMPTY_RECORDING, OVER_LIMIT, SnncError
from snnc.models.datasets import read_recording
from tests.support.recordings.evt import Event, evt2, evt3, evt21, in_rows
from tests.support.recordings.recording_writers import dat_bytes, raw_bytes

EVENTS: list[Event] = [tuple(e) for e in in_rows(0, 320, 240, 3000, 40_000_000).tolist()]
"""Longer than the 16.8 seconds after which EVT 3's time goes round."""

Encoder = Callable[[list[Event]], bytes]
FORMATS: dict[str, tuple[str, Encoder]] = {
    "EVT2": ("format EVT2;height=240;width=320", evt2),
    "EVT21": ("format EVT21;height=240;width=320", evt21),
    "EVT21 of an IMX636": (
        "format EVT21;height=240;width=320;endianness=legacy",
        lambda events: evt21(events, upper_first=True),
    ),
    "EVT3": ("format EVT3;height=240;width=320", evt3),
}


def write(folder: Path, content: bytes, name: str = "a.raw") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def tuples(path: Path) -> list[Event]:
    return [(int(t), int(x), int(y), int(p)) for t, x, y, p in read_recording(path).events.tolist()]


@pytest.mark.parametrize("name", FORMATS)
def test_a_raw_file_gives_the_events_that_were_written(name, tmp_path):
    line, encoder = FORMATS[name]
    path = write(tmp_path, raw_bytes(encoder(EVENTS), "date 2026-11-30 22:00:00", line))
    assert tuples(path) == EVENTS
    assert read_recording(path).sensor == (240, 320)


@pytest.mark.parametrize(("said", "encoder"), [("2.0", evt2), ("2.1", evt21), ("3.0", evt3)])
def test_an_older_header_says_version_and_geometry(said, encoder, tmp_path):
    content = raw_bytes(encoder(EVENTS), f"evt {said}", "geometry 320x240")
    assert tuples(write(tmp_path, content)) == EVENTS
    without_end = content.replace(b"% end\n", b"")
    assert tuples(write(tmp_path, without_end)) == EVENTS


def test_words_that_are_no_events_are_passed_over(tmp_path):
    """A trigger, and an event before the first time word."""
    words = np.array([0x1000_0000, 0x8000_0001, 0xA000_0000, 0x1000_0000 | 5 << 22 | 9 << 11 | 7])
    content = raw_bytes(words.astype("<u4").tobytes(), FORMATS["EVT2"][0])
    assert tuples(write(tmp_path, content)) == [(64 + 5, 9, 7, 1)]


@pytest.mark.parametrize("kind", [0, 12])
def test_a_dat_file_gives_the_events_that_were_written(kind, tmp_path):
    columns = tuple(list(column) for column in zip(*EVENTS, strict=True))
    path = write(tmp_path, dat_bytes(columns, 320, 240, kind), "a.dat")
    assert tuples(path) == EVENTS
    assert read_recording(path).sensor == (240, 320)


STREAM, LINE = evt2(EVENTS[:40]), FORMATS["EVT2"][0]
COLUMNS = tuple(list(column) for column in zip(*EVENTS[:40], strict=True))
DAT = dat_bytes(COLUMNS, 320, 240)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (raw_bytes(STREAM[:-1], LINE), "the last word of 4 bytes is cut off"),
        (raw_bytes(STREAM, "format EVT4;height=240;width=320"), "EVT4"),
        (raw_bytes(STREAM, "geometry 320x240"), "says 'nothing' of the format"),
        (raw_bytes(STREAM, "format EVT2"), "how many pixels"),
        (raw_bytes(STREAM, "format EVT2;height=0;width=320"), "how many pixels"),
        (raw_bytes(STREAM, "format EVT2;height=240;width=100"), "outside the 100x240 sensor"),
        (b"% format EVT2;height=240;width=320", "the header is cut off"),
        (DAT[:-3], "the last event is cut off"),
        (DAT.replace(b"Version 2", b"Version 1"), "version '1'"),
        (DAT.replace(b"% Width 320\n", b""), "how many pixels"),
        (DAT.replace(b"\x0c\x08", b"\x0e\x08", 1), "type 14"),
        (DAT[: DAT.index(b"\x0c\x08")], "type -1"),
        (dat_bytes(([0], [1], [1], [3]), 320, 240), "polarity 3"),
        (dat_bytes(([9, 2], [1, 1], [1, 1], [1, 1]), 320, 240), "comes after"),
    ],
)
def test_what_is_damaged_is_refused(content, says, tmp_path):
    path = write(tmp_path, content)
    with pytest.raises(SnncError) as caught:
        read_recording(path)
    assert caught.value.code is BAD_RECORDING
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_no_event_is_an_empty_recording(name, tmp_path):
    with pytest.raises(SnncError) as caught:
        read_recording(write(tmp_path, raw_bytes(b"", FORMATS[name][0])))
    assert caught.value.code is EMPTY_RECORDING


def test_more_events_than_the_limit_are_refused_before_they_are_made(tmp_path, monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, "events=100")
    with pytest.raises(SnncError) as caught:
        read_recording(write(tmp_path, raw_bytes(evt3(EVENTS), FORMATS["EVT3"][0])))
    assert caught.value.code is OVER_LIMIT
