from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snnc.errors import BAD_RECORDING, EMPTY_RECORDING, MISSING_EXTRA, ErrorCode, SnncError
from snnc.models.datasets import EVENT_DTYPE, Recording, read_recording
from snnc.models.datasets.events import pack_events
from snnc.models.datasets.readers import aedat4
from tests.support.places import SHARED
from tests.support.recordings.recording_writers import (
    AEDAT3_HEADER,
    Columns,
    aedat2_bytes,
    aedat3_bytes,
    aedat3_packet,
    nmnist_bytes,
)

DAVIS = SHARED / "recordings/davis346/sample.aedat4"
DV640 = SHARED / "recordings/dv640/test-minimal.aedat4"
EMPTY = SHARED / "recordings/malformed/empty_stereo.aedat4"

needs_aedat4 = pytest.mark.skipif(
    not DAVIS.exists() or importlib.util.find_spec("aedat") is None,
    reason="needs the recordings in ../shared/data and the package aedat",
)
needs_nmnist = pytest.mark.skipif(
    not (SHARED / "nmnist").exists(), reason="needs the N-MNIST files in ../shared/data"
)
reuse_tmp_path = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(path: Path, code: ErrorCode) -> str:
    """The message with which ``path`` is refused."""
    with pytest.raises(SnncError) as caught:
        read_recording(path)
    assert caught.value.code is code
    assert str(path) in str(caught.value)
    return str(caught.value)


def columns_of(recording: Recording) -> list[list[int]]:
    return [recording.events[name].tolist() for name in ("t", "x", "y", "p")]


def event_columns(side: int, latest: int) -> st.SearchStrategy[Columns]:
    """1 to 30 events in time order on a square sensor."""
    coordinate = st.integers(0, side - 1)
    event = st.tuples(st.integers(0, latest), coordinate, coordinate, st.integers(0, 1))
    events = st.lists(event, min_size=1, max_size=30).map(sorted)
    return events.map(lambda rows: tuple(zip(*rows, strict=True)))


# --- what was written is read ------------------------------------------------------------


@reuse_tmp_path
@given(columns=event_columns(34, 2**23 - 1))
def test_nmnist_reads_what_was_written(tmp_path: Path, columns: Columns) -> None:
    recording = read_recording(write(tmp_path, "a.bin", nmnist_bytes(columns)))
    assert recording.sensor == (34, 34)
    assert recording.events.dtype == EVENT_DTYPE
    assert columns_of(recording) == [list(column) for column in columns]


@reuse_tmp_path
@given(columns=event_columns(128, 2**31 - 1))
def test_aedat2_reads_what_was_written(tmp_path: Path, columns: Columns) -> None:
    recording = read_recording(write(tmp_path, "a.aedat", aedat2_bytes(columns)))
    assert recording.sensor == (128, 128)
    assert columns_of(recording) == [list(column) for column in columns]


@reuse_tmp_path
@given(columns=event_columns(128, 2**31 - 1), cut=st.integers(0, 30))
def test_aedat3_reads_what_was_written(tmp_path: Path, columns: Columns, cut: int) -> None:
    first = aedat3_packet(tuple(column[:cut] for column in columns))
    second = aedat3_packet(tuple(column[cut:] for column in columns))
    recording = read_recording(write(tmp_path, "a.aedat", aedat3_bytes(first, second)))
    assert recording.sensor == (128, 128)
    assert columns_of(recording) == [list(column) for column in columns]


def test_nmnist_bytes_by_hand(tmp_path: Path) -> None:
    """x 5, y 33, ON at 0x012345 us; then x 33, y 0, OFF at 0x7fffff us."""
    content = bytes([5, 33, 0x81, 0x23, 0x45, 33, 0, 0x7F, 0xFF, 0xFF])
    recording = read_recording(write(tmp_path, "a.bin", content))
    assert columns_of(recording) == [[0x12345, 0x7FFFFF], [5, 33], [33, 0], [1, 0]]


def test_nmnist_every_overflow_event_adds_to_all_after_it(tmp_path: Path) -> None:
    columns = ([0, 1, 7, 0, 2, 2], [0, 1, 9, 0, 2, 3], [240, 1, 240, 240, 2, 3], [0] * 6)
    recording = read_recording(write(tmp_path, "a.bin", nmnist_bytes(columns)))
    assert columns_of(recording)[0] == [1 + 2**13, 2 + 3 * 2**13, 2 + 3 * 2**13]


