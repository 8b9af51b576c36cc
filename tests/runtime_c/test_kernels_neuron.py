"""Neuron kernels: same bits as numpy, packed spikes, counts, all resets and thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.kernels.kernel_harness import (
    each_variant,
    load,
    pack,
    read_counts,
    same_bits,
    unpack,
)

F = np.float32
RESETS = ("hard", "soft", "none")
SHAPES = [(9, 64), (5, 128), (7, 33), (3, 1), (1, 256), (4, 16), (2, 47)]
PARAMETERS = [
    {"beta": 0.3, "drift": 0.0, "gain": 1.0, "reset": 0.0, "threshold": 0.3},
    {"beta": 1.0, "drift": 0.0, "gain": 1.0, "reset": 0.25, "threshold": 1.0},
    {"beta": 0.5, "drift": 0.125, "gain": 0.5, "reset": -0.1, "threshold": 0.7},
]


def step(reset: str, p: dict[str, float], x, u, fired, *, strict: bool):
    """One step in numpy float32, and the operations of one neuron."""
    counts = {"add": 1, "cmp": 1, "mul": 0}
    if p["beta"] != 1:
        u = F(p["beta"]) * u
        counts["mul"] += 1
    if p["drift"] != 0:
        u = u + F(p["drift"])
        counts["add"] += 1
    if reset == "hard":
        u = np.where(fired, F(p["reset"]), u)
    if reset == "soft":
        u = u - np.where(fired, F(p["reset"]), F(0))
        counts["add"] += 1
    if p["gain"] != 1:
        x = F(p["gain"]) * x
        counts["mul"] += 1
    u = u + x
    return u, (u > F(p["threshold"])) if strict else (u >= F(p["threshold"])), counts


@each_variant
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("p", PARAMETERS, ids=lambda p: f"beta{p['beta']}")
@pytest.mark.parametrize("strict", [0, 1])
def test_steps_have_the_same_bits_and_counts(build, reset, p, strict):
    kernels = load(build)
    for pixels, channels in SHAPES:
        rng = np.random.default_rng(pixels)
        u = np.zeros((pixels, channels), F)
        fired = np.zeros((pixels, channels), bool)
        c_u, c_spikes, counts = u.copy(), pack(fired), kernels.counts()
        total = {"add": 0, "cmp": 0, "mul": 0}
        for _ in range(4):
            # Sixteenths: sums hit the threshold exactly, where >= and > part.
            x = (rng.integers(-8, 24, (pixels, channels)) / 16).astype(F)
            u, fired, each = step(reset, p, x, u, fired, strict=bool(strict))
            getattr(kernels, f"snn_neuron_{reset}_f32")(
                kernels.struct("snn_neuron_f32_params", **p),
                *(strict, pixels, channels, x, c_u, c_spikes, c_spikes, counts),
            )
            assert same_bits(c_u, u)
            assert np.array_equal(unpack(c_spikes, channels), fired)
            total = {name: total[name] + n * u.size for name, n in each.items()}
        assert read_counts(counts) == {name: n for name, n in total.items() if n}


@each_variant
def test_equality_with_the_threshold_fires_unless_strict(build):
    kernels = load(build)
    params = kernels.struct("snn_neuron_f32_params", beta=0.5, gain=1.0, threshold=1.0)
    x = np.array([[1.0, np.nextafter(F(1), F(0)), np.nextafter(F(1), F(2)), np.nan]], F)
    for strict, wanted in ((0, [1, 0, 1, 0]), (1, [0, 0, 1, 0])):
        spikes = np.full((1, 1), 0xFFFFFFFF, np.uint32)
        u, previous = np.zeros_like(x), np.zeros((1, 1), np.uint32)
        kernels.snn_neuron_hard_f32(params, strict, 1, 4, x, u, previous, spikes, None)
        assert unpack(spikes, 4).tolist() == [wanted]
