"""Cycles from counted instructions: by hand, complete, and only where they are published."""

from __future__ import annotations

import json

import pytest

from snnc.bench.target import instructions
from snnc.bench.target.cycles import (
    CORES,
    Estimate,
    Range,
    estimate,
    model_for,
    models,
    said,
    why_none,
)
from snnc.compiler.deploy.boards import owned_boards
from snnc.compiler.deploy.targets import target_named, targets
from snnc.compiler.plan.input_buffer import Buffering
from snnc.errors import InternalError
from tests.compiler.deploy.test_firmware import compiled, need, vectors
from tests.support.networks.lively import lively_checkpoint, write_nmnist


def test_an_m0_plus_by_hand():
    """push {3}, 10 adds, 4 loads, bl taken, two branches of which one is taken, pop {3, pc}."""
    classes = {"push/3": 1, "adds": 10, "ldrsb": 4, "bl": 1, "bne": 2, "pop/4": 1, "taken": 3}
    plus, plain = models()["Cortex-M0+"].cycles(classes), models()["Cortex-M0"].cycles(classes)
    assert plus == Range(4 + 10 + 8 + 2 + 2 + 5 + 3, 4 + 10 + 8 + 2 + 2 + 6 + 3)
    assert plain == Range(plus.least + 3, plus.most + 3)


def test_an_m4_by_hand():
    classes = {"ldr.w": 3, "ldrd": 1, "sxtab16": 5, "sdiv": 1, "itt": 1, "strh": 2, "taken": 2}
    assert models()["Cortex-M4"].cycles(classes) == Range(
        3 + 3 + 5 + 2 + 0 + 2 + 2, 6 + 3 + 5 + 12 + 1 + 4 + 6
    )
    with pytest.raises(InternalError):
        models()["Cortex-M4"].cycles({"unknown": 1})


def test_what_nobody_publishes_has_no_model():
    assert set(CORES) == set(targets()) - {"riscv32"}
    assert set(CORES.values()) < set(models())
    assert all(model.target in targets() for model in models().values())
    without = {
        name
        for name, board in owned_boards().items()
        if board.target and not model_for(target_named(name))
    }
    assert without == {"esp32c6"}
    assert "ESP32-C6" in why_none(target_named("esp32c6"))
    assert model_for(target_named("rp2040")) is models()["Cortex-M0+"]
    assert model_for(target_named("rp2350-riscv")) is models()["Hazard3"]
    assert model_for(target_named("esp32c3")) is models()["ESP32-C3"]
    assert model_for(target_named("nrf52840")) is models()["Cortex-M4"]
    assert estimate(target_named("riscv32"), {"addi": 1}, 1, 1000) is None
    assert "name a board" in why_none(target_named("riscv32"))


def test_hazard3_by_hand():
    """The datasheet's loop of load, store, two adds and a branch in five cycles, or up to eight."""
    classes = {"lbu": 10, "sb": 10, "addi": 20, "bltu": 10, "taken": 9, "ret": 1, "div": 1}
    assert models()["Hazard3"].cycles(classes) == Range(
        10 + 10 + 20 + 10 + 0 + 2 + 18, 20 + 10 + 20 + 10 + 18 + 1 + 19
    )


def test_bounds_hold_one_another():
    """Pairs at best; a list of registers takes what each takes; scaled ones know no classes."""
    classes = {"adds": 100, "push/3": 2, "ldrb": 10, "add.w": 10, "taken": 5}
    m7, m33 = models()["Cortex-M7"].cycles(classes), models()["Cortex-M33"].cycles(classes)
    assert m7 == Range(50 + 4 + 5 + 5, 100 + 8 + 30 + 10 + 30)
    assert m33 == Range(50 + 4 + 5 + 10, 100 + 8 + 20 + 10 + 15)
    scaled = models()["ESP32-C3"]
    cycles = scaled.cycles({"addi": 50, "lw": 50, "taken": 20})
    assert (cycles.least, cycles.most) == pytest.approx((113, 152))
    for model in models().values():
        one = model.cycles({"nop": 1000, "taken": 100})
        assert 0 < one.least <= one.most


