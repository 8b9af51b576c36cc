"""Cycles from counted instructions: by hand, complete, and only where they are published."""

from __future__ import annotations

import json

import pytest

from snnc.bench.target import instructions
from snnc.bench.target.cycles import CORES, Estimate, Range, estimate, model_for, models, said
from snnc.compiler.deploy.boards import owned_boards
from snnc.compiler.deploy.targets import target_named, targets
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


def test_only_published_cores_have_a_model():
    assert set(CORES) < set(targets())
    assert set(CORES.values()) < set(models())
    with_model = {name for name, board in owned_boards().items()
                  if board.target and model_for(target_named(name))}  # fmt: skip
    assert with_model == {"rp2040", "microbit", "nrf52840", "bluepill", "stm32f4", "stm32f411"}
    assert model_for(target_named("rp2040")) is models()["Cortex-M0+"]
    assert model_for(target_named("cortex-m55")) is None
    assert estimate(target_named("riscv32"), {"addi": 1}, 1, 1000) is None


def test_time_share_and_energy_follow_from_cycles():
    board = owned_boards()["nrf52840"]
    found = Estimate(models()["Cortex-M4"], Range(64e6, 128e6), 500_000, board)
    assert found.milliseconds == Range(1000.0, 2000.0)
    assert found.real_time == Range(2.0, 4.0)
    assert found.microjoules == Range(pytest.approx(9984.0), pytest.approx(19968.0))
    assert any("too slow for real time by 2 to 4 times" in line for line in said(found))
    given = found.as_json()
    assert given["grades"]["instructions"] == "counted"
    assert given["grades"]["cycles"].startswith("modelled: Arm")
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
