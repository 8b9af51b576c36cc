"""Run the bundled models in int8 on every emulated board and write the tables of docs/mcu.md.

`python docs/scripts/generate_mcu.py` measures everything; `--boards cortex-m4,riscv32` and
`--models` a part of it. N-MNIST needs its recordings (SNNC_NMNIST names their folder; default
../shared/data/nmnist).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pages import read_section, write_section

from snnc.api.data.windows import calibration_windows, test_vectors
from snnc.bench.target.board_fit import fit_all, time_all
from snnc.bench.target.cycles import figures
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.boards import owned_boards
from snnc.compiler.deploy.firmware import Vector
from snnc.compiler.deploy.targets import targets
from snnc.compiler.frontend.source import SourceModel, load_source
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.int8.synapses.rows import OWN, PLAIN
from snnc.compiler.plan import recompute
from snnc.compiler.plan.input_buffer import WINDOW, Buffering, buffered
from snnc.compiler.verify.board import verify_on_board
from snnc.errors import OVER_BUDGET, SnncError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "mcu.md"
NMNIST = os.environ.get("SNNC_NMNIST", str(ROOT / "../shared/data/nmnist"))
DATA = {"nmnist": f"nmnist:{NMNIST}", "gesture_sim": "gesture-sim"}
MODELS = [f"{data}_{attention}" for data in DATA for attention in ("none", "asa1")]
SAMPLES, CALIBRATION = 20, 16


@dataclass
class Case:
    """A bundled model with its calibration windows and its test vectors."""

    name: str
    source: SourceModel
    windows: list[Array]
    vectors: list[Vector]

    def compiled(
        self, arena_bytes: int | None, buffering: Buffering = WINDOW, order: str = PLAIN
    ) -> Compilation:
        """The int8 model in an arena, its weights in the order of a core's kernels."""
        return compile_graph(
            self.source.graph(),
            self.source.framing,
            calibration=self.windows,
            arena_bytes=arena_bytes,
            buffering=buffering,
            order=order,
        )

    @property
    def small(self) -> Buffering:
        """The buffering that takes least memory: one frame, or the largest recording packed."""
        if self.name.endswith("none"):
            return Buffering(frames=1)
        return Buffering(events=max(len(vector.events) for vector in self.vectors))


def case(name: str) -> Case:
    """Load a model, calibrate it on training recordings, and make vectors of test recordings."""
    source = load_source(str(ROOT / "models" / "zoo" / f"{name}.pt"))
    data = DATA[name.rsplit("_", 1)[0]]
    windows = list(calibration_windows(source, data, CALIBRATION))
    made = Case(name, source, windows, [])
    compilation = made.compiled(None)
    made.vectors += test_vectors(source, compilation, data, "test", SAMPLES)
    return made


def boards(given: Case, names: list[str]) -> Iterator[str]:
    """A row for each core: where it ran, what was compared, what differed."""
    for name in names:
        target = targets()[name]
        try:
            limit = firmware.arena_limit(target, None)
            compilation = given.compiled(limit, order=target.order)
            result = verify_on_board(compilation, target, given.vectors)
        except SnncError as error:
            if error.code is not OVER_BUDGET:
                raise
            yield f"| {given.name} | {name} | does not fit: {error.what} | | | | |"
            continue
        ram = compilation.generated.plan.size
        yield (
            f"| {given.name} | {name} | {result.board} | {result.samples} | "
            f"{result.compared:,} | {len(result.failures)} | {ram:,} | {result.stack:,} |"
        )


def smallest(given: Case) -> Iterator[str]:
    """A row for the least memory: linked into exactly that budget on the M4, and run there."""
    target, held = targets()["cortex-m4"], given.small
    least = recompute.choices(buffered(given.compiled(None).graph, held))[-1].arena.size
    compilation = given.compiled(least, held, target.order)
    ram = least + firmware.STACK_BYTES + firmware.RESERVED_BYTES
    result = verify_on_board(compilation, target, given.vectors, ram)
    with tempfile.TemporaryDirectory() as folder:
        firmware.write_project(Path(folder), compilation, target, given.vectors[:1], None, ram)
        flash = firmware.build(Path(folder))["library"]
    option = f"--max-events {held.events}" if held.events else f"--max-frames {held.frames}"
    yield (
        f"| {given.name} | `{option}` | {ram:,} | {least:,} | {flash:,} | {result.stack:,} | "
        f"{result.samples} | {len(result.failures)} |"
    )


