"""Instructions that a microcontroller executes for a model, counted in QEMU by a plugin.

Two builds of the same firmware project run the same recordings: the library as it ships gives the
total, a build that marks the end of each node's work (``SNN_PROFILE``) gives the layers. Counts are
exact and the same in every run. They are instructions: QEMU models no pipeline and no caches.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from snnc.atomic import scratch_folder
from snnc.bench.target import counting
from snnc.bench.target.counting import Sums
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.firmware import Vector
from snnc.compiler.deploy.targets import Board, Target, require_tools
from snnc.compiler.host import cache as build_cache
from snnc.compiler.host.toolchain import run_tool
from snnc.compiler.program.program import TraceEntry
from snnc.errors import C_COMPILER_FAILED, InternalError, SnncError

OUTSIDE, EVENTS, REST, END = "outside", "events", "rest", "end"
MARKS = (OUTSIDE, EVENTS, REST, END)
"""Marks beside the model's own nodes, in the order of their numbers."""

OBJECTS = ("library", "main", "mark", "startup", "semihosting", "memory")
MARKED_FLAGS = ("-DSNN_PROFILE", "-include", "board/mark.h")


@dataclass(frozen=True)
class Executed:
    """Instructions over all recordings.

    ``total`` of the library as it ships, from the reset to the scores; ``nodes`` by name, and
    ``events`` (framing) and ``rest`` (what is left after the last node), of the marked build.
    ``classes``: the library's instructions by mnemonic, and the branches that were taken.
    Setting a stage's state to its initial value counts for the stage's first node.
    """

    board: str
    total: int
    nodes: dict[str, int]
    events: int
    rest: int
    classes: dict[str, int]


def count(compilation: Compilation, target: Target, vectors: Sequence[Vector]) -> Executed:
    """Run the recordings and count.

    Raises:
        SnncError: NO_C_COMPILER without the tools, OVER_BUDGET where no board has room,
            C_COMPILER_FAILED.
        InternalError: the scores are not those of the reference.
    """
    traces = compilation.generated.traces
    with scratch_folder() as folder:
        program = prepared(folder, compilation, target, vectors)
        histogram = folder / "classes"
        shipped = [sums.instructions for sums in run(program, classes=histogram)]
        classes = counting.take_classes(histogram)
        marked = [sums.instructions for sums in run(program, MARKED_FLAGS)]
    others = dict(zip(MARKS, marked[len(traces) :], strict=True))
    nodes = by_node(traces, marked)
    in_all = _inside(program, shipped)
    return Executed(program.board.name, in_all, nodes, others[EVENTS], others[REST], classes)


def by_class(compilation: Compilation, target: Target, vectors: Sequence[Vector]) -> dict[str, int]:
    """``Executed.classes`` alone, which takes one build, or none: they are kept in the build cache.

    Raises:
        SnncError: as :func:`count`.
    """
    with scratch_folder() as folder:
        program = prepared(folder, compilation, target, vectors)
        entry, histogram = f"{_key(program)}.classes", folder / "classes"
        if not build_cache.fetch(entry, histogram):
            run(program, classes=histogram)
            build_cache.keep(entry, histogram)
        return counting.take_classes(histogram)


def _key(program: Program) -> str:
    """What a count depends on: every file of the project, the core's compiler, and the emulator."""
    target, emulator = program.target, run_tool([program.board.emulator, "--version"]).stdout
    sources = sorted(path for path in program.folder.rglob("*") if path.is_file())
    return build_cache.key([f"{target.prefix}gcc"], [*target.flags, emulator], sources)


def total(
    compilation: Compilation, target: Target, vectors: Sequence[Vector], model_flags: str
) -> int:
    """Instructions of the model alone as another build system compiles it, as ``Executed.total``.

    Args:
        compilation: the model.
        target: the core.
        vectors: the recordings.
        model_flags: of its compiler, as a makefile has them ($(CPU) are the core's).

    Raises:
        SnncError, InternalError: as :func:`count`.
    """
    with scratch_folder() as folder:
        program = prepared(folder, compilation, target, vectors)
        found = run(program, arguments=(f"MODEL={model_flags}",))
    return _inside(program, [sums.instructions for sums in found])


