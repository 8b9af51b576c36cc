"""Cycles from counted instructions, by models of three kinds (runtime_c/targets/cycles.toml).

A range, of what a model knows: where the maker publishes a table, from every load pipelined and
every branch foreseen to none of it; where nobody does, the bounds of the pipeline, or the cycles
that an instruction of another program takes. Waiting for flash is apart (:attr:`Estimate.waits`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from snnc.compiler.deploy.boards import OwnedBoard
from snnc.compiler.deploy.targets import Target
from snnc.errors import InternalError

TAKEN = "taken"
"""The plugin's class of branches that were taken."""

CORES = {name: name.title() for name in (f"cortex-m{kind}" for kind in (0, 3, 4, 7, 33, 55))}
"""Targets that are one core, and the cores of :func:`models`."""

LOADS = re.compile(r"ldr|ldm|pop|vld|l(w|h|hu|b|bu)$")
"""Mnemonics that read memory."""


@dataclass(frozen=True)
class Range:
    """Least and most."""

    least: float
    most: float

    def times(self, factor: float) -> Range:
        """Both ends times a factor."""
        return Range(self.least * factor, self.most * factor)

    def as_json(self) -> list[float]:
        """Both ends."""
        return [self.least, self.most]


@dataclass(frozen=True)
class CycleModel:
    """What the instructions of a core take.

    Attributes:
        core: its name, or that of a chip whose core has none.
        target: the instruction set.
        kind: table, bounds or scaled.
        source: who says so.
        coremark: published scores a MHz, to compare with.
        each: cycles of what no rule names.
        taken: cycles of a taken branch beyond its own.
        rules: patterns of mnemonics with least and most cycles; the first that fits.
    """

    core: str
    target: str
    kind: str
    source: str
    coremark: str
    each: Range
    taken: Range
    rules: tuple[tuple[re.Pattern[str], Range], ...]

    def cycles(self, classes: Mapping[str, int]) -> Range:
        """Cycles of executed instructions, by the plugin's classes.

        Raises:
            InternalError: instructions that the emulator could not name.
        """
        least = most = 0.0
        for name, executed in classes.items():
            each = self.taken if name == TAKEN else self._one(name)
            least, most = least + executed * each.least, most + executed * each.most
        return Range(least, most)

    def _one(self, name: str) -> Range:
        mnemonic, _, registers = name.partition("/")
        if mnemonic == "unknown":
            raise InternalError("the emulator names no mnemonic for some instructions")
        own = next((r for pattern, r in self.rules if pattern.match(mnemonic)), self.each)
        more = self.each.times(int(registers or 0))
        return Range(own.least + more.least, own.most + more.most)


@cache
def models() -> Mapping[str, CycleModel]:
    """Every model by its core, from runtime_c/targets/cycles.toml."""
    text = (files("snnc") / "runtime_c" / "targets" / "cycles.toml").read_text("utf-8")
    return {core: _model(core, entry) for core, entry in tomllib.loads(text).items()}


def _model(core: str, entry: Mapping[str, Any]) -> CycleModel:
    rules = tuple((re.compile(p), Range(least, most)) for p, least, most in entry["rules"])
    each, taken = Range(*entry.get("each", (1, 1))), Range(*entry["taken"])
    target, kind, source = (entry[key] for key in ("target", "kind", "source"))
    scores = entry.get("coremark", "none found")
    return CycleModel(core, target, kind, source, scores, each, taken, rules)


def model_for(target: Target) -> CycleModel | None:
    """The model of a board's chip or core, or of a target's; None where there is none."""
    if target.owned is None:
        return models().get(CORES.get(target.name, ""))
    core = target.owned.core.split(" (")[0].removesuffix("F")
    return models().get(target.owned.chip) or models().get(core)


def why_none(target: Target) -> str:
    """Why a core has no model, in one sentence."""
    if target.owned is None:
        return f"{target.name} is many cores: name a board for its cycles (snnc boards)"
    return f"nobody publishes what an instruction takes on the {target.owned.chip}"


def at_clock(cycles: Range, board: OwnedBoard | None) -> Range | None:
    """Milliseconds of cycles at a board's clock; None where no board was named."""
    return None if board is None else cycles.times(1e-3 / board.mhz)


