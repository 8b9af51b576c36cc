"""Fully connected kernels: same bits as the contracted order, near PyTorch, counts exact."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.kernels.kernel_harness import (
    VARIANTS,
    each_variant,
    load,
    pack,
    read_counts,
    same_bits,
)

KINDS = ("spike", "spike_dense", "count", "real")
SHAPES = [(16, 128, 256), (1, 256, 11), (4, 33, 17), (1, 1, 1), (9, 5, 130), (1, 600, 110)]


def case(pixels: int, in_c: int, out_c: int, kind: str, density: float):
    rng = np.random.default_rng(pixels + in_c)
    active = rng.random((pixels, in_c)) < density
    x = active.astype(np.uint8)
    if kind == "count":
        x = (active * rng.integers(1, 9, active.shape)).astype(np.uint16)
    if kind == "real":
        x = (active * rng.standard_normal(active.shape)).astype(np.float32)
    weight = rng.standard_normal((pixels, in_c, out_c)).astype(np.float32)
    return x, weight, rng.standard_normal(out_c).astype(np.float32)


def expected(x, weight, bias, *, dense: bool):
    out = np.zeros(weight.shape[-1], np.float32) if bias is None else bias.copy()
    executed = 0
    for value, row in zip(x.reshape(-1), weight.reshape(-1, weight.shape[-1]), strict=True):
        if dense or value != 0:
            out = out + np.float32(value) * row
            executed += len(row)
    return out, executed


def run(build, x, weight, bias, kind: str):
    kernels = load(build)
    pixels, in_c, out_c = weight.shape
    out = np.full(out_c, np.nan, np.float32)
    counts = kernels.counts()
    shape = kernels.struct("snn_linear", pixels=pixels, in_c=in_c, out_c=out_c)
    data = pack(x) if kind.startswith("spike") else x
    getattr(kernels, f"snn_linear_{kind}_f32")(shape, data, weight, bias, out, counts)
    return out, read_counts(counts)


@each_variant
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("density", [0.0, 0.05, 1.0])
def test_same_bits_as_the_contracted_order(build, shape, kind, density):
    x, weight, bias = case(*shape, kind, density)
    for offset in (bias, None):
        wanted, executed = expected(x, weight, offset, dense=kind in ("real", "spike_dense"))
        out, counts = run(build, x, weight, offset, kind)
        assert same_bits(out, wanted)
        assert counts == ({"ac" if kind == "spike" else "mac": executed} if executed else {})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_within_the_rounding_bound_of_float64(shape, kind):
    x, weight, bias = case(*shape, kind, 0.3)
    out, _ = run(VARIANTS[0], x, weight, bias, kind)
    values = x.astype(np.float64).reshape(-1)
    rows = weight.astype(np.float64).reshape(-1, weight.shape[-1])
    bound = (len(values) + 2) * 2.0**-24 * (abs(values) @ abs(rows) + abs(bias)) * 1.001
    assert (abs(out - (values @ rows + bias)) <= bound).all()


@each_variant
@pytest.mark.parametrize("shape", [*SHAPES, (5, 700, 70), (1, 2113, 130), (300, 40, 17)], ids=str)
@pytest.mark.parametrize("density", [0.0, 0.01, 0.2, 1.0])
def test_several_steps_at_once_have_the_bits_of_each(build, shape, density):
    """Blocks of rows of every form: several pixels, a pixel's part, a last one cut short."""
    kernels, (pixels, in_c, out_c), steps = load(build), shape, 3
    rng = np.random.default_rng(pixels)
    x = (rng.random((steps, pixels, in_c)) < density).astype(np.uint8)
    weight = rng.standard_normal((pixels, in_c, out_c)).astype(np.float32)
    bias = rng.standard_normal(out_c).astype(np.float32)
    struct = kernels.struct("snn_linear", pixels=pixels, in_c=in_c, out_c=out_c)
    for offset in (bias, None):
        out, counts = np.full((steps, out_c), np.nan, np.float32), kernels.counts()
        kernels.snn_linear_steps_spike_f32(struct, steps, pack(x), weight, offset, out, counts)
        each = [run(build, step, weight, offset, "spike") for step in x]
        assert same_bits(out, np.array([alone for alone, _ in each]))
        executed = sum(own.get("ac", 0) for _, own in each)
        assert read_counts(counts) == ({"ac": executed} if executed else {})
