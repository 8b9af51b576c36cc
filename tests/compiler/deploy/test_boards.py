"""The table of boards: every entry is whole, has a source, and stands for a core that exists."""

from __future__ import annotations

import pytest

from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.boards import Current, owned_boards
from snnc.compiler.deploy.targets import target_named, targets
from snnc.errors import BAD_OPTION, SnncError


@pytest.mark.parametrize("name", owned_boards())
def test_an_entry_is_whole(name):
    board = owned_boards()[name]
    assert board.name == name
    assert board.target is None or board.target in targets()
    assert 16 <= board.mhz <= 1000
    assert board.source
    assert board.flash is None or board.flash % 1024 == 0
    assert board.ram is None or board.ram % 1024 == 0
    assert board.flash is None or board.ram is None or board.ram < board.flash
    hard_float = board.core.endswith("F") or board.core in (
        "Cortex-M33",
        "Cortex-M7",
        "Cortex-M55",
        "Xtensa LX7",
    )
    assert board.fpu == hard_float
    if board.current is not None:
        assert board.current.grade in ("datasheet", "vendor", "third party")
        assert 5 < board.current.ua_per_mhz < 500
        assert 1.6 < board.current.volts < 3.7
        assert board.current.source


def test_a_name_is_no_target_of_another_kind():
    assert not set(owned_boards()) & {*targets(), "host"}


def test_energy_hangs_on_cycles_alone():
    """A millisecond of a core of 100 MHz that draws 5 mA from 3 V: 15 microjoules."""
    assert Current(50.0, 3.0, "datasheet", "").microjoules(100_000) == pytest.approx(15.0)


def test_a_board_is_its_core_with_its_own_memory():
    core, board = target_named("cortex-m0"), target_named("microbit")
    assert (board.name, board.flags, board.order) == (core.name, core.flags, core.order)
    assert (board.flash, board.ram) == (256 * 1024, 16 * 1024)
    assert core.ram == 4 * 2**20 > board.ram
    around = firmware.STACK_BYTES + firmware.RESERVED_BYTES
    assert firmware.arena_limit(board, None) == 16 * 1024 - around
    assert firmware.arena_limit(board, 8192) == 8192 - around


def test_a_board_larger_than_the_emulated_one_is_no_budget():
    teensy = target_named("teensy41")
    assert teensy.owned is not None
    assert teensy.flash_budget is None
    assert teensy.flash == 4 * 2**20 < (teensy.owned.flash or 0)


@pytest.mark.parametrize(
    ("name", "says"),
    [("z80", "a board: rp2040, rp2350"), ("esp32s3", "Xtensa LX7 core"), ("esp8266", "--package")],
)
def test_what_cannot_be_built_for_is_refused(name, says):
    with pytest.raises(SnncError) as caught:
        target_named(name)
    assert caught.value.code is BAD_OPTION
    assert says in str(caught.value)