def test_nmnist_overflow_event_is_no_event_and_moves_later_times(tmp_path: Path) -> None:
    columns = ([10, 20, 5], [1, 0, 2], [3, 240, 4], [1, 0, 0])
    recording = read_recording(write(tmp_path, "a.bin", nmnist_bytes(columns)))
    assert columns_of(recording) == [[10, 5 + 2**13], [1, 2], [3, 4], [1, 0]]


@needs_nmnist
def test_real_nmnist_equals_a_plain_decoding() -> None:
    files = sorted((SHARED / "nmnist/Test").glob("*/*.bin"))
    assert len(files) == 100
    for path in files:
        raw = np.fromfile(path, np.uint8).astype(np.int64).reshape(-1, 5)
        assert (raw[:, 1] != 240).all()
        time = (raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]
        wanted = pack_events(time, raw[:, 0], raw[:, 1], raw[:, 2] >> 7)
        np.testing.assert_array_equal(read_recording(path).events, wanted)


def test_aedat3_time_overflow_counts_in_steps_of_2_to_31(tmp_path: Path) -> None:
    early = aedat3_packet(([2**31 - 1], [1], [2], [1]))
    late = aedat3_packet(([0], [3], [4], [0]), overflow=1)
    recording = read_recording(write(tmp_path, "a.aedat", aedat3_bytes(early, late)))
    assert columns_of(recording)[0] == [2**31 - 1, 2**31]


def test_aedat3_passes_over_other_packets_and_invalid_events(tmp_path: Path) -> None:
    special = aedat3_packet(([7], [100], [100], [1]), kind=0)
    polarity = aedat3_packet(([1, 2], [5, 6], [7, 8], [0, 1]), valid=[False, True])
    recording = read_recording(write(tmp_path, "a.aedat", aedat3_bytes(special, polarity)))
    assert columns_of(recording) == [[2], [6], [8], [1]]


def test_aedat3_sensor_comes_from_the_source_line(tmp_path: Path) -> None:
    header = AEDAT3_HEADER.replace(b"DVS128", b"DAVIS346B")
    packet = aedat3_packet(([1], [345], [259], [0]))
    recording = read_recording(write(tmp_path, "a.aedat", aedat3_bytes(packet, header=header)))
    assert recording.sensor == (260, 346)


@pytest.mark.parametrize("end", [2**31, 2**32])
@pytest.mark.parametrize("signed", [False, True])
def test_aedat2_clock_that_starts_anew_goes_on(tmp_path: Path, end: int, signed: bool) -> None:
    """A clock of 31 or 32 bits; one of 32 that runs through 2^31, jAER's negative times."""
    content = aedat2_bytes(([0] * 5, [1] * 5, [2] * 5, [0] * 5))
    header = len(content) - 5 * 8
    times = [end - 20, end - 10, 0, 15, 30]
    if signed:
        times = [end - 20, end - 10, end % 2**32, (end + 15) % 2**32, (end + 30) % 2**32]
    pairs = [content[header + 8 * k :][:4] + t.to_bytes(4, "big") for k, t in enumerate(times)]
    path = write(tmp_path, "wrap.aedat", content[:header] + b"".join(pairs))
    wanted = [end - 20, end - 10, end, end + 15, end + 30]
    assert columns_of(read_recording(path))[0] == wanted


def test_aedat2_clock_that_starts_anew_twice_goes_on(tmp_path: Path) -> None:
    steps = [2**30] * 9
    times = [sum(steps[:k]) % 2**32 for k in range(len(steps) + 1)]
    content = aedat2_bytes(([0] * 10, [1] * 10, [2] * 10, [0] * 10))
    header = len(content) - 10 * 8
    pairs = [content[header + 8 * k :][:4] + t.to_bytes(4, "big") for k, t in enumerate(times)]
    path = write(tmp_path, "wrap.aedat", content[:header] + b"".join(pairs))
    assert columns_of(read_recording(path))[0] == [k * 2**30 for k in range(10)]


def test_aedat2_time_that_steps_back_is_refused(tmp_path: Path) -> None:
    content = aedat2_bytes(([2000, 1000], [1, 1], [2, 2], [0, 0]))
    assert "comes after" in refused(write(tmp_path, "a.aedat", content), BAD_RECORDING)


def test_aedat2_passes_over_events_of_the_external_pin(tmp_path: Path) -> None:
    pin = (0x8000).to_bytes(4, "big") + (3).to_bytes(4, "big")
    content = aedat2_bytes(([1], [5], [6], [1])) + pin
    assert columns_of(read_recording(write(tmp_path, "a.aedat", content))) == [[1], [5], [6], [1]]


