from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.errors import (
    BAD_OPTION,
    BAD_RECORDING,
    BAD_SHAPE,
    EMPTY_RECORDING,
    ErrorCode,
    SnncError,
)
from snnc.models.datasets import (
    OFF,
    ON,
    Frames,
    Recording,
    frame_by_count,
    frame_by_dt,
    frame_by_time,
    frame_shape,
)
from snnc.models.datasets.events import pack_events

SENSOR = (6, 12)


def recording_of(rows: list[tuple[int, int, int, int]], sensor: tuple[int, int]) -> Recording:
    """Rows of (t, x, y, p)."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Recording(pack_events(*columns), sensor, "made up")


def recordings(start: int = 0) -> st.SearchStrategy[Recording]:
    height, width = SENSOR
    row = st.tuples(
        st.integers(start, start + 500),
        st.integers(0, width - 1),
        st.integers(0, height - 1),
        st.integers(0, 1),
    )
    rows = st.lists(row, min_size=1, max_size=60).map(sorted)
    return rows.map(lambda rows: recording_of(rows, SENSOR))


def count_one_by_one(
    recording: Recording,
    step_of: Callable[[int, int], int],
    shape: tuple[int, int, int, int],
    downsample: int,
) -> tuple[np.ndarray, int]:
    """The definition: ``step_of(i, t - t0)`` for each event in turn."""
    counts = np.zeros(shape, dtype=np.int64)
    dropped = 0
    first = int(recording.events["t"][0])
    for index, (t, x, y, p) in enumerate(recording.events.tolist()):
        step = step_of(index, t - first)
        if step < shape[0]:
            counts[step, p, y // downsample, x // downsample] += 1
        else:
            dropped += 1
    return counts, dropped


def assert_frames(frames: Frames, counts: np.ndarray, dropped: int) -> None:
    assert frames.counts.dtype == np.uint16
    np.testing.assert_array_equal(frames.counts, counts)
    assert frames.dropped == dropped


sizes = st.sampled_from([1, 2, 3, 6])


@settings(deadline=None)
@given(recordings(10**15), st.integers(1, 90), st.integers(1, 8), sizes)
def test_by_dt_equals_the_definition(
    recording: Recording, dt_us: int, time_steps: int, downsample: int
) -> None:
    shape = (time_steps, 2, 6 // downsample, 12 // downsample)
    wanted = count_one_by_one(recording, lambda i, t: t // dt_us, shape, downsample)
    assert_frames(frame_by_dt(recording, dt_us, time_steps, downsample), *wanted)


@settings(deadline=None)
@given(recordings(), st.integers(1, 8), sizes)
def test_by_time_equals_the_definition_and_drops_nothing(
    recording: Recording, time_steps: int, downsample: int
) -> None:
    shape = (time_steps, 2, 6 // downsample, 12 // downsample)
    span = recording.duration_us + 1
    counts, dropped = count_one_by_one(
        recording, lambda i, t: t * time_steps // span, shape, downsample
    )
    assert dropped == 0
    assert_frames(frame_by_time(recording, time_steps, downsample), counts, 0)


@settings(deadline=None)
@given(recordings(), st.integers(1, 8), sizes)
def test_by_count_gives_every_step_its_share(
    recording: Recording, time_steps: int, downsample: int
) -> None:
    shape = (time_steps, 2, 6 // downsample, 12 // downsample)
    total = len(recording)
    wanted = count_one_by_one(recording, lambda i, t: i * time_steps // total, shape, downsample)
    frames = frame_by_count(recording, time_steps, downsample)
    assert_frames(frames, *wanted)
    per_step = frames.counts.sum(axis=(1, 2, 3))
    assert per_step.max() - per_step.min() <= 1


def test_step_borders_are_half_open_and_channels_are_off_on() -> None:
    rows = [(100, 0, 0, OFF), (109, 1, 0, ON), (110, 2, 1, ON), (129, 3, 1, OFF), (130, 0, 0, ON)]
    frames = frame_by_dt(recording_of(rows, (2, 4)), 10, 3)
    assert frames.counts.shape == (3, 2, 2, 4)
    assert np.argwhere(frames.counts).tolist() == [
        [0, 0, 0, 0],
        [0, 1, 0, 1],
        [1, 1, 1, 2],
        [2, 0, 1, 3],
    ]
    assert frames.dropped == 1


def test_downsampling_adds_the_events_of_a_block() -> None:
    rows = [(0, x, y, ON) for y in range(4) for x in range(8)]
    counts = frame_by_dt(recording_of(rows, (4, 8)), 1, 1, 4).counts
    assert counts.tolist() == [[[[0, 0]], [[16, 16]]]]


def test_a_short_recording_ends_in_empty_frames() -> None:
    counts = frame_by_dt(recording_of([(5, 0, 0, ON)], (2, 2)), 10, 4).counts
    assert counts.sum(axis=(1, 2, 3)).tolist() == [1, 0, 0, 0]


def refused(code: ErrorCode, make: Callable[[], object]) -> str:
    with pytest.raises(SnncError) as caught:
        make()
    assert caught.value.code is code
    return str(caught.value)


def test_more_than_65535_events_in_a_cell_are_refused_and_65535_are_not() -> None:
    rows = [(0, 1, 0, ON)] * 65536
    most = frame_by_dt(recording_of(rows[1:], (1, 2)), 10, 1).counts
    assert most[0, ON, 0, 1] == 65535
    message = refused(BAD_RECORDING, lambda: frame_by_dt(recording_of(rows, (1, 2)), 10, 1))
    assert "65536 events fall into one cell (step 0, polarity 1, row 0, column 1)" in message


def test_a_downsampling_that_does_not_divide_is_refused() -> None:
    message = refused(BAD_SHAPE, lambda: frame_shape((34, 34), 20, 4))
    assert "by 4 does not divide the sensor of 34x34" in message
    assert frame_shape((128, 128), 60, 4) == (60, 2, 32, 32)


@pytest.mark.parametrize(
    "make",
    [
        lambda r: frame_by_dt(r, 0, 1),
        lambda r: frame_by_dt(r, 10, 0),
        lambda r: frame_by_dt(r, 10, 1, 0),
        lambda r: frame_by_time(r, -1),
        lambda r: frame_by_count(r, 0),
    ],
)
def test_numbers_below_one_are_refused(make: Callable[[Recording], object]) -> None:
    recording = recording_of([(0, 0, 0, ON)], (2, 2))
    assert "must be at least 1" in refused(BAD_OPTION, lambda: make(recording))


@pytest.mark.parametrize(
    "make",
    [
        lambda r: frame_by_dt(r, 10, 3),
        lambda r: frame_by_time(r, 3),
        lambda r: frame_by_count(r, 3),
    ],
)
def test_no_events_are_refused(make: Callable[[Recording], object]) -> None:
    recording = recording_of([], (2, 2))
    assert "made up" in refused(EMPTY_RECORDING, lambda: make(recording))