def _inside(program: Program, sums: Sequence[int]) -> int:
    """The sum of all marks from the reset to the scores."""
    return sum(sums) - sum(sums[program.nodes + MARKS.index(mark)] for mark in (OUTSIDE, END))


def by_node(traces: Sequence[TraceEntry], sums: Sequence[int]) -> dict[str, int]:
    """Node → the sum of its marks."""
    found: Counter[str] = Counter()
    for trace, executed in zip(traces, sums, strict=False):
        found[trace.node] += executed
    return dict(found)


@dataclass(frozen=True)
class Program:
    """A firmware project with the counting program in it.

    Attributes:
        folder: where it is.
        target, board: what it is for.
        plugin: the emulator's.
        nodes: marks of the model's nodes.
    """

    folder: Path
    target: Target
    board: Board
    plugin: Path
    nodes: int


def prepared(
    folder: Path, compilation: Compilation, target: Target, vectors: Sequence[Vector]
) -> Program:
    """Write the project. Raises SnncError as :func:`count`."""
    require_tools(target, target.boards[0])
    board = firmware.write_project(folder, compilation, target, vectors)
    require_tools(target, board)
    nodes = len(compilation.generated.traces)
    stepwise = not compilation.generated.interface.takes_window
    _write_program(folder, compilation.graph.name, nodes, stepwise)
    return Program(folder, target, board, counting.plugin(folder), nodes)


def _write_program(folder: Path, name: str, nodes: int, stepwise: bool) -> None:
    """Put the counting program in the place of the one that compares digests."""
    with as_file(files("snnc") / "runtime_c" / "targets" / "bench") as programs:
        for path in programs.iterdir():
            shutil.copy(path, folder / "board")
    lines = [
        "/* The model's names, and the marks beside its nodes. Generated by snnc. */",
        f'#include "{name}.h"',
        f"#define NET(part) {name}_##part",
        f"#define NET_CONSTANT(part) {name.upper()}_##part",
        *(f"#define MARK_{mark.upper()} {nodes + i}" for i, mark in enumerate(MARKS)),
        f"#define MARKS {nodes + len(MARKS)}",
        f"#define STEPWISE {int(stepwise)}",
    ]
    (folder / "board" / "marks.h").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(
    program: Program,
    flags: Sequence[str] = (),
    *,
    memory: bool = False,
    arguments: Sequence[str] = (),
    classes: Path | None = None,
) -> list[Sums]:
    """What every mark ended, of a build with ``flags`` beside the project's own.

    Args:
        program: the project.
        flags: of the compiler; :data:`MARKED_FLAGS` for marks at the nodes too.
        memory: count bytes too.
        arguments: further ones to make.
        classes: a file for the histogram of instructions between reset and scores.

    Raises:
        SnncError: C_COMPILER_FAILED.
        InternalError: the scores are not those of the reference.
    """
    folder, target = program.folder, program.target
    shutil.rmtree(folder / "build", ignore_errors=True)
    build = [
        f"OBJECTS={' '.join(f'build/{name}.o' for name in OBJECTS)}",
        f"CPU={' '.join((*target.flags, *flags))}",
        *arguments,
    ]
    done = _make(folder, "build/firmware.elf", *build)
    if done.returncode:
        raise SnncError(C_COMPILER_FAILED, done.stderr.strip(), where=str(folder))
    out, elf = folder / "counts", folder / "build" / "firmware.elf"
    entries = program.nodes + len(MARKS)
    told: dict[str, object] = {"memory": 1} if memory else {}
    if classes is not None:
        told |= {"classes": classes, "outside": program.nodes + MARKS.index(OUTSIDE)}
    argument = counting.plugin_argument(program.plugin, elf, target, entries, out, **told)
    done = _make(folder, "run", *build, f"QEMU={program.board.emulator} -plugin {argument}")
    if done.returncode or not out.exists():
        raise InternalError(f"the board said: {(done.stderr + done.stdout).strip()}")
    return counting.take_sums(out)


def _make(folder: Path, goal: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", goal, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
