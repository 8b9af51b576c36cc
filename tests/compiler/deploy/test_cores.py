"""Kernels for the cores: every variant equals the integer reference, on the boards that run it."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import target_named, targets
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ops.int8.synapses.rows import (
    EIGHTS,
    FOURS,
    PLAIN,
    SWAPPED,
    IntegerSynapse,
    by_fours,
)
from snnc.compiler.ops.int8.weight_types import parsed
from snnc.compiler.ops.synapses.synapse import DENSE, EVENT
from snnc.compiler.passes.choose_kernels import one_kernel
from snnc.compiler.verify.board import verify_on_board
from snnc.compiler.verify.integer import IntegerVerifier
from tests.compiler.deploy.test_firmware import STEP_US, STEPS, framed, need, recording
from tests.compiler.ops.test_int8 import FLAGS, lively_neurons
from tests.support.kernels.kernel_harness import cpu_flags
from tests.support.networks import maxima
from tests.support.networks.lively import lively_network

ROOT = Path(__file__).resolve().parents[3]
VECTOR_CORES = ("cortex-m4", "cortex-m55")
Shape = tuple[int, int, int]


def crowded(seed: int, shape: Shape, most: int) -> np.ndarray:
    """A recording with cells of about ``most`` events, among many with a few."""
    _, height, width = shape
    rng = np.random.default_rng(seed)
    few = recording(seed, min(height, width))
    many = few[rng.integers(0, len(few), 12)].repeat(most)
    both = np.concatenate([few, many])
    return both[np.argsort(both["t_us"], kind="stable")]


def window(events: np.ndarray, shape: Shape) -> np.ndarray:
    _, height, width = shape
    return framed(events, max(height, width))[:, :, :height, :width]


def compiled(
    model: nn.Module,
    shape: Shape,
    order: str,
    most: int = 20,
    kernel: str = EVENT,
    weights: str = "int8",
) -> Compilation:
    return compile_graph(
        import_module(model, shape, STEPS, name="net"),
        Framing(*shape[1:], STEP_US, 1),
        calibration=[window(crowded(seed, shape, most), shape) for seed in (10, 11)],
        kernels=lambda given: one_kernel(given, kernel),
        order=order,
        int4=parsed(weights),
    )


def network(which: str) -> tuple[nn.Module, Shape]:
    """Blocks that are full and not, rows of every length, groups, strides, every reset, maxima."""
    if which == "maxima":
        return maxima.maxima(), maxima.SHAPE
    if which == "resets":
        return lively_neurons(), (2, 11, 13)
    shape = (2, 14, 14)
    hyper = {"long rows": {"channels": (35, 52, 8), "hidden": 70}}
    hyper["short rows"] = {"channels": (3, 6, 17)}
    return lively_network(input_size=shape, **hyper[which]), shape


NETWORKS = ("long rows", "short rows", "resets")


@pytest.mark.parametrize("name", VECTOR_CORES)
@pytest.mark.parametrize(
    ("which", "kernel", "most"),
    [
        *((which, EVENT, 20) for which in (*NETWORKS, "maxima")),
        ("long rows", DENSE, 20),
        ("resets", EVENT, 300),
        ("maxima", EVENT, 300),
    ],
)
def test_vector_kernels_equal_the_reference(name, which, kernel, most):
    need(name)
    target = target_named(name)
    model, shape = network(which)
    compilation = compiled(model, shape, target.order, most, kernel)
    assert compilation.graph["input"].type.dtype == ("uint8" if most < 64 else "")
    events = crowded(0, shape, most)
    vectors = [firmware.vector(compilation, window(events, shape), events)]
    assert verify_on_board(compilation, target, vectors).failures == []


ALL_FOUR = "int4:layer1_conv,layer2_conv,layer3_conv,fc1_linear,fc2_linear"


@pytest.mark.parametrize("name", ["cortex-m0", *VECTOR_CORES, "riscv32"])
@pytest.mark.parametrize(
    ("which", "kernel", "most"), [("long rows", EVENT, 20), ("short rows", DENSE, 300)]
)
def test_weights_of_four_bits_equal_the_reference(name, which, kernel, most):
    need(name)
    target = target_named(name)
    model, shape = network(which)
    compilation = compiled(model, shape, target.order, most, kernel, ALL_FOUR)
    ordered = [n.op.order for n in compilation.graph.nodes if isinstance(n.op, IntegerSynapse)]
    assert set(ordered) == {EIGHTS}
    events = crowded(0, shape, most)
    vectors = [firmware.vector(compilation, window(events, shape), events)]
    assert verify_on_board(compilation, target, vectors).failures == []


@pytest.mark.parametrize("which", NETWORKS)
@pytest.mark.parametrize("kernel", [EVENT, DENSE])
def test_the_host_runs_the_order_of_a_core(which, kernel, tmp_path):
    model, shape = network(which)
    compilation = compiled(model, shape, FOURS, kernel=kernel)
    ordered = [n.op.order for n in compilation.graph.nodes if isinstance(n.op, IntegerSynapse)]
    assert FOURS in ordered
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    verifier.verify(window(crowded(0, shape, 20), shape))
    assert verifier.result.passed


def test_the_table_of_targets_chooses_the_order():
    chosen = {name: target.order for name, target in targets().items()}
    assert chosen == {
        "cortex-m0": PLAIN,
        "cortex-m3": PLAIN,
        "cortex-m4": FOURS,
        "cortex-m7": FOURS,
        "cortex-m33": FOURS,
        "cortex-m55": PLAIN,
        "riscv32": PLAIN,
    }


def test_rows_by_fours_hold_every_weight_once():
    rows = np.arange(-35, 35).reshape(7, 10)
    words = by_fours(rows)
    assert words.shape == (7, 3)
    back = words.astype("<i4").view(np.int8).reshape(7, 3, 4)[..., SWAPPED].reshape(7, 12)
    assert np.array_equal(back[:, :10], rows)
    assert not back[:, 10:].any()


USED = {
    "cortex-m4": {"sxtab16", "ssub16"},
    "cortex-m7": {"sxtab16", "ssub16"},
    "cortex-m33": {"sxtab16", "ssub16"},
    "cortex-m55": {"vldrb.s16", "vadd.i16", "vqrdmulh.s16", "vpt.s16"},
    "cortex-m3": {"ssat"},
}
USED_BY_FOUR = {"cortex-m4": {"ssub16", "uxtab16"}, "cortex-m33": {"ssub16", "uxtab16"}}


@pytest.mark.parametrize(
    ("name", "weights", "expected"),
    [
        *((name, "int8", expected) for name, expected in USED.items()),
        *((name, ALL_FOUR, expected) for name, expected in USED_BY_FOUR.items()),
    ],
)
def test_the_cores_own_instructions_are_used(name, weights, expected, tmp_path):
    need(name)
    model, shape = network("long rows")
    target = target_named(name)
    compilation = compiled(model, shape, target.order, weights=weights)
    events = crowded(0, shape, 20)
    vectors = [firmware.vector(compilation, window(events, shape), events)]
    firmware.write_project(tmp_path, compilation, target, vectors)
    command = [f"{target.prefix}gcc", *target.flags, "-std=c99", "-O2", "-ffreestanding", "-I."]
    text = subprocess.run(
        [*command, "-Iboard", "-S", "net.c", "-o", "-"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert expected <= set(re.findall(r"^\s+([a-z][\w.]*)", text, re.MULTILINE))


@pytest.mark.parametrize("which", NETWORKS)
def test_plain_kernels_read_no_word_where_it_is_not_aligned(which, tmp_path, capfd):
    """The M0 faults there, and its emulator does not."""
    found = subprocess.run(
        ["gcc", "-print-file-name=libubsan.so"], capture_output=True, text=True, check=True
    )
    ctypes.CDLL(found.stdout.strip(), mode=ctypes.RTLD_GLOBAL)
    model, shape = network(which)
    compilation = compiled(model, shape, PLAIN)
    flags = ("-O1", "-DSNN_ROWS_PLAIN", "-DSNN_ROWS_IN_BLOCKS", "-fsanitize=alignment")
    verifier = IntegerVerifier(model, compilation, tmp_path, flags)
    verifier.verify(window(crowded(0, shape, 20), shape))
    assert verifier.result.passed
    libraries = list(tmp_path.rglob("*.so"))
    assert any(b"__ubsan_handle_type_mismatch" in path.read_bytes() for path in libraries)
    assert "runtime error" not in capfd.readouterr().err


@pytest.mark.parametrize("few", [True, False])
def test_two_sums_in_a_word_hold_what_a_list_can_add(few, tmp_path):
    """Lists of every length, weights at both ends of int8 and mixed, every number of channels."""
    flags = ["-O2", "-std=gnu99", "-Wall", "-Wextra", "-Werror", "-Iruntime_c/include"]
    flags += ["-fsanitize=undefined", "-fno-sanitize-recover"]
    flags += ["-D__ARM_ARCH_6M__"] if few else []
    out = str(tmp_path / "sums")
    subprocess.run(["gcc", *flags, "tests/c/row_sums.c", "-o", out], check=True, cwd=ROOT)
    done = subprocess.run([out], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 wrong\n", "")


HOSTS = {
    "avx512": (("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq"), "avx512bw"),
    "avx2": (("-mavx2", "-mfma", "-DSNN_VEC_AVX2"), "avx2"),
    "sse2": ((), "sse2"),
    "portable": (("-DSNN_VEC_PORTABLE",), None),
}


@pytest.mark.parametrize("variant", HOSTS)
@pytest.mark.parametrize(
    ("which", "kernel", "most"),
    [*((which, EVENT, 20) for which in NETWORKS), ("long rows", DENSE, 20), ("wide", EVENT, 300)],
)
def test_host_variants_equal_the_reference(variant, which, kernel, most, tmp_path):
    """Whole registers of channels, eight and four and one, and a rest; int16 and int32 sums."""
    flags, needed = HOSTS[variant]
    if needed is not None and needed not in cpu_flags():
        pytest.skip(f"this processor has no {needed}")
    if which == "wide":
        shape = (2, 8, 8)
        model = lively_network(input_size=shape, channels=(300, 161, 40), hidden=70)
    else:
        model, shape = network(which)
    compilation = compiled(model, shape, PLAIN, most, kernel)
    verifier = IntegerVerifier(model, compilation, tmp_path, ("-O1", *flags))
    for seed in (1, 2):
        verifier.verify(window(crowded(seed, shape, most), shape))
    assert verifier.result.passed
