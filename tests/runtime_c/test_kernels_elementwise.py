"""Elementwise kernels, conversions, and the error of the sigmoid over its whole range."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.support.kernels.kernel_harness import (
    INCLUDE,
    VARIANTS,
    each_variant,
    load,
    pack,
    read_counts,
    same_bits,
    unpack,
)

F = np.float32
HEADER = (INCLUDE / "snn" / "elementwise" / "elementwise.h").read_text()


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(F)


@each_variant
@pytest.mark.parametrize("in_place", [False, True])
def test_affine_relu_and_add(build, in_place):
    kernels = load(build)
    for pixels, channels in ((9, 64), (3, 33), (1, 1)):
        n = pixels * channels
        scale, shift, other = normal(channels), normal(channels), normal(channels, pixels)
        for name, arguments, expected, counts_wanted in (
            ("affine", (pixels, channels, scale, shift), None, {"mul": n, "add": n}),
            ("relu", (n,), None, {"cmp": n}),
            ("add", (n, other), None, {"add": n}),
        ):
            x, counts = normal(pixels, channels), kernels.counts()
            expected = {
                "affine": x * scale + shift,
                "relu": np.where(x < 0, F(0), x),
                "add": other.reshape(x.shape) + x,
            }[name]
            y = x if in_place else np.full_like(x, np.nan)
            getattr(kernels, f"snn_{name}_f32")(*arguments, x, y, counts)
            assert same_bits(y, expected)
            assert read_counts(counts) == counts_wanted


@each_variant
def test_relu_lets_nan_pass(build):
    x = np.array([np.nan, -np.inf, np.inf, -0.0], F)
    load(build).snn_relu_f32(4, x, x, None)
    assert np.isnan(x[0])
    assert x[1:].tolist() == [0.0, np.inf, 0.0]


@each_variant
def test_counts_add_and_convert_exactly(build):
    kernels = load(build)
    a, b = (np.random.default_rng(s).integers(0, 32768, 77).astype(np.uint16) for s in (1, 2))
    y, real, counts = np.zeros(77, np.uint16), np.zeros(77, F), kernels.counts()
    kernels.snn_add_count(77, a, b, y, counts)
    kernels.snn_count_to_f32(77, y, real)
    assert np.array_equal(y, a.astype(int) + b)
    assert np.array_equal(real, y)
    assert read_counts(counts) == {"add": 77}


@each_variant
@pytest.mark.parametrize(("pixels", "channels"), [(4, 64), (3, 33), (1, 1), (5, 16)])
def test_spikes_convert(build, pixels, channels):
    spikes = (np.random.default_rng(3).random((pixels, channels)) < 0.4).astype(np.uint8)
    real, count = np.full(spikes.shape, np.nan, F), np.full(spikes.shape, 9, np.uint16)
    load(build).snn_spike_to_f32(pixels, channels, pack(spikes), real)
    load(build).snn_spike_to_count(pixels, channels, pack(spikes), count)
    assert np.array_equal(real, spikes)
    assert np.array_equal(count, spikes)


def sigmoid(build, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    load(build).snn_sigmoid_f32(x.size, x, y, None)
    return y


def all_magnitudes() -> np.ndarray:
    """Every 997th float32 in order of its bits, both signs, infinities included: 4.3 million."""
    bits = np.arange(0, 0x7F800001, 997, dtype=np.uint32)
    return np.concatenate([bits, bits | np.uint32(0x80000000)]).view(F)


def test_sigmoid_error_is_the_one_stated():
    x = np.concatenate([all_magnitudes(), np.linspace(-110, 110, 2_000_001, dtype=F)])
    with np.errstate(over="ignore"):
        exact = np.exp(-np.logaddexp(0, -x.astype(np.float64)))
    result = sigmoid(VARIANTS[0], x)
    error = abs(result.astype(np.float64) - exact) / np.spacing(np.maximum(exact, 1e-45).astype(F))
    stated = float(re.search(r"#define SNN_SIGMOID_MAX_ULP (\S+)", HEADER).group(1))
    assert error.max() <= stated
    assert error.max() > stated - 1, "the stated error is too pessimistic"


@each_variant
def test_sigmoid_has_the_same_bits_in_every_variant(build):
    x = all_magnitudes()[::7].copy()
    assert same_bits(sigmoid(build, x), sigmoid(VARIANTS[0], x))


@each_variant
def test_sigmoid_saturates_and_lets_nan_pass(build):
    x = np.array([np.inf, 1e30, 20, 0, -0.0, -1e30, -np.inf, np.nan], F)
    y = sigmoid(build, x)
    assert y[:-1].tolist() == [1.0, 1.0, 1.0, 0.5, 0.5, 0.0, 0.0]
    assert np.isnan(y[-1])


@each_variant
def test_sigmoid_counts_what_its_source_executes(build):
    kernels, counts = load(build), load(build).counts()
    x = normal(10)
    kernels.snn_sigmoid_f32(10, x, x.copy(), counts)
    functions = ("exp_inside_f32", "exp_minus_f32", "sigmoid_scalar_f32")
    bodies = [rf"snn_{name}\(float [ax]\) \{{(.*?)\n\}}" for name in functions]
    body = "".join(re.search(pattern, HEADER, re.DOTALL).group(1) for pattern in bodies)
    on_floats = re.sub(r"/\*.*?\*/|^.*int32_t.*$", "", body, flags=re.MULTILINE)
    executed = {
        name: 10 * len(re.findall(f" [{operators}] ", on_floats))
        for name, operators in (("mul", "*/"), ("add", "+-"), ("cmp", "<>"))
    }
    assert read_counts(counts) == executed


@each_variant
@pytest.mark.parametrize(("pixels", "channels"), [(4, 64), (3, 33), (1, 1), (35, 5)])
def test_flatten_moves_pixels_into_pytorch_order(build, pixels, channels):
    kernels = load(build)
    real = normal(pixels, channels)
    count = np.random.default_rng(1).integers(0, 9, (pixels, channels)).astype(np.uint16)
    spikes = (real > 0).astype(np.uint8)
    flat_real, flat_count = np.empty(real.size, F), np.empty(real.size, np.uint16)
    flat_spikes = np.full((real.size + 31) // 32, 0xFFFFFFFF, np.uint32)
    kernels.snn_flatten_real(pixels, channels, real, flat_real, None)
    kernels.snn_flatten_count(pixels, channels, count, flat_count, None)
    kernels.snn_flatten_spike(pixels, channels, pack(spikes), flat_spikes, None)
    assert np.array_equal(flat_real, real.T.reshape(-1))
    assert np.array_equal(flat_count, count.T.reshape(-1))
    assert np.array_equal(unpack(flat_spikes, real.size), spikes.T.reshape(-1))
