"""Attention primitives: products in order, the complementary mask with its ties, gates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.support.kernels import kernel_reference as reference
from tests.support.kernels.kernel_harness import (
    each_variant,
    load,
    pack,
    read_counts,
    same_bits,
    unpack,
)

F = np.float32


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(F)


def product(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """weights [m, rows] times x [rows, n], rows ascending from 0."""
    total = np.zeros((len(weights), x.shape[1]), F)
    for column, row in zip(weights.T, x, strict=True):
        total = total + column[:, None] * row
    return total


@each_variant
@pytest.mark.parametrize(("rows", "n"), [(2, 64), (60, 33), (1, 1), (5, 7)])
def test_weighted_rows(build, rows, n):
    kernels, weights, x, y = load(build), normal(rows), normal(rows, n), np.full(n, np.nan, F)
    counts = kernels.counts()
    kernels.snn_weighted_rows_f32(rows, n, weights, x, y, counts)
    assert same_bits(y, product(weights[None], x)[0])
    assert read_counts(counts) == {"mac": rows * n}


@each_variant
@pytest.mark.parametrize(("steps", "hidden", "n"), [(60, 30, 64), (10, 5, 33), (3, 1, 1)])
def test_mlp_over_time(build, steps, hidden, n):
    kernels, counts = load(build), load(build).counts()
    w1, w2, x = normal(hidden, steps), normal(steps, hidden), normal(steps, n)
    scratch, y = np.full((hidden, n), np.nan, F), np.full((steps, n), np.nan, F)
    kernels.snn_mlp_time_f32(steps, hidden, n, w1, w2, x, scratch, y, counts)
    assert same_bits(y, product(w2, np.maximum(product(w1, x), F(0))))
    assert read_counts(counts) == {"mac": 2 * steps * hidden * n, "cmp": hidden * n}


@each_variant
@pytest.mark.parametrize(("rows", "channels", "hidden"), [(6, 64, 16), (3, 33, 9), (1, 1, 1)])
def test_mlp_over_channels(build, rows, channels, hidden):
    kernels, counts = load(build), load(build).counts()
    w1, w2, x = normal(hidden, channels), normal(channels, hidden), normal(rows, channels)
    scratch, y = np.full(hidden, np.nan, F), np.full((rows, channels), np.nan, F)
    kernels.snn_mlp_channels_f32(rows, channels, hidden, w1, w2, x, scratch, y, counts)
    inner = np.maximum(reference.sum_over_channels(w1[None] * x[:, None]), F(0))
    assert same_bits(y, reference.sum_over_channels(w2[None] * inner[:, None]))
    assert read_counts(counts) == {"mac": 2 * rows * channels * hidden, "cmp": rows * hidden}


def top(m: np.ndarray, axis: int) -> np.ndarray:
    """1 in the better half along an axis; ties to the lowest index, NaN as minus infinity."""
    order = np.argsort(-np.where(np.isnan(m), -np.inf, m), axis=axis, kind="stable")
    return np.argsort(order, axis=axis) < m.shape[axis] // 2


def mask_of(build, m: np.ndarray):
    kernels, counts = load(build), load(build).counts()
    steps, channels = m.shape
    mask = np.full((steps, (channels + 31) // 32), 0xFFFFFFFF, np.uint32)
    scratch = np.empty(m.size, np.uint32)
    kernels.snn_complementary_mask(steps, channels, m, scratch, mask, counts)
    return unpack(mask, channels).astype(bool), read_counts(counts)


@each_variant
@pytest.mark.parametrize("shape", [(60, 128), (10, 33), (7, 5), (1, 1), (2, 64)], ids=str)
@pytest.mark.parametrize("levels", [2, 5, 10**6], ids=lambda n: f"levels{n}")
def test_complementary_mask_breaks_ties_by_the_lowest_index(build, shape, levels):
    m = (np.random.default_rng(levels).integers(-levels, levels, shape) / 8).astype(F)
    mask, counts = mask_of(build, m)
    assert np.array_equal(mask, top(m, 1) != top(m, 0))
    assert counts == {"cmp": m.size * (shape[0] + shape[1])}


@each_variant
def test_complementary_mask_takes_the_zeros_for_equal_and_nan_for_minus_infinity(build):
    nan = np.nan
    m = np.array([[-0.0, 0.0, nan, 0.0], [nan, -1.0, -2.0, nan], [nan, nan, -np.inf, nan]], F)
    mask, _ = mask_of(build, m)
    by_step = [[1, 1, 0, 0], [0, 1, 1, 0], [1, 1, 0, 0]]
    by_channel = [[1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert np.array_equal(mask, np.array(by_step) != np.array(by_channel))


@each_variant
def test_complementary_mask_chooses_what_topk_chooses_without_ties(build):
    m = normal(12, 24)
    torch_m, halves = torch.from_numpy(m), []
    for axis, k in ((1, 12), (0, 6)):
        chosen = torch.zeros_like(torch_m).scatter_(axis, torch_m.topk(k, dim=axis).indices, 1.0)
        halves.append(chosen.bool().numpy())
    assert np.array_equal(mask_of(build, m)[0], halves[0] != halves[1])


@each_variant
@pytest.mark.parametrize(("pixels", "channels"), [(9, 64), (5, 33), (1, 1)])
@pytest.mark.parametrize("in_place", [False, True])
def test_gates(build, pixels, channels, in_place):
    kernels = load(build)
    gates = {
        "scalar": (normal(1), lambda g: g),
        "channels": (normal(channels), lambda g: g),
        "pixels": (normal(pixels), lambda g: g[:, None]),
    }
    for name, (g, broadcast) in gates.items():
        x, counts = normal(pixels, channels), kernels.counts()
        wanted = x * broadcast(g)
        y = x if in_place else np.full_like(x, np.nan)
        getattr(kernels, f"snn_scale_{name}_f32")(pixels, channels, x, g, y, counts)
        assert same_bits(y, wanted)
        assert read_counts(counts) == {"mul": x.size}
    x, scores, counts = normal(pixels, channels), normal(pixels, 2), kernels.counts()
    group = np.random.default_rng(0).random(channels) < 0.5
    wanted = x * np.where(group, scores[:, :1], scores[:, 1:])
    y = x if in_place else np.full_like(x, np.nan)
    kernels.snn_masked_gate_f32(pixels, channels, x, pack(group), scores, y, counts)
    assert same_bits(y, wanted)
    assert read_counts(counts) == {"mul": x.size}
