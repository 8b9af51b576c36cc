"""Firmware: a project that ``make`` builds into an ELF which proves itself on an emulated board.

The model's C stays free of board code. Around it: start-up, a linker script that holds the memory
budget, and a test program with recordings and digests of the integer reference's values.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
import torch

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.codegen.c_program import is_integer
from snnc.compiler.codegen.escaping import c_string
from snnc.compiler.codegen.files import licence_files, write_files
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.footprint import check_flash
from snnc.compiler.deploy.targets import Board, Target, board_for
from snnc.compiler.host.toolchain import refusal, run_tool
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Array, Kind, TensorType
from snnc.compiler.program.program import TraceEntry
from snnc.compiler.verify.integer import run_reference
from snnc.errors import BAD_OPTION, OVER_BUDGET, SnncError

STACK_BYTES = 2048
"""Allowance of the whole test program; it reports how much it used."""

RESERVED_BYTES = 1024
"""RAM of the test program beside arena and stack."""

CODE_BYTES = 24 * 1024
"""Room for code when a board is chosen; the linker has the last word."""

FLASH_SECTIONS = (".isr_vector", ".text", ".rodata", ".data")
RAM_SECTIONS = (".stack", ".data", ".bss")

PROJECT = {"Makefile": ".", "main.c": "board", "vectors.h": "board"}
"""Files of the project made from templates, and their folders; the board's own come beside."""

PRIME, OFFSET = 16777619, 2166136261


@dataclass(frozen=True)
class Vector:
    """A recording as events (EVENT_DTYPE), the digests of its values, and its scores."""

    events: npt.NDArray[np.void]
    digests: list[int]
    scores: list[int]

    @property
    def size(self) -> int:
        """Bytes of flash."""
        return self.events.nbytes + 4 * len(self.digests) + 4 * len(self.scores)


@dataclass(frozen=True)
class Budget:
    """Bytes that the linker script gives to flash (code and constants), RAM, and stack in it."""

    flash: int
    ram: int
    stack: int


@dataclass(frozen=True)
class BoardRun:
    """What the board said: whether every value was equal, its words, and the stack it used."""

    passed: bool
    output: str
    stack: int | None


def vector(compilation: Compilation, frames: Array, events: npt.NDArray[np.void]) -> Vector:
    """A test vector from a window of counts [T, C, H, W] and the events it was made of."""
    return vector_of(compilation, *run_reference(compilation.graph, frames), events)


def vector_of(
    compilation: Compilation,
    values: Mapping[str, torch.Tensor],
    membranes: Mapping[str, torch.Tensor],
    events: npt.NDArray[np.void],
) -> Vector:
    """A test vector from the reference's values and potentials, and the events behind them."""
    graph = compilation.graph
    digests: list[int] = []
    for trace in compilation.generated.traces:
        source = values if trace.what == "value" else membranes
        given = graph[trace.node].type
        if trace.what == "membrane":
            real = given.of(Kind.REAL)  # as a cell keeps it, float32
            whole = given.stored_as(trace.c_type.removesuffix("_t"))
            given = real if trace.c_type == "float" else whole
        digests += _digests(trace, given, source[trace.node].numpy())
    scores = values[graph.outputs[0]][0].tolist()
    return Vector(events, digests, scores)


def _digests(trace: TraceEntry, given: TensorType, values: Array) -> list[int]:
    """One digest a step: d = 16777619 d + byte from 2166136261, modulo 2^32."""
    packed = np.ascontiguousarray(layout.pack(given, values)).view(np.uint8)
    steps = packed.reshape(trace.steps, trace.step_bytes)
    powers = np.full(trace.step_bytes + 1, PRIME, np.uint32)
    powers[0] = 1
    powers = np.multiply.accumulate(powers, dtype=np.uint32)
    sums = (steps.astype(np.uint32) * powers[-2::-1]).sum(axis=1, dtype=np.uint32)
    start = OFFSET * int(powers[-1])
    return [(int(value) + start) % 2**32 for value in sums]


