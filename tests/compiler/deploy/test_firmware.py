"""Firmware for emulated boards: it equals the reference there too, and finds a planted error."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import missing_tools, require_tools, target_named, targets
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.plan.input_buffer import WINDOW, Buffering
from snnc.compiler.verify.board import verify_on_board
from snnc.errors import BAD_OPTION, SnncError
from tests.compiler.ops.test_feedback import streaming
from tests.compiler.ops.test_int8 import changed, smallest_visible_rise
from tests.support.networks.lively import lively_network

STEPS, STEP_US = 6, 50_000


def recording(seed: int, size: int, count: int = 1500) -> np.ndarray:
    rng = np.random.default_rng(seed)
    events = np.zeros(count, EVENT_DTYPE)
    events["t_us"] = np.sort(rng.integers(0, STEPS * STEP_US, count))
    events["t_us"] -= events["t_us"][0]
    events["x"], events["y"] = rng.integers(0, size, (2, count))
    events["polarity"] = rng.integers(0, 2, count)
    return events


def framed(events: np.ndarray, size: int) -> np.ndarray:
    frames = np.zeros((STEPS, 2, size, size), np.uint16)
    where = events["t_us"] // STEP_US, events["polarity"], events["y"], events["x"]
    np.add.at(frames, where, 1)
    return frames


def compiled(attention: str, size: int, buffering: Buffering = WINDOW, **hyper) -> Compilation:
    model = lively_network(attention, input_size=(2, size, size), **hyper)
    graph = import_module(model, (2, size, size), STEPS, name="net")
    windows = [framed(recording(seed, size), size) for seed in (10, 11)]
    framing = Framing(size, size, STEP_US, 1)
    return compile_graph(graph, framing, calibration=windows, buffering=buffering)


def vectors(compilation: Compilation, size: int, count: int = 2) -> list[firmware.Vector]:
    recordings = [recording(seed, size) for seed in range(count)]
    return [firmware.vector(compilation, framed(e, size), e) for e in recordings]


@pytest.fixture(scope="module")
def attentive() -> Compilation:
    return compiled("asa1", 18, channels=(5, 33, 8))


@pytest.fixture(scope="module")
def tiny() -> Compilation:
    return compiled("none", 10, channels=(4, 4, 4), hidden=8)


def need(name: str) -> None:
    target = target_named(name)
    if missing := {tool for board in target.boards for tool in missing_tools(target, board)}:
        pytest.skip(f"{name} needs {', '.join(sorted(missing))}: run `make firmware-tools`")


@pytest.mark.parametrize("name", list(targets()))
def test_every_board_equals_the_reference(name, attentive, tiny):
    need(name)
    for compilation, size in ((attentive, 18), (tiny, 10)):
        given = vectors(compilation, size)
        result = verify_on_board(compilation, target_named(name), given)
        assert result.failures == []
        assert result.passed
        assert result.samples == 2
        assert 0 < result.stack < firmware.STACK_BYTES
        assert result.compared == sum(len(v.digests) + len(v.scores) for v in given)
    if name == "cortex-m0":
        assert result.board == "microbit"


@pytest.mark.parametrize(
    ("attention", "buffering"),
    [("none", Buffering(frames=1)), ("asa1", Buffering(events=1500))],
    ids=["one frame", "packed events"],
)
def test_boards_hold_events_as_asked(attention, buffering):
    need("cortex-m0")
    small = {"channels": (4, 4, 4), "hidden": 8}
    compilation = compiled(attention, 10, buffering, **small)
    result = verify_on_board(compilation, target_named("cortex-m0"), vectors(compilation, 10))
    assert result.failures == []


def test_a_recurrent_network_runs_on_a_board():
    need("cortex-m0")
    windows = [framed(recording(seed, 10), 10) for seed in (10, 11)]
    graph = streaming(STEPS, (2, 10, 10), channels=4)
    framing, held = Framing(10, 10, STEP_US, 1), Buffering(frames=1)
    compilation = compile_graph(graph, framing, calibration=windows, buffering=held)
    result = verify_on_board(compilation, target_named("cortex-m0"), vectors(compilation, 10))
    assert result.failures == []
    assert result.passed


def test_recordings_with_more_events_than_are_held_are_refused(tmp_path):
    small = compiled("asa1", 10, Buffering(events=1499), channels=(4, 4, 4), hidden=8)
    with pytest.raises(SnncError, match="has 1,500 events in its window") as caught:
        firmware.write_project(tmp_path, small, target_named("cortex-m0"), vectors(small, 10))
    assert caught.value.code is BAD_OPTION


def test_a_planted_unit_is_found_and_named(tiny, tmp_path):
    need("cortex-m3")
    firmware.write_project(tmp_path, tiny, target_named("cortex-m3"), planted_vectors(tiny))
    path = tmp_path / "net_weights.h"
    channel, value = smallest_visible_rise(tiny, "layer2_neuron", framed(recording(0, 10), 10))
    path.write_text(changed(path.read_text(), "layer2_neuron_threshold", channel, value))
    run = firmware.run(tmp_path)
    assert not run.passed
    assert re.search(r"^FAIL: recording 0, layer layer2_neuron, step \d$", run.output, re.MULTILINE)


def planted_vectors(compilation: Compilation) -> list[firmware.Vector]:
    return vectors(compilation, 10, 1)


def test_a_wrong_score_is_found(tiny, tmp_path):
    need("riscv32")
    (given,) = vectors(tiny, 10, 1)
    given.scores[3] += 1
    firmware.write_project(tmp_path, tiny, target_named("riscv32"), [given])
    run = firmware.run(tmp_path)
    assert not run.passed
    assert "FAIL: recording 0, score of class 3" in run.output


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("net->dropped++;", "net->dropped--;", "events after the last step: 4294967292"),
        ("snn_time_sum_spike_i32(1, 10,", "snn_time_sum_spike_i32(10, 1,", "layer "),
    ],
    ids=["dropped events", "memory that nothing writes"],
)
def test_what_no_layer_shows_is_found(old, new, says, tiny, tmp_path):
    need("cortex-m0")
    inside = recording(0, 10)
    late = inside[:4].copy()
    late["t_us"] += STEPS * STEP_US
    given = firmware.vector(tiny, framed(inside, 10), np.concatenate([inside, late]))
    firmware.write_project(tmp_path, tiny, target_named("cortex-m0"), [given])
    assert firmware.run(tmp_path).passed
    path = tmp_path / "net.c"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    run = firmware.run(tmp_path)
    assert not run.passed
    assert f"FAIL: recording 0, {says}" in run.output


@pytest.mark.parametrize(("flash", "ram", "region"), [(4096, None, "FLASH"), (None, 4096, "RAM")])
def test_the_linker_enforces_the_budget(flash, ram, region, tiny, tmp_path):
    need("cortex-m4")
    firmware.write_project(tmp_path, tiny, target_named("cortex-m4"), vectors(tiny, 10), flash, ram)
    with pytest.raises(SnncError, match=rf"SNNC-E304: .*{region} is [\d,]+ bytes too small"):
        firmware.build(tmp_path)


def test_a_broken_cross_compiler_is_the_user_s(tiny, tmp_path, monkeypatch):
    need("cortex-m4")
    firmware.write_project(tmp_path / "f", tiny, target_named("cortex-m4"), vectors(tiny, 10))
    (tmp_path / "my-gcc").write_text("#!/bin/sh\necho 'licence expired' >&2\nexit 1\n")
    (tmp_path / "my-gcc").chmod(0o755)
    monkeypatch.setenv("CROSS", f"{tmp_path}/my-")
    with pytest.raises(SnncError, match=r"SNNC-E302: .*licence expired"):
        firmware.build(tmp_path / "f")
    monkeypatch.delenv("CROSS")
    (tmp_path / "f" / "net.c").write_text("#error ours\n")
    with pytest.raises(SnncError, match=r"SNNC-E303: .*ours"):
        firmware.build(tmp_path / "f")


def test_the_library_part_has_no_board_code_and_no_data(tiny, tmp_path):
    need("cortex-m4")
    firmware.write_project(tmp_path, tiny, target_named("cortex-m4"), vectors(tiny, 10))
    sizes = firmware.build(tmp_path)
    assert sizes["library_bss"] == 0
    assert sizes["library"] < sizes["flash"]
    assert "board" not in (tmp_path / "net.c").read_text()


def test_too_large_a_model_is_refused_with_numbers(attentive):
    need("cortex-m3")
    many = vectors(attentive, 18, 1) * 300
    with pytest.raises(SnncError, match=r"needs [\d,]+ bytes of flash .* has 4,194,304") as caught:
        firmware.write_project(None, attentive, target_named("cortex-m3"), many)
    assert caught.value.code.code == "SNNC-E304"


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    target = target_named("cortex-m4")
    with pytest.raises(SnncError, match="make firmware-tools") as caught:
        require_tools(target, target.boards[0])
    assert "arm-none-eabi-gcc" in str(caught.value)
    assert "qemu-system-arm" in str(caught.value)


def test_an_unknown_target_lists_the_known_ones():
    with pytest.raises(SnncError, match="cortex-m55, riscv32"):
        target_named("z80")


def test_float_models_are_refused(tmp_path):
    model = lively_network("none", input_size=(2, 10, 10), channels=(4, 4, 4), hidden=8)
    graph = import_module(model, (2, 10, 10), STEPS, name="net")
    compilation = compile_graph(graph, Framing(10, 10, STEP_US, 1))
    with pytest.raises(SnncError, match="needs an int8 model"):
        firmware.write_project(tmp_path, compilation, target_named("cortex-m4"), [])


def test_constants_over_the_flash_budget_are_refused_before_any_compiler_runs(attentive, tmp_path):
    with pytest.raises(SnncError, match=r"SNNC-E304.*constants alone are [\d,]+ bytes") as caught:
        firmware.write_project(tmp_path, attentive, target_named("cortex-m4"), [], 1000)
    assert "fc1_linear_weight" in caught.value.what
    assert list(tmp_path.iterdir()) == []