def choices(given: Case) -> Iterator[str]:
    """A row for each choice of what to recompute, with and without the small buffer."""
    whole = given.compiled(None)
    for buffering in (WINDOW, given.small):
        graph = buffered(whole.graph, buffering)
        for choice in recompute.choices(graph):
            names = [name for name in sorted(choice.recomputed) if name.endswith("_conv")]
            layers = ", ".join(name.removesuffix("_conv") for name in names) or "nothing"
            held = "all frames"
            if buffering.events:
                held = f"{buffering.events:,} packed events"
            elif buffering.frames:
                held = f"{buffering.frames} frame"
            yield (
                f"| {given.name} | {held} | {layers} | {choice.executions} | "
                f"{choice.arena.size:,} | {choice.arena.lower_bound:,} |"
            )


def fits(given: Case) -> Iterator[str]:
    """A row for each board by name: whether the model fits, and what a window takes there."""
    whole = given.compiled(None, order=OWN)
    found = fit_all(whole, list(owned_boards().values()))
    times = time_all(whole, given.vectors[:1], found, lambda *_: None)
    for fit in found:
        answer = {True: "yes", False: "no", None: "not known"}[fit.fits]
        flash, ram = (f"{-(-size // 1024):,}" for size in (fit.flash, fit.ram))
        again = str(fit.recomputed) if fit.fits else ""
        estimate = times.get(fit.board.name)
        cells = ("",) * 4 if estimate is None else figures(estimate)
        row = (given.name, fit.board.name, answer, flash, ram, again, *cells)
        yield f"| {' | '.join(row)} |"


COLUMNS = {
    "fits": "model board fits flash,_KB: RAM,_KB: computed_again: M_cycles: ms: of_real_time: mJ:",
    "boards": "model core board recordings: compared: differences: arena: stack:",
    "smallest": "model option RAM: arena: library_flash: stack_used: recordings: differences:",
    "choices": "model events recomputed more_runs: arena: least_possible:",
}
"""Headings of the tables; a colon aligns to the right."""


def head(section: str) -> list[str]:
    """The first two lines of a table."""
    names = COLUMNS[section].split()
    titles = " | ".join(name.strip(":").replace("_", " ") for name in names)
    lines = " | ".join("--:" if name.endswith(":") else "---" for name in names)
    return [f"| {titles} |", f"| {lines} |"]


def write(section: str, rows: list[str]) -> None:
    """Put rows into a section of the page; those of the same model and core are replaced."""
    old = read_section(PAGE, section).splitlines()[2:]
    new = {_key(section, row) for row in rows}
    kept = [row for row in old if _key(section, row) not in new]
    write_section(PAGE, section, "\n".join([*head(section), *sorted(kept + rows, key=_order)]))


def _key(section: str, row: str) -> tuple[str, ...]:
    """What a row is about: a model, and for boards a core."""
    parts = [part.strip() for part in row.split("|")]
    return tuple(parts[1:3] if section in ("boards", "fits") else parts[1:2])


def _order(row: str) -> tuple[int, int]:
    model, core = _key("boards", row)
    places = [*targets(), *owned_boards()]
    return MODELS.index(model), places.index(core) if core in places else 0


def main() -> None:
    """Measure, and write the page as results come in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", default=",".join(targets()))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--sections", default=",".join(COLUMNS))
    given = parser.parse_args()
    sections = given.sections.split(",")
    for name in given.models.split(","):
        model = case(name)
        for section, rows_of in (("choices", choices), ("smallest", smallest), ("fits", fits)):
            if section in sections:
                write(section, list(rows_of(model)))
        for board in given.boards.split(",") if "boards" in sections else ():
            rows = list(boards(model, [board]))
            print(*rows, sep="\n", file=sys.stderr, flush=True)
            write("boards", rows)


if __name__ == "__main__":
    main()
