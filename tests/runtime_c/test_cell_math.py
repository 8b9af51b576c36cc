"""The elementary functions of cells: their errors, their operations, their corners."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from snnc.compiler.ops.cells.cost import COSTS, Cost
from snnc.compiler.ops.cells.error import ULPS
from tests.support.kernels.kernel_harness import INCLUDE, each_variant, load
from tests.support.places import C_PROGRAMS as C

HEADER = (INCLUDE / "snn" / "elementwise" / "cell_math.h").read_text()
F = np.float32

STATED = {
    name.lower(): float(value)
    for name, value in re.findall(r"#define SNN_(\w+)_MAX_ULP ([0-9.]+)", HEADER)
} | {"sigmoid": 3.0}
"""What the headers state; the sigmoid is elementwise.h's."""

SHARE = 8191
"""One float of this many is measured here; docs/numerics.md has the figures of all of them."""


def output_of(command: list[str], program: Path, *arguments: str) -> list[list[str]]:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    built = [*command, f"-I{INCLUDE}", "-o", str(program), "-lm"]
    subprocess.run(built, check=True)
    run = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    return [line.split() for line in run.stdout.splitlines()]


def test_errors_are_no_larger_than_stated(tmp_path):
    source = str(C / "cell_math_errors.c")
    command = ["gcc", "-std=c99", "-O2", "-ffp-contract=off", source]
    found = output_of(command, tmp_path / "errors", str(SHARE), "77")
    errors = {line[0]: float(line[1]) for line in found if line[1] != "wrong"}
    assert errors.keys() == STATED.keys() == ULPS.keys() - {"sqrt"}
    for name, error in errors.items():
        assert 0.2 < error <= STATED[name] <= ULPS[name]
    wrong = {line[0]: int(line[2]) for line in found if line[1] == "wrong"}
    assert wrong == dict.fromkeys(("sqrt", "round", "floor", "ceil", "trunc"), 0)


@pytest.mark.parametrize("name", [name for name in ULPS if name != "pow"])
def test_pytorchs_functions_are_no_worse_than_assumed(name):
    """On floats of all sizes; contiguous ones and others take different paths."""
    bits = np.random.default_rng(3).integers(0, 2**32, 1 << 20, dtype=np.uint32)
    x = torch.from_numpy(bits.view(F))
    near = torch.from_numpy(np.random.default_rng(4).normal(0, 8, 1 << 20).astype(F))
    for given in (x, near, near[::3]):
        own, exact = (getattr(torch, name)(value).double() for value in (given, given.double()))
        known = exact.isfinite() & (exact.abs() < 3e38)
        unit = torch.from_numpy(np.spacing(exact[known].abs().float().numpy())).double()
        flushed = 2.0**-126 if name == "sigmoid" else 0.0  # where exp(-x) overflows
        error = ((own[known] - exact[known]).abs() - flushed) / unit
        assert 0.4 < float(error.max()) <= ULPS[name]


def test_operations_are_those_that_are_charged(tmp_path):
    source = str(C / "cell_math_counts.cc")
    found = output_of(
        ["g++", "-std=c++14", "-w", "-DSNN_VEC_PORTABLE", source], tmp_path / "counts"
    )
    assert len(found) == 16
    for name, *counts in found:
        assert Cost(*map(int, counts)) == COSTS[name], name


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4e38], F)
HALVES = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 8388607.5, 0.49999997, -0.2, 16777217.0], F)


@each_variant
@pytest.mark.parametrize("name", ["round", "floor", "ceil", "trunc", "sqrt", "sign", "abs", "neg"])
def test_exact_functions_are_exact(build, name):
    kernel = getattr(load(build), f"snn_{name}_f32")
    x = np.concatenate([SPECIAL, HALVES, np.random.default_rng(0).normal(0, 3, 500).astype(F)])
    own = np.array([kernel(float(value)) for value in x], F)
    theirs = getattr(torch, name)(torch.from_numpy(x)).numpy()
    if name == "sqrt":  # PyTorch's is MKL's, which is not always the nearest float
        with np.errstate(invalid="ignore"):
            theirs = np.sqrt(x)
    assert np.array_equal(own, theirs, equal_nan=True)
    if name != "sign":  # torch.sign gives 0 for -0
        number = ~np.isnan(own)
        assert np.array_equal(np.signbit(own)[number], np.signbit(theirs)[number])


@each_variant
def test_smooth_functions_have_pytorchs_corners(build):
    kernels, x = load(build), np.concatenate([SPECIAL, np.array([-200, 200, 88.8, -104.1], F)])
    for name in ("exp", "log", "tanh", "erf"):
        own = np.array([getattr(kernels, f"snn_{name}_f32")(float(value)) for value in x], F)
        theirs = getattr(torch, name)(torch.from_numpy(x)).numpy()
        assert np.allclose(own, theirs, rtol=4e-7, atol=2e-45, equal_nan=True), name


@each_variant
def test_pow_has_every_corner_of_ieee_754(build):
    pairs = np.array(np.meshgrid(
        np.concatenate([SPECIAL, [2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 2.5, -2.5]]),
        np.concatenate([SPECIAL, [2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1e9, -1e9]]),
    ), F).reshape(2, -1)  # fmt: skip
    kernel = load(build).snn_pow_f32
    own = np.array([kernel(float(x), float(y)) for x, y in pairs.T], F)
    with np.errstate(all="ignore"):
        theirs = np.power(*pairs.astype(np.float64)).astype(F)
    assert np.allclose(own, theirs, rtol=2e-7, atol=2e-45, equal_nan=True)
    number = ~np.isnan(own)
    assert np.array_equal(np.signbit(own)[number], np.signbit(theirs)[number])


@each_variant
def test_least_and_largest_let_nan_pass(build):
    kernels = load(build)
    for name in ("minimum", "maximum"):
        kernel = getattr(kernels, f"snn_{name}_f32")
        for a in SPECIAL:
            for b in SPECIAL:
                wanted = getattr(np, name)(a, b)
                assert np.array_equal(F(kernel(float(a), float(b))), wanted, equal_nan=True)