def arena_limit(target: Target, max_ram: int | None) -> int:
    """Bytes that are left for the arena of ``max_ram``, or of the target's board."""
    return (max_ram or target.ram) - STACK_BYTES - RESERVED_BYTES


def vector_room(compilation: Compilation, target: Target) -> int:
    """Bytes of flash that the target's largest emulated board has left for test vectors."""
    largest = max(board.flash[1] for board in target.boards)
    model = compilation.generated.constant_bytes + CODE_BYTES
    return largest - max(model, target.flash_budget or 0)


def check_model(compilation: Compilation, target: Target) -> None:
    """Raise SnncError (BAD_OPTION) for a float model or one that takes no events."""
    if not is_integer(compilation.graph) or compilation.framing is None:
        raise SnncError(
            BAD_OPTION,
            f"firmware for {target.name} needs an int8 model that takes events",
            hint="Add --dtype int8 --calibrate DATA, and use a model framed by a step length.",
        )


def write_project(
    folder: Path,
    compilation: Compilation,
    target: Target,
    vectors: Sequence[Vector],
    max_flash: int | None = None,
    max_ram: int | None = None,
) -> Board:
    """Write the project and give the board it is for.

    Raises:
        SnncError: BAD_OPTION for a float model or one that takes no events; OVER_BUDGET.
    """
    graph, generated = compilation.graph, compilation.generated
    check_model(compilation, target)
    max_flash, max_ram = max_flash or target.flash_budget, max_ram or target.ram_budget
    check_flash(compilation, max_flash)
    check_events(generated.interface, vectors)
    embedded = sum(v.size for v in vectors)
    flash = generated.constant_bytes + CODE_BYTES
    ram = generated.plan.size + STACK_BYTES + RESERVED_BYTES
    board = board_for(target, max(flash, max_flash or 0) + embedded, max(ram, max_ram or 0))
    budget = Budget(max_flash or board.flash[1], max_ram or board.ram[1], STACK_BYTES)
    with as_file(files("snnc") / "runtime_c") as runtime:
        shutil.copytree(runtime / "include" / "snn", folder / "snn")
        texts = {**library_files(compilation), **licence_files()}
        write_files(folder, texts, compilation.generated.data)
        write_board(folder, target, board, budget)
        context = {
            "name": graph.name,
            "upper": graph.name.upper(),
            "target": target,
            "board": board,
            "vectors": vectors,
            "dropped": partial(beyond_window, generated.interface),
            "stepwise": not generated.interface.takes_window,
            "entries": _entries(generated.traces),
            "event_lines": _event_lines,
            "number_lines": _number_lines,
        }
        for name, place in PROJECT.items():
            _write_rendered(f"{name}.j2", folder / place / name, context)
    return board


def write_board(folder: Path, target: Target, board: Board, budget: Budget) -> None:
    """Write what any program on a board needs into ``folder``/board: start-up code, semihosting,
    memory functions, and the linker script that holds the budget."""
    with as_file(files("snnc") / "runtime_c" / "targets") as sources:
        shutil.copytree(sources / "common", folder / "board")
        for path in (sources / target.family).iterdir():
            shutil.copy(path, folder / "board")
    context = {"target": target, "board": board, "budget": budget}
    _write_rendered("board.ld.j2", folder / "board" / "board.ld", context)


def library_files(compilation: Compilation) -> dict[str, str]:
    """The model's C, without example and build files; with the runtime where it brings its own."""
    name, given = compilation.graph.name, compilation.generated.files
    own = (f"{name}.c", f"{name}.h", f"{name}_weights.h")
    return {path: given[path] for path in given if path in own or path.startswith("snn/")}


def check_events(interface: Interface, vectors: Iterable[Vector]) -> None:
    """Raise SnncError (BAD_OPTION) for a recording with more events than the model holds."""
    if interface.max_events is None or interface.dt_us is None:
        return
    most = max((len(v.events) - beyond_window(interface, v.events) for v in vectors), default=0)
    if most > interface.max_events:
        raise SnncError(
            BAD_OPTION,
            f"a recording has {most:,} events in its window and --max-events is "
            f"{interface.max_events:,}",
            where=interface.name,
            hint=f"Give --max-events {most} or more, or other recordings.",
        )