@needs_aedat4
@pytest.mark.parametrize(
    ("path", "sensor", "events"), [(DAVIS, (260, 346), 6676), (DV640, (480, 640), 255283)]
)
def test_aedat4_of_real_cameras(path: Path, sensor: tuple[int, int], events: int) -> None:
    recording = read_recording(path)
    assert recording.sensor == sensor
    assert len(recording) == events
    assert set(np.unique(recording.events["p"])) == {0, 1}


@needs_aedat4
def test_aedat4_first_and_last_event() -> None:
    events = read_recording(DAVIS).events
    assert events[0].item() == (1589163147368868, 215, 164, 1)
    assert events[-1].item() == (1589163147538809, 96, 229, 1)


# --- what is refused ---------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.bin", BAD_RECORDING)


def test_folder(tmp_path: Path) -> None:
    assert "directory" in refused(tmp_path, BAD_RECORDING)


@pytest.mark.parametrize("name", ["a.bin", "a.aedat", "a.aedat4"])
def test_zero_bytes(tmp_path: Path, name: str) -> None:
    assert "empty (0 bytes)" in refused(write(tmp_path, name, b""), BAD_RECORDING)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", b"#!AER-DAT3.0\r\n", b"#!AER-DAT1.0\r\n"])
def test_unknown_format_lists_the_known_ones(tmp_path: Path, content: bytes) -> None:
    message = refused(write(tmp_path, "a.aedat", content), BAD_RECORDING)
    assert "AEDAT 3.1" in message
    assert "N-MNIST" in message


def test_nmnist_names_the_byte_of_the_cut_event(tmp_path: Path) -> None:
    content = nmnist_bytes(([1, 2, 3], [0, 1, 2], [0, 1, 2], [0, 1, 0]))
    assert "byte 10" in refused(write(tmp_path, "a.bin", content[:-2]), BAD_RECORDING)


def test_event_outside_the_sensor_is_named(tmp_path: Path) -> None:
    content = nmnist_bytes(([1, 2], [0, 34], [0, 33], [0, 1]))
    message = refused(write(tmp_path, "a.bin", content), BAD_RECORDING)
    assert "event 1" in message
    assert "x 34, y 33 is outside the 34x34 sensor" in message


def test_time_running_backwards_is_named(tmp_path: Path) -> None:
    content = nmnist_bytes(([1, 9, 8], [0, 1, 2], [0, 1, 2], [0, 1, 0]))
    message = refused(write(tmp_path, "a.bin", content), BAD_RECORDING)
    assert "event 2: time 8 us comes after 9 us" in message


def test_polarity_other_than_0_or_1_is_named() -> None:
    events = pack_events(*(np.array(column) for column in ([1, 2], [0, 0], [0, 0], [1, 2])))
    with pytest.raises(SnncError, match="event 1: polarity 2"):
        Recording(events, (4, 4), "made up")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"#!END-HEADER\r\n", b"", "no #!END-HEADER line"),
        (b"DVS128", b"ABACUS", "'ABACUS' is not one of DVS128"),
        (b"#Source 1", b"#-Source 1", "names 0 sources"),
        (b"#Format", b"#Source 2: DVS128\r\n#Format", "names 2 sources"),
    ],
)
def test_aedat3_header_that_does_not_do(tmp_path: Path, old: bytes, new: bytes, what: str) -> None:
    header = AEDAT3_HEADER.replace(old, new)
    content = aedat3_bytes(aedat3_packet(([1], [2], [3], [0])), header=header)
    assert what in refused(write(tmp_path, "a.aedat", content), BAD_RECORDING)


@pytest.mark.parametrize(
    ("offset", "value", "what"),
    [
        (4, b"\x00\x00\x00\x00", "events of 0 bytes"),
        (4, b"\x0c\x00\x00\x00", "polarity events of 12 bytes instead of 8"),
        (16, b"\xff\xff\xff\xff", "1 of -1 events"),
        (16, b"\xff\xff\xff\x7f", "is cut off after 8"),
    ],
)
def test_aedat3_damaged_packet_header_is_named_by_its_byte(
    tmp_path: Path, offset: int, value: bytes, what: str
) -> None:
    packet = bytearray(aedat3_packet(([1], [2], [3], [0])))
    packet[offset : offset + 4] = value
    message = refused(write(tmp_path, "a.aedat", aedat3_bytes(bytes(packet))), BAD_RECORDING)
    assert what in message
    assert f"byte {len(AEDAT3_HEADER)}" in message


