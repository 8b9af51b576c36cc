"""``snnc boards``, and boards as targets."""

from __future__ import annotations

import dataclasses
import json

import pytest

from snnc.bench.target import instructions
from snnc.bench.target.board_fit import fit_all, time_all
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.boards import OwnedBoard, owned_boards
from snnc.compiler.deploy.firmware import CODE_BYTES, RESERVED_BYTES, STACK_BYTES
from snnc.compiler.deploy.targets import missing_tools, target_named
from snnc.compiler.ops.int8.synapses.rows import OWN
from snnc.compiler.plan.input_buffer import Buffering
from tests.compiler.deploy import test_cores
from tests.compiler.deploy.test_firmware import compiled, need, vectors
from tests.support.networks.lively import lively_checkpoint, lively_network, write_nmnist


@pytest.fixture(scope="module")
def attentive() -> Compilation:
    return compiled("asa1", 18, channels=(5, 33, 8))


def with_memory(ram: int | None, flash: int | None, name: str = "rp2040") -> OwnedBoard:
    known = owned_boards()["rp2040"]
    return OwnedBoard(**{**vars(known), "name": name, "ram": ram, "flash": flash})


def test_the_plan_that_computes_least_again_is_taken(attentive):
    arena = attentive.generated.plan.size
    around = STACK_BYTES + RESERVED_BYTES
    flash = attentive.generated.constant_bytes + CODE_BYTES
    boards = [
        with_memory(arena + around, flash),
        with_memory(arena + around - 1, flash),
        with_memory(around + 1000, flash),
        with_memory(arena + around, flash - 1),
        with_memory(None, flash),
        with_memory(None, flash - 1),
    ]
    whole, less, none, small, unknown, never = fit_all(attentive, boards)
    assert (whole.fits, whole.ram, whole.flash, whole.recomputed) == (
        True,
        arena + around,
        flash,
        0,
    )
    assert less.fits
    assert less.ram < whole.ram
    assert less.recomputed > 0
    assert (none.fits, none.too_large) == (False, ("RAM",))
    assert none.ram <= less.ram
    assert (small.fits, small.too_large) == (False, ("flash",))
    assert (unknown.fits, unknown.ram) == (None, whole.ram)
    assert (never.fits, never.too_large) == (False, ("flash",))


def test_what_boards_share_is_counted_once_and_kept(attentive, monkeypatch, tmp_path):
    """A run is shared where instruction set and plan are the same; the next time nothing runs."""
    need("cortex-m0")
    monkeypatch.setenv("SNNC_CACHE", str(tmp_path))
    arena, around = attentive.generated.plan.size, STACK_BYTES + RESERVED_BYTES
    flash = attentive.generated.constant_bytes + CODE_BYTES
    boards = [
        with_memory(arena + around, flash, "large"),
        with_memory(arena + around + 4096, 2 * flash, "larger"),
        with_memory(arena + around - 1, flash, "small"),
        with_memory(None, flash, "unknown"),
        with_memory(around, flash, "none"),
    ]
    fits, given, said = fit_all(attentive, boards), vectors(attentive, 18, 1), []
    times = time_all(attentive, given, fits, lambda *done: said.append(done))
    assert said == [(0, 2), (1, 2), (2, 2)]
    assert times["large"] == dataclasses.replace(times["larger"], board=boards[0])
    assert times["large"].cycles == times["unknown"].cycles
    assert times["small"].cycles.least > times["large"].cycles.least, "it computes again"
    assert "none" not in times
    monkeypatch.setattr(instructions, "run", None)
    assert time_all(attentive, given, fits, lambda *_: None) == times


def test_frames_are_as_large_as_the_counts_need():
    """Counts beyond a byte take two; packed events need no frames at all."""
    shape = (2, 14, 14)
    few, many = (
        test_cores.compiled(lively_network(input_size=shape), shape, OWN, most)
        for most in (20, 300)
    )
    board = [with_memory(None, None)]
    small, large = fit_all(few, board)[0], fit_all(many, board)[0]
    cells = 2 * 14 * 14 * few.graph.time_steps
    assert large.ram - small.ram == pytest.approx(cells, abs=256)
    assert fit_all(many, board, Buffering(events=100))[0].ram < small.ram