def beyond_window(interface: Interface, events: npt.NDArray[np.void]) -> int:
    """How many of a recording's events come after the last step, for a model framed by time."""
    window_us = (interface.dt_us or 0) * interface.time_steps
    return int((events["t_us"] - events["t_us"][:1] >= window_us).sum())


def _write_rendered(template: str, path: Path, context: dict[str, Any]) -> None:
    """Write a template of targets/project, rendered."""
    text = (files("snnc") / "runtime_c" / "targets" / "project" / template).read_text("utf-8")
    path.write_text(_render(text, context), encoding="utf-8")


def _render(text: str, context: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["c_string"] = c_string
    return environment.from_string(text).render(context)


def _entries(traces: Iterable[TraceEntry]) -> list[dict[str, Any]]:
    entries, first = [], 0
    for trace in traces:
        suffix = "" if trace.what == "value" else " potential"
        entries.append(
            {"name": trace.node + suffix, "step_bytes": trace.step_bytes, "first": first}
        )
        first += trace.steps
    return entries


def _event_lines(events: npt.NDArray[np.void]) -> Iterable[str]:
    texts = [f"{{{t}u, {x}, {y}, {p}}}" for t, x, y, p in events.tolist()]
    for start in range(0, len(texts), 8):
        yield ", ".join(texts[start : start + 8]) + ","


def _number_lines(values: Sequence[int]) -> Iterable[str]:
    for start in range(0, len(values), 8):
        yield ", ".join(f"0x{value:08x}u" for value in values[start : start + 8]) + ","


def build(folder: Path) -> dict[str, int]:
    """Run make, and measure bytes: ``library`` code and constants of the model alone, ``flash`` of
    the test program without its vectors, ``ram`` of it with arena and stack.

    Raises:
        SnncError: OVER_BUDGET where it does not fit the linker script, C_COMPILER_FAILED, and
            NO_C_COMPILER for a compiler that is broken.
    """
    done = _make(folder, "size")
    if done.returncode:
        overflows = re.findall(r"region `(\w+)' overflowed by (\d+) bytes", done.stderr)
        if overflows:
            what = "; ".join(
                f"{region} is {int(size):,} bytes too small" for region, size in overflows
            )
            raise SnncError(OVER_BUDGET, what, where=str(folder))
        said = [line for line in done.stderr.splitlines() if "error" in line] or ["make failed"]
        raise refusal([*_compiler(folder), "-c"], said[0], done.stderr, folder)
    text, data, bss = map(int, done.stdout.splitlines()[1].split()[:3])
    sections = {
        name: int(size, 16)
        for name, size in re.findall(r"^(\.\w+)\s+(0x[0-9a-f]+)", done.stdout, re.MULTILINE)
    }
    return {
        "library": text + data,
        "library_bss": bss,
        "flash": sum(
            sections.get(name, 0) for name in (".isr_vector", ".text", ".rodata", ".data")
        ),
        "ram": sum(sections.get(name, 0) for name in (".stack", ".data", ".bss")),
        "stack": sections.get(".stack", 0),
    }


def run(folder: Path, seconds: float = 600.0) -> BoardRun:
    """Build and run the vectors in QEMU.

    Raises:
        SnncError: C_COMPILER_FAILED, OVER_BUDGET.
    """
    build(folder)
    done = subprocess.run(
        ["make", "-s", "run"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    said = done.stderr + done.stdout  # semihosting writes to standard error
    stack = re.search(r"^stack (\d+) bytes$", said, re.MULTILINE)
    passed = done.returncode == 0 and re.search(r"^PASS \d+ recordings$", said, re.MULTILINE)
    return BoardRun(bool(passed), said.strip(), int(stack[1]) if stack else None)


def _compiler(folder: Path) -> list[str]:
    """The compiler of a project, with the options for its core."""
    rule = "snnc-compiler: ; @echo $(CC) $(CPU)"
    said = run_tool(["make", "-s", "-C", str(folder), "--eval", rule, "snnc-compiler"])
    return said.stdout.split()


def _make(
    folder: Path, goal: str, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", goal]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
