"""The table of firmware targets: cores, the emulated boards that run them, and what memory those
have. A board that people own stands for its core and its own memory (:mod:`.boards`)."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from snnc.compiler.deploy.boards import OwnedBoard, owned_boards
from snnc.compiler.ops.int8.synapses.rows import PLAIN
from snnc.errors import BAD_OPTION, NO_C_COMPILER, OVER_BUDGET, SnncError

INSTALL = "Run `make firmware-tools` (Debian: apt-get install "
PACKAGES = (
    "gcc-arm-none-eabi",
    "qemu-system-arm",
    "gcc-riscv64-unknown-elf",
    "qemu-system-misc",
)


MEMORIES = ("boot", "flash", "ram")


@dataclass(frozen=True)
class Board:
    """An emulated board: QEMU's program and arguments, memories as (origin, bytes)."""

    name: str
    emulator: str
    machine: tuple[str, ...]
    flash: tuple[int, int]
    ram: tuple[int, int]
    boot: tuple[int, int] | None


@dataclass(frozen=True)
class Target:
    """A core: prefix and flags of its compiler, start-up family, emulated boards in order of
    preference, the order of int8 weights that its kernels want, and the board that was named."""

    name: str
    prefix: str
    family: str
    flags: tuple[str, ...]
    boards: tuple[Board, ...]
    order: str
    owned: OwnedBoard | None = None

    @property
    def flash(self) -> int:
        """Bytes of the named board; of the largest emulated one if that is less, or none was."""
        return self.flash_budget or max(board.flash[1] for board in self.boards)

    @property
    def ram(self) -> int:
        """Bytes, as :attr:`flash`."""
        return self.ram_budget or max(board.ram[1] for board in self.boards)

    @property
    def flash_budget(self) -> int | None:
        """Bytes of the named board's, where an emulated one can hold more."""
        own = None if self.owned is None else self.owned.flash
        return own if own and own < max(board.flash[1] for board in self.boards) else None

    @property
    def ram_budget(self) -> int | None:
        """Bytes, as :attr:`flash_budget`."""
        own = None if self.owned is None else self.owned.ram
        return own if own and own < max(board.ram[1] for board in self.boards) else None


@cache
def targets() -> dict[str, Target]:
    """Every target by name, from runtime_c/targets/targets.toml."""
    text = (files("snnc") / "runtime_c" / "targets" / "targets.toml").read_text("utf-8")
    table = tomllib.loads(text)
    boards = {name: _board(name, entry) for name, entry in table["boards"].items()}
    return {
        name: Target(
            name,
            entry["prefix"],
            entry["family"],
            tuple(entry["flags"]),
            tuple(boards[board] for board in entry["boards"]),
            entry.get("order", PLAIN),
        )
        for name, entry in table["targets"].items()
    }


def _board(name: str, entry: dict[str, Any]) -> Board:
    memories = {key: (entry[key][0], entry[key][1]) for key in MEMORIES if key in entry}
    return Board(
        name,
        entry["emulator"],
        tuple(entry["machine"]),
        memories["flash"],
        memories["ram"],
        memories.get("boot"),
    )


def target_named(name: str) -> Target:
    """A core, or that of a board. Raises SnncError (BAD_OPTION) with the names that exist."""
    if name in targets():
        return targets()[name]
    if name not in owned_boards():
        raise SnncError(
            BAD_OPTION,
            f"--target {name} is not available in this version",
            hint=f"Use host, {', '.join(targets())}, or a board: {', '.join(owned_boards())}.",
        )
    return target_of(owned_boards()[name])


def target_of(owned: OwnedBoard) -> Target:
    """The core of a board with its memory. Raises SnncError (BAD_OPTION) where none is known."""
    if owned.target is None:
        raise SnncError(
            BAD_OPTION,
            f"{owned.chip} has a {owned.core} core, for which snnc knows no compiler and emulator",
            where=owned.name,
            hint="Leave --target out and use --package: its C is for any core.",
        )
    return replace(targets()[owned.target], owned=owned)


def missing_tools(target: Target, board: Board) -> list[str]:
    """Programs that building for and running on a board need and that are not there."""
    needed = ("make", f"{target.prefix}gcc", board.emulator)
    return [name for name in needed if shutil.which(name) is None]


def require_tools(target: Target, board: Board) -> None:
    """Raise SnncError (NO_C_COMPILER) unless the firmware can be built and run here."""
    if missing := missing_tools(target, board):
        raise SnncError(
            NO_C_COMPILER,
            f"{target.name} needs {' and '.join(missing)}, which cannot be found",
            hint=f"{INSTALL}{' '.join(PACKAGES)}).",
        )


def board_for(target: Target, flash: int, ram: int) -> Board:
    """The first board with room. Raises SnncError (OVER_BUDGET) with what the largest has."""
    for board in target.boards:
        if flash <= board.flash[1] and ram <= board.ram[1]:
            return board
    largest = target.boards[-1]
    raise SnncError(
        OVER_BUDGET,
        f"the test program needs {flash:,} bytes of flash and {ram:,} of RAM; {largest.name} has "
        f"{largest.flash[1]:,} and {largest.ram[1]:,}",
        hint="Embed fewer vectors (--vector-samples), or compile for a larger core.",
    )