@dataclass(frozen=True)
class Estimate:
    """What one window of a model takes on a core, and on a board.

    Attributes:
        model: the core's.
        cycles: of a window.
        window_us: how long the window is; None where no step has a length.
        board: where one was named.
        waits: cycles more at most, where no access to the board's flash hits a cache or is
            fetched ahead; None where its wait states are not known.
    """

    model: CycleModel
    cycles: Range
    window_us: int | None
    board: OwnedBoard | None
    waits: float | None = None

    @property
    def milliseconds(self) -> Range | None:
        """At the board's clock."""
        return at_clock(self.cycles, self.board)

    @property
    def real_time(self) -> Range | None:
        """Share of the window that computing it takes; above 1 it is too slow."""
        if self.milliseconds is None or self.window_us is None:
            return None
        return self.milliseconds.times(1e3 / self.window_us)

    @property
    def microjoules(self) -> Range | None:
        """Of the core, by the current that somebody published."""
        if self.board is None or self.board.current is None:
            return None
        current = self.board.current
        return Range(current.microjoules(self.cycles.least), current.microjoules(self.cycles.most))

    def as_json(self) -> dict[str, Any]:
        """Every figure as [least, most], with what it is: counted, modelled or published."""
        current = None if self.board is None else self.board.current
        figures = {
            "milliseconds": self.milliseconds,
            "real_time": self.real_time,
            "microjoules": self.microjoules,
        }
        return {
            "core": self.model.core,
            "board": self.board and self.board.name,
            "cycles": self.cycles.as_json(),
            "waits": self.waits,
            **{name: value and value.as_json() for name, value in figures.items()},
            "grades": {
                "instructions": "counted",
                "cycles": f"modelled ({self.model.kind}): {self.model.source}",
                "current": current and f"{current.grade}: {current.source}",
            },
        }


def estimate(
    target: Target, classes: Mapping[str, int], windows: int, window_us: int | None
) -> Estimate | None:
    """What a window takes on average; None for a core without a model.

    Args:
        target: the core or board.
        classes: instructions of all windows, by the plugin's classes.
        windows: how many there were.
        window_us: length of one.
    """
    model = model_for(target)
    if model is None:
        return None
    cycles = model.cycles(classes).times(1 / windows)
    waits = None if target.owned is None else _waits(target.owned, classes)
    each = None if waits is None else waits / windows
    return Estimate(model, cycles, window_us, target.owned, each)


def _waits(board: OwnedBoard, classes: Mapping[str, int]) -> float | None:
    """Cycles of waiting for flash where every line of code, branch target and load waits."""
    if board.flash_wait is None or board.flash_line is None:
        return None
    executed = sum(count for name, count in classes.items() if name != TAKEN)
    loads = sum(count for name, count in classes.items() if LOADS.match(name))
    lines = 4 * executed / board.flash_line  # of instructions of four bytes
    return board.flash_wait * (lines + classes.get(TAKEN, 0) + loads)


def said(found: Estimate) -> list[str]:
    """What to print: cycles, time, share of real time, energy."""
    lines = [
        f"{shown(found.cycles.times(1e-6), 'M cycles')} a window (modelled, {found.model.kind}: "
        f"{found.model.source})"
    ]
    board, time, share = found.board, found.milliseconds, found.real_time
    if board is not None and time is not None:
        of = "" if share is None else f", {shown(share.times(100), '%')} of the window"
        lines.append(f"{board.name} at {board.mhz:g} MHz: {shown(time, 'ms')}{of}")
    if board is not None and found.waits:
        lines.append(
            f"{_three_digits(found.waits * 1e-3 / board.mhz)} ms more at most, where nothing of "
            f"its flash ({board.flash_wait} wait states) is cached or fetched ahead"
        )
    if share is not None and share.least > 1:
        lines.append(
            f"too slow for real time by {shown(share, 'times')}: a faster board (snnc boards), "
            "fewer or longer steps, fewer spikes (snnc tune) or smaller layers would help"
        )
    elif share is not None and share.most > 1:
        lines.append("real time only if loads and branches go well: measure it on the board")
    if board is not None and found.microjoules is not None and board.current is not None:
        current = board.current
        lines.append(
            f"{shown(found.microjoules, 'uJ')} of the core at {current.ua_per_mhz:g} uA/MHz, "
            f"{current.volts:g} V ({current.grade}: {current.source})"
        )
    return lines


def figures(found: Estimate) -> tuple[str, str, str, str]:
    """Cells of a table: cycles in millions, milliseconds, share of real time, millijoules."""
    time, share, energy = found.milliseconds, found.real_time, found.microjoules
    return (
        shown(found.cycles.times(1e-6), ""),
        "" if time is None else shown(time, ""),
        "" if share is None else shown(share.times(100), "%"),
        "" if energy is None else shown(energy.times(1e-3), ""),
    )


def shown(value: Range, unit: str) -> str:
    """A range with its unit, or one figure where both ends are shown alike."""
    least, most = _three_digits(value.least), _three_digits(value.most)
    both = least if least == most else f"{least} to {most}"
    return f"{both} {unit}" if unit else both


def _three_digits(value: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