def test_waiting_for_flash_is_a_bound_apart():
    """Lines of 16 bytes hold four instructions; each, each target and each load waits 5 cycles."""
    classes = {"adds": 80, "ldr": 15, "pop/2": 1, "str": 4, "taken": 10}
    with_flash = estimate(target_named("stm32f4"), classes, 2, None)
    assert with_flash is not None
    assert with_flash.waits == 5 * (100 / 4 + 10 + 16) / 2
    assert any("wait states" in line for line in said(with_flash))
    without = estimate(target_named("nrf52840"), classes, 2, None)
    assert without is not None
    assert without.waits is None
    assert without.cycles == with_flash.cycles


def test_time_share_and_energy_follow_from_cycles():
    board = owned_boards()["nrf52840"]
    found = Estimate(models()["Cortex-M4"], Range(64e6, 128e6), 500_000, board)
    assert found.milliseconds == Range(1000.0, 2000.0)
    assert found.real_time == Range(2.0, 4.0)
    assert found.microjoules == Range(pytest.approx(9984.0), pytest.approx(19968.0))
    assert any("too slow for real time by 2 to 4 times" in line for line in said(found))
    given = found.as_json()
    assert given["grades"]["instructions"] == "counted"
    assert given["grades"]["cycles"].startswith("modelled (table): Arm")
    assert given["grades"]["current"].startswith("vendor: Nordic")
    quick = Estimate(found.model, Range(1e6, 2e6), 500_000, board)
    assert not any("real time" in line for line in said(quick))


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4"])
def test_every_instruction_has_a_class(name):
    need(name)
    tiny = compiled("none", 10, channels=(4, 4, 4), hidden=8)
    target = target_named(name)
    executed = instructions.count(tiny, target, vectors(tiny, 10, 1))
    classes = dict(executed.classes)
    taken = classes.pop("taken")
    assert sum(classes.values()) == executed.total
    assert 0.03 < taken / executed.total < 0.3
    found = estimate(target, executed.classes, 1, None)
    assert found is not None
    assert executed.total < found.cycles.least <= found.cycles.most < 3 * executed.total


def test_steps_that_come_one_by_one_are_counted_too():
    """One frame instead of the whole window: the same work in the layers, and a step a time."""
    need("cortex-m4")
    target = target_named("cortex-m4")
    whole = compiled("none", 10, channels=(4, 4, 4), hidden=8)
    single = compiled("none", 10, channels=(4, 4, 4), hidden=8, buffering=Buffering(frames=1))
    assert not single.generated.interface.takes_window
    given = vectors(whole, 10, 1)
    one, other = (instructions.count(c, target, given) for c in (whole, single))
    assert one.nodes.keys() == other.nodes.keys()
    hidden = [name for name in one.nodes if name.startswith(("layer2", "fc"))]
    assert hidden
    for name in hidden:
        assert other.nodes[name] == pytest.approx(one.nodes[name], rel=0.05)
    assert other.events > one.events
    assert one.total < other.total < 1.3 * one.total


def test_a_core_without_a_model_is_said(snnc, tmp_path):
    need("riscv32")
    data = f"nmnist:{write_nmnist(tmp_path)}"
    model = lively_checkpoint(tmp_path / "model.pt")
    command = ("compile", model, "-o", tmp_path / "out", "--dtype", "int8", "--calibrate", data)
    status, _, said = snnc(*command, "--calibrate-samples", 2, "--target", "riscv32", "--json", "-")
    assert status == 0
    assert "no cycles: riscv32 is many cores" in said


def test_the_command_says_how_long_a_window_takes(snnc, tmp_path):
    need("cortex-m0")
    data = f"nmnist:{write_nmnist(tmp_path)}"
    model = lively_checkpoint(tmp_path / "model.pt")
    command = ("bench", model, "--target", "rp2040", "--data", data, "--samples", 1, "--json", "-")
    status, out, table = snnc(*command)
    assert status == 0
    found = json.loads(out)["estimate"]
    assert found["board"] == "rp2040"
    least, most = found["milliseconds"]
    assert 0 < least <= most
    assert found["microjoules"] is None, "nobody publishes its current"
    assert "rp2040 at 133 MHz" in table