def test_the_command_shows_every_board(snnc, tmp_path):
    model = lively_checkpoint(tmp_path / "model.pt")
    status, out, table = snnc("boards", model, "--json", "-")
    assert status == 0
    entries = {entry["board"]["name"]: entry for entry in json.loads(out)["boards"]}
    assert set(entries) == set(owned_boards())
    for name, entry in entries.items():
        board, needs = entry["board"], entry["needs"]
        if entry["fits"] is None:
            assert None in (board["flash"], board["ram"])
        else:
            assert entry["fits"] == (
                needs["ram"] <= board["ram"] and needs["flash"] <= board["flash"]
            )
        assert name in table
    assert {entry["fits"] for entry in entries.values()} == {True, False, None}
    assert "no: RAM" in table


def test_firmware_for_a_board_keeps_its_memory(snnc, tmp_path):
    model = lively_checkpoint(tmp_path / "model.pt")
    data = f"nmnist:{write_nmnist(tmp_path)}"
    int8 = ("--dtype", "int8", "--calibrate", data, "--calibrate-samples", 2)
    target = target_named("nrf52840")
    if missing := missing_tools(target, target.boards[0]):
        pytest.skip(f"needs {', '.join(missing)}: run `make firmware-tools`")
    out = tmp_path / "out"
    command = ("compile", model, "-o", out, *int8, "--target")
    status, said, err = snnc(*command, "nrf52840", "--json", "-")
    assert status == 0, err
    manifest = json.loads(said)
    assert (manifest["target"], manifest["owned_board"]) == ("cortex-m4", "nrf52840")
    script = (out / "board" / "board.ld").read_text()
    assert "LENGTH = 1048576" in script
    assert "LENGTH = 262144" in script
    least, most = manifest["estimate"]["milliseconds"]
    assert 0 < least < most
    assert manifest["estimate"]["board"] == "nrf52840"
    assert any("nrf52840 at 64 MHz" in line for line in manifest["said"])
    assert any("a step on average" in line for line in manifest["said"])
    assert "estimate" not in json.loads((out / "manifest.json").read_text()), "it is no part of OUT"
    given = ("verify", model, "--data", data, "--samples", 1, *int8, "--compiled", out)
    assert snnc(*given, "--target", "nrf52840")[0] == 0
    status, _, err = snnc(*command, "bluepill")
    assert status == 1
    assert "E304" in err


def test_times_are_of_the_boards_that_fit(snnc, tmp_path):
    model = lively_checkpoint(tmp_path / "model.pt")
    data = f"nmnist:{write_nmnist(tmp_path)}"
    target = target_named("nrf52840")
    if missing := missing_tools(target, target.boards[0]):
        pytest.skip(f"needs {', '.join(missing)}: run `make firmware-tools`")
    few = ("--calibrate-samples", 2)
    status, out, table = snnc("boards", model, "--calibrate", data, *few, "--json", "-")
    assert status == 0
    entries = {entry["board"]["name"]: entry for entry in json.loads(out)["boards"]}
    timed = {name for name, entry in entries.items() if entry["estimate"]}
    assert {"rp2040", "nrf52840", "stm32f4"} <= timed
    assert all(entries[name]["fits"] is not False for name in timed)
    nrf, f4 = entries["nrf52840"]["estimate"], entries["stm32f4"]["estimate"]
    assert nrf["cycles"] == f4["cycles"]
    assert nrf["milliseconds"][0] == pytest.approx(f4["milliseconds"][0] * 168 / 64)
    least, most = nrf["microjoules"]
    assert 0 < least < most
    assert f4["microjoules"] is None
    assert "of real time" in table
    status, _, err = snnc("boards", model, "--calibrate", data, "--dtype", "f32")
    assert status == 2
    assert "E305" in err
