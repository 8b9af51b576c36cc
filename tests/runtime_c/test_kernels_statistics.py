"""Statistics kernels: the contracted order of sums, maxima, masked groups, counts."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.kernels import kernel_reference as reference
from tests.support.kernels.kernel_harness import each_variant, load, pack, read_counts, same_bits

F = np.float32
SHAPES = [(16, 64), (7, 33), (1, 1), (5, 128), (3, 16), (33, 47)]
each_shape = pytest.mark.parametrize(("pixels", "channels"), SHAPES)


def values(pixels: int, channels: int, steps: int = 1) -> np.ndarray:
    """[steps, pixels, channels], all negative for odd sizes: a maximum started at 0 would show."""
    x = np.random.default_rng(channels).standard_normal((steps, pixels, channels)).astype(F)
    return -abs(x) if channels % 2 else x


@each_variant
@each_shape
def test_over_space(build, pixels, channels):
    kernels, x = load(build), values(pixels, channels)[0]
    out, counts = np.full((2, channels), np.nan, F), load(build).counts()
    kernels.snn_statistics_of_channels_begin_f32(channels, out)
    for rows in np.array_split(x, 2):  # however the pixels are cut, the sums are the same
        kernels.snn_statistics_space_accumulate_f32(len(rows), channels, rows, out, counts)
    kernels.snn_statistics_of_channels_finish_f32(channels, pixels, out, counts)
    assert same_bits(out[0], reference.sum_over_pixels(x) / F(pixels))
    assert same_bits(out[1], x.max(0))
    assert read_counts(counts) == {"add": x.size, "cmp": x.size, "mul": channels}


@each_variant
@each_shape
def test_over_channels(build, pixels, channels):
    kernels, x = load(build), values(pixels, channels)[0]
    out, counts = np.full((pixels, 2), np.nan, F), load(build).counts()
    kernels.snn_statistics_channels_f32(pixels, channels, x, out, counts)
    assert same_bits(out[:, 0].copy(), reference.sum_over_channels(x) / F(channels))
    assert same_bits(out[:, 1].copy(), x.max(1))
    assert read_counts(counts) == {"add": x.size, "cmp": x.size, "mul": pixels}


@each_variant
@each_shape
def test_over_everything(build, pixels, channels):
    kernels, x = load(build), values(pixels, channels)[0]
    out, counts = np.full(2, np.nan, F), load(build).counts()
    kernels.snn_statistics_all_f32(pixels, channels, x, out, counts)
    lanes = np.zeros(16, F)
    for row in x:
        lanes = reference.lane_sums(row, lanes)
    assert same_bits(out, np.array([reference.fold(lanes, np.add) / F(x.size), x.max()], F))
    assert read_counts(counts) == {"add": x.size, "cmp": x.size, "mul": 1}


@each_variant
@each_shape
def test_over_space_and_time(build, pixels, channels):
    kernels, x = load(build), values(pixels, channels, steps=3)
    out, counts = np.full((2, channels), np.nan, F), load(build).counts()
    kernels.snn_statistics_of_channels_begin_f32(channels, out)
    total = np.zeros(channels, F)
    for step in x:
        kernels.snn_statistics_time_accumulate_f32(pixels, channels, step, out, counts)
        total = total + reference.sum_over_pixels(step)
    kernels.snn_statistics_of_channels_finish_f32(channels, 3 * pixels, out, counts)
    assert same_bits(out[0], total / F(3 * pixels))
    assert same_bits(out[1], x.max((0, 1)))
    assert read_counts(counts) == {"add": x.size, "cmp": x.size, "mul": channels}


@each_variant
@each_shape
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_of_the_groups_of_a_mask(build, pixels, channels, share):
    kernels, x = load(build), values(pixels, channels, steps=3)
    mask = np.random.default_rng(1).random((3, channels)) < share
    out, counts = np.full((pixels, 4), np.nan, F), load(build).counts()
    kernels.snn_masked_statistics_begin_f32(pixels, out)
    for step, words in zip(x, pack(mask), strict=True):
        kernels.snn_masked_statistics_accumulate_f32(pixels, channels, step, words, out, counts)
    scale = float(F(2 / (3 * channels)))
    kernels.snn_masked_statistics_finish_f32(pixels, scale, out, counts)
    for group, inside in enumerate((mask, ~mask)):
        y = np.where(inside[:, None], x, F(0))
        total = np.zeros(pixels, F)
        for step in y:
            total = total + reference.sum_over_channels(step)
        assert same_bits(out[:, 2 * group].copy(), total * F(scale))
        assert np.array_equal(out[:, 2 * group + 1], y.max((0, 2)))
    assert read_counts(counts) == {"add": 2 * x.size, "cmp": 2 * x.size, "mul": 2 * pixels}


@each_variant
@each_shape
def test_over_channels_and_time(build, pixels, channels):
    kernels, x = load(build), values(pixels, channels, steps=3)
    out, counts = np.full((pixels, 2), np.nan, F), load(build).counts()
    kernels.snn_statistics_time_channels_begin_f32(pixels, out)
    total = np.zeros(pixels, F)
    for step in x:
        kernels.snn_statistics_time_channels_accumulate_f32(pixels, channels, step, out, counts)
        total = total + reference.sum_over_channels(step)
    scale = float(F(1 / (3 * channels)))
    kernels.snn_statistics_time_channels_finish_f32(pixels, scale, out, counts)
    assert same_bits(out[:, 0].copy(), total * F(scale))
    assert same_bits(out[:, 1].copy(), x.max((0, 2)))
    assert read_counts(counts) == {"add": x.size, "cmp": x.size, "mul": pixels}
