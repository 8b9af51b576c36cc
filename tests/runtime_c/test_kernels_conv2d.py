"""Convolution kernels: same bits as the contracted order, near PyTorch, executed counts exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernels import kernel_reference as reference
from tests.support.kernels.kernel_harness import (
    VARIANTS,
    each_variant,
    load,
    pack,
    read_counts,
    runs_here,
    same_bits,
)
from tests.support.kernels.kernel_reference import Conv

KINDS = ("spike", "spike_list", "spike_dense", "count", "count_list", "real")

CASES = [
    Conv(8, 8, 64, 128, pad_h=1, pad_w=1),
    Conv(8, 8, 64, 128, pad_h=1, pad_w=1, co_block=32),
    Conv(7, 5, 2, 32, pad_h=1, pad_w=1),
    Conv(9, 9, 32, 32, 4, 4, 2, 2, 1, 1),
    Conv(9, 9, 32, 32, 4, 4, 2, 2, 1, 1, co_block=16),
    Conv(7, 9, 33, 17, 3, 2, 2, 1, 2, 0),
    Conv(7, 9, 33, 17, 3, 2, 2, 1, 2, 0, co_block=16),
    Conv(10, 6, 6, 9, pad_h=2, pad_w=2, dilation_h=2, dilation_w=3, groups=3),
    Conv(6, 6, 120, 60, pad_h=1, pad_w=1, groups=3, co_block=16),
    Conv(5, 5, 40, 40, pad_h=1, pad_w=1, groups=40),
    Conv(4, 3, 70, 300, 1, 1),
    Conv(1, 1, 1, 1, 1, 1),
    Conv(3, 3, 5, 7, 7, 7, pad_h=3, pad_w=3),
    Conv(3, 2, 600, 48, pad_h=1, pad_w=1, co_block=16),
    Conv(12, 12, 2, 1, 7, 7, pad_h=3, pad_w=3),
]


def inputs(p: Conv, kind: str, density: float, seed: int = 0) -> np.ndarray:
    """Channels-last values [in_h*in_w, in_c] of a kind of input."""
    rng = np.random.default_rng(seed)
    shape = (p.in_h * p.in_w, p.in_c)
    active = rng.random(shape) < density
    if kind.startswith("count"):
        return (active * rng.integers(1, 300, shape)).astype(np.uint16)
    if kind == "real":
        return (active * rng.standard_normal(shape)).astype(np.float32)
    return active.astype(np.uint8)


def parameters(p: Conv, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((p.out_c, p.group_in, p.kernel_h, p.kernel_w))
    return weight.astype(np.float32), rng.standard_normal(p.out_c).astype(np.float32)


def run(build, p: Conv, kind: str, operands, *, instrument: bool = True):
    """Output of the C kernel and its counters; ``operands``: input, weight, bias."""
    x, weight, bias = operands
    kernels = load(build, instrument=instrument)
    out = np.full((p.out_h * p.out_w, p.out_c), np.nan, np.float32)
    counts = kernels.counts()
    data = pack(x) if kind.startswith("spike") else x
    shape = kernels.struct("snn_conv2d", **p.fields())
    working = working_memory(p, kind)
    call = getattr(kernels, f"snn_conv2d_{kind}_f32")
    call(shape, data, p.packed(weight), bias, *working, out, counts)
    return out, read_counts(counts)


def working_memory(p: Conv, kind: str) -> list[np.ndarray]:
    """What the list kernels ask for, of exactly the stated size."""
    if not kind.endswith("list"):
        return []
    pixels, slack = p.in_h * p.in_w, 32
    starts = np.full(pixels + 1, 0xFFFFFFFF, np.uint32)
    events = np.full(pixels * p.group_in + slack, 0xFFFF, np.uint16)
    values = np.full(len(events), np.nan, np.float32)
    return [starts, events, values] if kind == "count_list" else [starts, events]


def check(build, p: Conv, kind: str, density: float, *, with_bias: bool = True) -> None:
    x = inputs(p, kind, density)
    weight, bias = parameters(p)
    dense = kind in ("real", "spike_dense")
    expected, executed = reference.conv2d(p, x, weight, bias if with_bias else None, dense=dense)
    out, counts = run(build, p, kind, (x, weight, bias if with_bias else None))
    assert same_bits(out, expected)
    field = "ac" if kind in ("spike", "spike_list") else "mac"
    assert counts == ({field: executed} if executed else {})


def run_in_bands(build, p: Conv, kind: str, turn: int, operands):
    """Output and counters of the kernel for rows, ``turn`` at a time, the last turn maybe fewer."""
    x, weight, bias = operands
    kernels = load(build, instrument=True)
    out = np.full((p.out_h, p.out_w, p.out_c), np.nan, np.float32)
    counts = kernels.counts()
    data = pack(x) if kind.startswith("spike") else x
    shape = kernels.struct("snn_conv2d", **p.fields())
    working = working_memory(p, kind)
    source = [] if working else [data]
    if working:
        getattr(kernels, f"snn_conv2d_{kind.removesuffix('_list')}_events")(shape, data, *working)
    call = getattr(kernels, f"snn_conv2d_{kind}_rows_f32")
    for row in range(0, p.out_h, turn):
        rows = out[row : row + turn]
        call(shape, row, len(rows), *source, p.packed(weight), bias, *working, rows, counts)
    return out.reshape(-1, p.out_c), read_counts(counts)


@each_variant
@pytest.mark.parametrize("kind", ["spike_list", "spike_dense", "count_list", "real"])
@pytest.mark.parametrize("p", [p for p in CASES if p.groups == 1], ids=str)
def test_bands_of_rows_make_the_whole(build, p, kind):
    x = inputs(p, kind, 0.2)
    weight, bias = parameters(p)
    whole, counts = run(build, p, kind, (x, weight, bias))
    for turn in {1, 3, p.out_h}:
        own, executed = run_in_bands(build, p, kind, turn, (x, weight, bias))
        assert same_bits(own, whole)
        assert executed == counts


@each_variant
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", CASES, ids=str)
def test_same_bits_as_the_contracted_order(build, p, kind):
    for density in (0.0, 0.1, 1.0):
        check(build, p, kind, density)
    check(build, p, kind, 0.3, with_bias=False)


@pytest.mark.parametrize("kind", KINDS)
def test_without_counters_the_values_are_the_same(kind):
    build = [variant for variant in VARIANTS if runs_here(variant)][-1]
    p = Conv(7, 9, 33, 48, stride_w=2, pad_h=1, pad_w=1)
    x = inputs(p, kind, 0.2)
    weight, bias = parameters(p)
    counted, _ = run(build, p, kind, (x, weight, bias))
    plain, counts = run(build, p, kind, (x, weight, bias), instrument=False)
    assert same_bits(counted, plain)
    assert counts == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", CASES, ids=str)
def test_within_the_rounding_bound_of_pytorch_in_float64(p, kind):
    x = inputs(p, kind, 0.3)
    weight, bias = parameters(p)
    out, _ = run(VARIANTS[0], p, kind, (x, weight, bias))

    def conv(values, weights, offset):
        image = torch.from_numpy(values.astype(np.float64)).T.reshape(1, p.in_c, p.in_h, p.in_w)
        return torch.nn.functional.conv2d(
            image,
            torch.from_numpy(weights.astype(np.float64)),
            torch.from_numpy(offset.astype(np.float64)),
            (p.stride_h, p.stride_w),
            (p.pad_h, p.pad_w),
            (p.dilation_h, p.dilation_w),
            p.groups,
        )[0].reshape(p.out_c, -1).T.numpy()  # fmt: skip

    terms = p.group_in * p.kernel_h * p.kernel_w + 2
    bound = terms * 2.0**-24 * conv(abs(x.astype(np.float64)), abs(weight), abs(bias)) * 1.001
    assert (abs(out - conv(x, weight, bias)) <= bound).all()


@st.composite
def convolutions(draw) -> Conv:
    groups = draw(st.integers(1, 3))
    group_in, group_out = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    kernel_h, kernel_w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    dilation_h, dilation_w = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    pad_h, pad_w = draw(st.integers(0, kernel_h)), draw(st.integers(0, kernel_w))
    least_h = max(1, dilation_h * (kernel_h - 1) + 1 - 2 * pad_h)
    least_w = max(1, dilation_w * (kernel_w - 1) + 1 - 2 * pad_w)
    return Conv(
        in_h=draw(st.integers(least_h, least_h + 6)),
        in_w=draw(st.integers(least_w, least_w + 6)),
        in_c=groups * group_in,
        out_c=groups * group_out,
        kernel_h=kernel_h,
        kernel_w=kernel_w,
        stride_h=draw(st.integers(1, 3)),
        stride_w=draw(st.integers(1, 3)),
        pad_h=pad_h,
        pad_w=pad_w,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
        groups=groups,
        co_block=draw(st.sampled_from([0, 1, 8, 16, 32, 64])),
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(p=convolutions(), kind=st.sampled_from(KINDS), density=st.sampled_from([0.02, 0.2, 1.0]))
def test_any_shape(p, kind, density):
    for build in filter(runs_here, VARIANTS):
        check(build, p, kind, density)
