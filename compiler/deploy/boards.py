"""The table of boards that people own: core, memories, clock, current, each with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Current:
    """What a core draws while it runs code, as somebody published it.

    Attributes:
        ua_per_mhz: microamperes for each megahertz of the clock.
        volts: of the supply.
        grade: datasheet, vendor (its other pages) or third party.
        source: who says so, of what.
    """

    ua_per_mhz: float
    volts: float
    grade: str
    source: str

    def microjoules(self, cycles: float) -> float:
        """Energy of so many cycles, which does not hang on the clock."""
        return self.ua_per_mhz * self.volts * cycles * 1e-6


@dataclass(frozen=True)
class OwnedBoard:
    """A board by its name. What nobody was found to publish is None.

    Attributes:
        name: what ``--target`` takes.
        board, chip, core: as their makers call them.
        target: the instruction set in the table of targets.
        flash, ram: bytes.
        mhz: its highest clock.
        fpu: whether it has float32 in hardware.
        flash_wait: cycles that a read of its flash waits at that clock.
        flash_line: bytes that such a read brings.
        source: of these figures.
        current: what it draws.
    """

    name: str
    board: str
    chip: str
    core: str
    target: str | None
    flash: int | None
    ram: int | None
    mhz: float
    fpu: bool
    source: str
    current: Current | None
    flash_wait: int | None = None
    flash_line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Its entry in the JSON of ``snnc boards``."""
        entry = {key: value for key, value in vars(self).items() if key != "current"}
        return {**entry, "current": None if self.current is None else vars(self.current)}


@cache
def owned_boards() -> Mapping[str, OwnedBoard]:
    """Every board by name, from runtime_c/targets/boards.toml."""
    text = (files("snnc") / "runtime_c" / "targets" / "boards.toml").read_text("utf-8")
    return {name: _board(name, entry) for name, entry in tomllib.loads(text).items()}


def _board(name: str, entry: dict[str, Any]) -> OwnedBoard:
    current = entry.pop("current", None)
    optional: dict[str, Any] = {key: entry.pop(key, None) for key in ("target", "flash", "ram")}
    return OwnedBoard(name, **entry, **optional, current=current and Current(**current))