def test_aedat2_of_another_chip(tmp_path: Path) -> None:
    header = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346mini\r\n"
    content = aedat2_bytes(([1], [5], [6], [1]), header=header)
    assert "Davis346mini" in refused(write(tmp_path, "a.aedat", content), BAD_RECORDING)


@pytest.mark.parametrize(
    ("name", "content"), [("a.aedat", aedat3_bytes()), ("b.aedat", aedat2_bytes(([],) * 4))]
)
def test_valid_file_without_events(tmp_path: Path, name: str, content: bytes) -> None:
    refused(write(tmp_path, name, content), EMPTY_RECORDING)


@needs_aedat4
def test_aedat4_without_events() -> None:
    refused(EMPTY, EMPTY_RECORDING)


def test_aedat4_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    path = write(tmp_path, "a.aedat4", b"#!AER-DAT4.0\r\n")
    assert "pip install 'snnc[aedat4]'" in refused(path, MISSING_EXTRA)


# --- files cut off or damaged anywhere ---------------------------------------------------

COLUMNS: Columns = ([3, 5, 5, 9], [0, 7, 3, 33], [2, 2, 30, 1], [0, 1, 1, 0])


def _two_packets(columns: Columns) -> bytes:
    return aedat3_bytes(
        *(aedat3_packet(tuple(c[part] for c in columns)) for part in (slice(2), slice(2, None)))
    )


@pytest.mark.parametrize("make", [nmnist_bytes, aedat2_bytes, _two_packets])
def test_cut_at_any_byte_is_refused_or_a_shorter_recording(
    tmp_path: Path, make: Callable[[Columns], bytes]
) -> None:
    content = make(COLUMNS)
    suffix = "bin" if make is nmnist_bytes else "aedat"
    whole = read_recording(write(tmp_path, f"whole.{suffix}", content))
    shorter = set()
    for length in range(len(content)):
        path = write(tmp_path, f"cut.{suffix}", content[:length])
        try:
            recording = read_recording(path)
        except SnncError as error:
            assert error.code in (BAD_RECORDING, EMPTY_RECORDING)  # noqa: PT017
            continue
        np.testing.assert_array_equal(recording.events, whole.events[: len(recording)])
        shorter.add(len(recording))
    assert shorter == ({2} if make is _two_packets else {1, 2, 3})


@reuse_tmp_path
@given(
    start=st.sampled_from([b"", b"#!AER-DAT2.0\r\n", b"#!AER-DAT3.1\r\n", AEDAT3_HEADER]),
    rest=st.binary(max_size=200),
)
def test_garbage_is_refused_or_read_but_never_breaks(
    tmp_path: Path, start: bytes, rest: bytes
) -> None:
    path = write(tmp_path, "garbage.bin", start + rest)
    try:
        recording = read_recording(path)
    except SnncError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert len(recording) > 0


@needs_aedat4
@pytest.mark.parametrize("share", [0.0001, 0.001, 0.01, 0.5, 0.96, 0.99999])
def test_aedat4_cut_anywhere_is_refused_or_complete(tmp_path: Path, share: float) -> None:
    """The last bytes are a table of contents that reading the events does not need."""
    content = DAVIS.read_bytes()
    path = write(tmp_path, "cut.aedat4", content[: int(share * len(content))])
    if share == 0.99999:
        assert len(read_recording(path)) == 6676
    else:
        refused(path, BAD_RECORDING)


@needs_aedat4
def test_aedat4_with_a_damaged_header(tmp_path: Path) -> None:
    """A byte that is not UTF-8, in place of a tag's bracket, makes aedat 2.3.0 abort."""
    content = bytearray(EMPTY.read_bytes())
    content[content.index(b"</attr>")] = 0xE0
    message = refused(write(tmp_path, "bad.aedat4", bytes(content)), BAD_RECORDING)
    assert "not a sound AEDAT 4.0 file" in message


@needs_aedat4
def test_aedat4_decoder_that_dies_does_not_take_us_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suicide = write(tmp_path, "decode.py", b"import os; os.abort()")
    monkeypatch.setattr(aedat4, "DECODER", suicide)
    path = write(tmp_path, "a.aedat4", DAVIS.read_bytes())
    assert "the decoder broke down on it" in refused(path, BAD_RECORDING)


@needs_aedat4
def test_aedat4_garbage_after_the_version(tmp_path: Path) -> None:
    path = write(tmp_path, "bad.aedat4", b"#!AER-DAT4.0\r\n" + b"\xff" * 100)
    refused(path, BAD_RECORDING)
