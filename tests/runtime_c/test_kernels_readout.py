"""Sums and means over time, votes, and event counting with its refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.kernels.kernel_harness import (
    INCLUDE,
    each_variant,
    load,
    pack,
    read_counts,
    same_bits,
)

F = np.float32


@each_variant
@pytest.mark.parametrize(("pixels", "channels"), [(4, 64), (1, 11), (3, 33)])
def test_spikes_summed_over_time(build, pixels, channels):
    kernels, counts = load(build), load(build).counts()
    spikes = np.random.default_rng(0).random((9, pixels, channels)) < 0.3
    total, mean = np.zeros((pixels, channels), np.uint32), np.zeros((pixels, channels), F)
    for step in spikes:
        kernels.snn_time_sum_spike(pixels, channels, pack(step), total, counts)
    kernels.snn_time_mean_finish_f32(total.size, 9, total, mean, counts)
    assert np.array_equal(total, spikes.sum(0))
    assert same_bits(mean, spikes.sum(0).astype(F) / F(9))
    assert read_counts(counts) == {"add": int(spikes.sum()), "mul": total.size}


@each_variant
def test_reals_summed_over_time(build):
    kernels, counts = load(build), load(build).counts()
    x, total = np.random.default_rng(0).standard_normal((7, 37)).astype(F), np.zeros(37, F)
    expected = np.zeros(37, F)
    for step in x:
        kernels.snn_time_sum_f32(37, step, total, counts)
        expected = expected + step
    kernels.snn_time_mean_f32(37, 7, total, total, counts)
    assert same_bits(total, expected / F(7))
    assert read_counts(counts) == {"add": x.size, "mul": 37}


@each_variant
def test_groups_vote_by_their_mean(build):
    kernels, counts = load(build), load(build).counts()
    x, y = np.random.default_rng(0).standard_normal((11, 10)).astype(F), np.zeros(11, F)
    kernels.snn_group_mean_f32(11, 10, x, y, counts)
    total = np.zeros(11, F)
    for column in x.T:
        total = total + column
    assert same_bits(y, total / F(10))
    assert read_counts(counts) == {"add": 110, "mul": 11}


def framing(kernels):
    sizes = {"sensor_h": 8, "sensor_w": 12, "downsample": 2, "time_steps": 3, "dt_us": 100}
    return kernels.struct("snn_framing", **sizes), np.zeros((3, 4, 6, 2), np.uint16)


def event(kernels, t: int, x: int, y: int, polarity: int):
    return kernels.struct("snn_event", t_us=t, x=x, y=y, polarity=polarity)


def status(name: str) -> int:
    """Value of a code in types.h."""
    for line in (INCLUDE / "snn" / "types.h").read_text().splitlines():
        if line.strip().startswith(f"{name} ="):
            return int(line.split("=")[1].split(",")[0].split("/")[0])
    raise KeyError(name)


def added(kernels, shape, t: int, place: tuple[int, int, int], frames: np.ndarray) -> int:
    """Count one event of a window that begins at 1000 us, as generated code does."""
    given, step = event(kernels, t, *place), np.zeros(1, np.uint32)
    if not kernels.snn_event_inside(shape, given):
        return status("SNN_ERR_EVENT_RANGE")
    timed = kernels.snn_event_step(shape, 1000, given, step)
    if timed != 0:
        assert step[0] == 0
        return timed
    frame = frames[step[0]].reshape(-1)
    cell = kernels.snn_event_cell(shape, given)
    return kernels.snn_count_add(frame[cell:], 65535)


@each_variant
def test_events_are_counted_in_their_cell(build):
    kernels = load(build)
    shape, frames = framing(kernels)
    rng, expected = np.random.default_rng(0), np.zeros_like(frames)
    for _ in range(500):
        t, x, y, polarity = (int(rng.integers(n)) for n in (300, 12, 8, 2))
        assert added(kernels, shape, 1000 + t, (x, y, polarity), frames) == status("SNN_OK")
        expected[t // 100, y // 2, x // 2, polarity] += 1
    assert np.array_equal(frames, expected)


@each_variant
@pytest.mark.parametrize(
    ("t", "x", "y", "polarity", "name"),
    [
        (1000, 12, 0, 0, "SNN_ERR_EVENT_RANGE"),
        (1000, 0, 8, 0, "SNN_ERR_EVENT_RANGE"),
        (1000, 0, 0, 2, "SNN_ERR_EVENT_RANGE"),
        (999, 0, 0, 0, "SNN_ERR_TIME_ORDER"),
        (1000 + 2**31, 0, 0, 0, "SNN_ERR_TIME_ORDER"),
        (1299, 11, 7, 1, "SNN_ERR_COUNT_OVERFLOW"),
    ],
)
def test_events_that_do_not_fit_are_refused_and_write_nothing(build, t, x, y, polarity, name):
    kernels = load(build)
    shape, frames = framing(kernels)
    frames[2, 3, 5, 1] = 65535
    before = frames.copy()
    assert added(kernels, shape, t, (x, y, polarity), frames) == status(name)
    assert np.array_equal(frames, before)


@each_variant
def test_a_clock_may_wrap_within_a_window(build):
    kernels, step = load(build), np.zeros(1, np.uint32)
    shape, _ = framing(kernels)
    for since, expected in ((0, 0), (99, 0), (100, 1), (2**31 - 1, (2**31 - 1) // 100)):
        late = event(kernels, (2**32 - 50 + since) % 2**32, 0, 0, 0)
        assert kernels.snn_event_step(shape, 2**32 - 50, late, step) == 0
        assert step[0] == expected


@each_variant
def test_counts_above_the_limit_are_refused(build):
    kernels = load(build)
    counts, narrow, wide = np.array([0, 255, 256], np.uint16), np.zeros(3, "u1"), np.zeros(3, "u2")
    assert kernels.snn_counts_copy(3, counts, wide, 256) == status("SNN_OK")
    assert wide.tolist() == [0, 255, 256]
    assert kernels.snn_counts_copy(3, counts, wide, 255) == status("SNN_ERR_COUNT_OVERFLOW")
    assert kernels.snn_counts_copy8(3, counts, narrow, 255) == status("SNN_ERR_COUNT_OVERFLOW")
    assert narrow.tolist() == [0, 255, 0]


@each_variant
def test_real_numbers_that_are_not_finite_are_refused_and_nothing_more_is_written(build):
    kernels = load(build)
    ends = np.finfo(np.float32)
    values = np.array([ends.max, ends.min, ends.smallest_subnormal, -0.0, -1.5], np.float32)
    frames = np.full(5, 7.0, np.float32)
    assert kernels.snn_reals_copy(5, values, frames) == status("SNN_OK")
    assert np.array_equal(frames.view(np.uint32), values.view(np.uint32))
    for wrong in (np.inf, -np.inf, np.nan):
        values[3], frames[:] = wrong, 7.0
        assert kernels.snn_reals_copy(5, values, frames) == status("SNN_ERR_NOT_FINITE")
        assert frames[2:].tolist() == [values[2], 7.0, 7.0]
