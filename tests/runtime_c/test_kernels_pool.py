"""Pooling kernels against PyTorch, with every option it has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernels.kernel_harness import (
    VARIANTS,
    load,
    pack,
    read_counts,
    runs_here,
    same_bits,
    unpack,
)


@st.composite
def windows(draw, *, dilated: bool = False) -> dict[str, int]:
    """Arguments of a pooling layer that PyTorch accepts."""
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 2))) if dilated else (1, 1)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    return {
        "size": tuple(draw(st.integers(r, r + 7)) for r in reach),
        "channels": draw(st.sampled_from([1, 3, 16, 32, 33, 64, 70])),
        "kernel": kernel,
        "stride": (draw(st.integers(1, 4)), draw(st.integers(1, 4))),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel),
        "dilation": dilation,
        "ceil": draw(st.booleans()),
    }


def values(case, kind: str) -> np.ndarray:
    """Channels-last input [pixels, channels]."""
    height, width = case["size"]
    rng = np.random.default_rng(height * width)
    shape = (height * width, case["channels"])
    if kind == "spike":
        return (rng.random(shape) < 0.2).astype(np.uint8)
    if kind == "count":
        return rng.integers(0, 50, shape).astype(np.uint16)
    return rng.standard_normal(shape).astype(np.float32)


def as_image(x: np.ndarray, case) -> torch.Tensor:
    return torch.from_numpy(x.astype(np.float32)).T.reshape(1, case["channels"], *case["size"])


def as_rows(image: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(image[0].flatten(1).T.numpy())


def struct(kernels, case, out_size, **extra):
    pairs = {
        name: pair
        for key, name in (("size", "in"), ("kernel", "kernel"), ("stride", "stride"))
        for name, pair in ((name, case[key]),)
    } | {"out": out_size, "pad": case["padding"], "dilation": case["dilation"]}
    fields = {f"{name}_h": pair[0] for name, pair in pairs.items()}
    fields |= {f"{name}_w": pair[1] for name, pair in pairs.items()}
    return kernels.struct("snn_pool2d", channels=case["channels"], **fields, **extra)


def window_sum(x: np.ndarray, case, out_size) -> int:
    """Sum over all windows of all values, by PyTorch's average with divisor 1."""
    sums = torch.nn.functional.avg_pool2d(
        as_image(x, case).double(),
        *(case["kernel"], case["stride"], case["padding"], case["ceil"]),
        divisor_override=1,
    )
    assert tuple(sums.shape[2:]) == tuple(out_size)
    return round(float(sums.sum()))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    case=windows(),
    kind=st.sampled_from(["real", "spike", "count"]),
    include=st.booleans(),
    divisor=st.sampled_from([0, 1, 3, 8]),
)
def test_average(case, kind, include, divisor):
    x = values(case, kind)
    wanted = torch.nn.functional.avg_pool2d(
        as_image(x, case),
        *(case["kernel"], case["stride"], case["padding"], case["ceil"], include, divisor or None),
    )
    size = wanted.shape[2:]
    for build in filter(runs_here, VARIANTS):
        kernels = load(build)
        shape = struct(kernels, case, size, count_include_pad=int(include), divisor=divisor)
        out = np.full((size[0] * size[1], case["channels"]), np.nan, np.float32)
        counts = kernels.counts()
        data = pack(x) if kind == "spike" else x
        getattr(kernels, f"snn_avg_pool2d_{kind}_f32")(shape, data, out, counts)
        # PyTorch adds the same values in the same order: equal, not only close.
        assert same_bits(out, as_rows(wanted))
        taken = x if kind == "spike" else np.ones_like(x)
        wanted_counts = {"add": window_sum(taken, case, size), "mul": out.size}
        assert read_counts(counts) == {name: n for name, n in wanted_counts.items() if n}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=windows(dilated=True), kind=st.sampled_from(["real", "spike", "count"]))
def test_maximum(case, kind):
    x = values(case, kind)
    options = (case["kernel"], case["stride"], case["padding"], case["dilation"], case["ceil"])
    wanted = torch.nn.functional.max_pool2d(as_image(x, case), *options)
    size = wanted.shape[2:]
    for build in filter(runs_here, VARIANTS):
        kernels = load(build)
        shape = struct(kernels, case, size)
        data = pack(x) if kind == "spike" else x
        out = np.zeros((size[0] * size[1], data.shape[1]), data.dtype)
        counts = kernels.counts()
        name = "snn_max_pool2d_real_f32" if kind == "real" else f"snn_max_pool2d_{kind}"
        getattr(kernels, name)(shape, data, out, counts)
        result = unpack(out, case["channels"]) if kind == "spike" else out
        assert np.array_equal(result.astype(np.float32), as_rows(wanted))
        assert read_counts(counts) == {"cmp": taps_inside(case, size) * data.shape[1]}


def taps_inside(case, out_size) -> int:
    """In-bounds taps of all windows, by brute force."""
    inside = []
    for axis in range(2):
        taps = (
            out * case["stride"][axis] - case["padding"][axis] + k * case["dilation"][axis]
            for out in range(out_size[axis])
            for k in range(case["kernel"][axis])
        )
        inside.append(sum(0 <= tap < case["size"][axis] for tap in taps))
    return inside[0] * inside[1]


@pytest.mark.parametrize("build", VARIANTS, ids=[b.name for b in VARIANTS])
def test_average_of_four_spikes_is_an_exact_quarter(build):
    kernels = load(build)
    x = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [1, 0, 0]], np.uint8)
    case = {"size": (2, 2), "channels": 3, "kernel": (2, 2), "stride": (2, 2)}
    case |= {"padding": (0, 0), "dilation": (1, 1), "ceil": False}
    out = np.empty((1, 3), np.float32)
    shape = struct(kernels, case, (1, 1), count_include_pad=1)
    kernels.snn_avg_pool2d_spike_f32(shape, pack(x), out, None)
    assert out.tolist() == [[0.75, 0.0, 0.5]]
