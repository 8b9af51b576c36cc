"""Packages are the proven code: on every core, as build systems compile them, they give the
reference's values and cost the firmware's instructions."""

from __future__ import annotations

import shutil
import subprocess
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from snnc.bench.target import instructions
from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.compilation import Compilation, for_any_core
from snnc.compiler.deploy import firmware, packages
from snnc.compiler.deploy.targets import Target, target_named, targets
from snnc.compiler.host.build import compile_shared
from snnc.compiler.host.model import HostModel
from snnc.compiler.ops.int8.synapses.rows import FOURS, OWN, PLAIN
from tests import fuzzing
from tests.compiler.deploy.test_cores import compiled, crowded, window
from tests.compiler.deploy.test_firmware import need
from tests.support.networks.lively import lively_network

SHAPE, RECORDINGS = (2, 14, 14), 20

ARDUINO = (
    "$(CPU) -std=gnu11 -Os -g -ffunction-sections -fdata-sections -ffreestanding -fbuiltin "
    "--param max-inline-insns-single=500 -Wall -Wextra -Werror -I. -Iboard"
)
"""Arduino's flags of C files; ``-ffreestanding -fbuiltin`` stand for a C library."""


def network(order: str) -> Compilation:
    """Rows that fill blocks of channels and rows that do not, groups, long lists."""
    model = lively_network(input_size=SHAPE, channels=(16, 22, 8), hidden=18)
    return compiled(model, SHAPE, order)


@pytest.fixture(scope="module")
def any_core() -> Compilation:
    return network(OWN)


@pytest.fixture(scope="module")
def for_core() -> dict[str, Compilation]:
    return {order: network(order) for order in (PLAIN, FOURS)}


def vectors(compilation: Compilation, count: int) -> list[firmware.Vector]:
    recordings = [crowded(seed, SHAPE, 20) for seed in range(count)]
    return [firmware.vector(compilation, window(e, SHAPE), e) for e in recordings]


@pytest.mark.parametrize("name", list(targets()))
def test_a_package_costs_what_the_firmware_costs(name, any_core, for_core):
    need(name)
    target = target_named(name)
    given = vectors(any_core, 1)
    firm = instructions.total(for_core[target.order], target, given, "$(CFLAGS)")
    package = instructions.total(any_core, target, given, ARDUINO)
    assert abs(package / firm - 1) < 0.02
    assert any_core.generated.plan.size == for_core[target.order].generated.plan.size


@pytest.mark.parametrize("name", list(targets()))
def test_a_package_equals_the_reference_on_every_core(name, any_core, tmp_path):
    need(name)
    given = vectors(any_core, RECORDINGS)
    firmware.write_project(tmp_path, any_core, target_named(name), given)
    command = ["make", "-s", "run", f"MODEL={ARDUINO}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"PASS {RECORDINGS} recordings" in done.stderr, done.stderr


def test_a_model_of_the_host_becomes_one_for_any_core(any_core):
    host = compiled(
        lively_network(input_size=SHAPE, channels=(16, 22, 8), hidden=18), SHAPE, "listed"
    )
    there = for_any_core(host)
    assert dict(there.generated.files) == dict(any_core.generated.files)
    assert there.generated.plan.size < host.generated.plan.size


FLOATS = ("cortex-m4", "cortex-m55")
MAIN = """#include "model.h"
#include "board.h"

static unsigned char arena[MODEL_ARENA_BYTES] __attribute__((aligned(MODEL_ARENA_ALIGNMENT)));
static const snn_event events[] = {%s};
static const uint32_t expected[] = {%s};

int main(void) {
    static model_net net;
    float scores[MODEL_NUM_CLASSES];
    int wrong = model_init(&net, arena, sizeof arena) != SNN_OK ||
                model_push_events(&net, events, sizeof events / sizeof *events) != SNN_OK ||
                model_run(&net) != SNN_OK || model_scores(&net, scores) != SNN_OK;
    for (int i = 0; i < MODEL_NUM_CLASSES; i++) {
        wrong += snn_bits_of(scores[i]) != expected[i];
    }
    board_write(wrong ? "FAIL" : "PASS");
    return wrong;
}
"""


@pytest.fixture(scope="module")
def floats(tmp_path_factory) -> tuple[Compilation, np.ndarray, np.ndarray]:
    """A float32 model, events, and the host's scores, on which one rounding more would show."""
    folder = tmp_path_factory.mktemp("host")
    compilation = fuzzing.MODELS["window-f32"]()
    compilation.generated.write(folder)
    with as_file(files("snnc") / "runtime_c" / "include" / "snn") as runtime:
        shutil.copytree(runtime, folder / "snn")
    library = folder / "host.so"
    compile_shared(folder / "model.c", library)
    events = np.zeros(400, EVENT_DTYPE)
    rng = np.random.default_rng(3)
    events["t_us"] = np.sort(rng.integers(0, fuzzing.STEPS * fuzzing.STEP_US, 400))
    events["x"], events["y"] = rng.integers(0, fuzzing.SIZE, (2, 400))
    events["polarity"] = rng.integers(0, 2, 400)
    model = HostModel(library, compilation.generated.interface)
    model.reset()
    model.push_events(events)
    model.run()
    return compilation, events, model.scores()


@pytest.mark.parametrize("name", FLOATS)
def test_float_scores_of_a_package_are_the_hosts(name, floats, tmp_path):
    need(name)
    compilation, events, scores = floats
    assert np.unique(scores).size > 1
    target = target_named(name)
    board = target.boards[0]
    packages.write(tmp_path, compilation, "arduino")
    budget = firmware.Budget(board.flash[1], board.ram[1], firmware.STACK_BYTES)
    firmware.write_board(tmp_path, target, board, budget)
    lines = ", ".join(f"{{{t}u, {x}, {y}, {p}}}" for t, x, y, p in events.tolist())
    bits = ", ".join(f"{value}u" for value in scores.view(np.uint32).tolist())
    (tmp_path / "board" / "main.c").write_text(MAIN % (lines, bits))
    compile_with(target, tmp_path, "-Os", "src/model.c")
    compile_with(target, tmp_path, "-O2", *(f"board/{file}.c" for file in BOARD_FILES))
    objects = ["model.o", *(f"{file}.o" for file in BOARD_FILES)]
    link = ("-nostdlib", "-nostartfiles", "-Wl,-T,board/board.ld", *objects, "-lgcc", "-o", "app")
    call(tmp_path, f"{target.prefix}gcc", *target.flags, *link)
    assert "vfma" not in call(tmp_path, f"{target.prefix}objdump", "-d", "model.o")
    options = ("-nographic", "-serial", "null", "-monitor", "none")
    hosting = ("-semihosting-config", "enable=on,target=native")
    call(tmp_path, board.emulator, *board.machine, "-kernel", "app", *options, *hosting)


BOARD_FILES = ("main", "startup", "semihosting", "memory")


def compile_with(target: Target, folder: Path, level: str, *sources: str) -> None:
    """Compile as GNU C, in which gcc contracts products and sums unless it is told otherwise."""
    flags = (*target.flags, "-std=gnu11", level, "-ffreestanding", "-Isrc", "-Iboard")
    own = ("-fno-tree-loop-distribute-patterns",)
    call(folder, f"{target.prefix}gcc", *flags, *own, "-c", *sources)


def call(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
