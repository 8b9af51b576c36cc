"""Compile generated C on the host and run it through cffi."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import numpy.typing as npt

from snnc.compiler import build_cache, layout
from snnc.compiler.codegen import Generated, Trace
from snnc.compiler.ir import Array, Graph, Kind
from snnc.errors import C_COMPILER_FAILED, NO_C_COMPILER, RUNTIME_STATUS, SnncError

WARNINGS = ("-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wdouble-promotion")
NATIVE = ("-march=native",)
HOST_FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", *WARNINGS)

_PROTOTYPES = """
typedef struct {{ uint32_t t_us; uint16_t x, y; uint8_t polarity; }} snn_event;
typedef struct {{ uint64_t ac, mac, mul, add, cmp; }} snn_counts;
typedef struct {{ unsigned char *own; const unsigned char *forced; }} snn_tap;
typedef struct {{
    unsigned char *arena; int32_t step; uint32_t started; uint32_t first_us; uint32_t dropped;
    snn_counts *counters; const snn_tap *taps;{team}
}} {name}_net;
int {name}_init({name}_net *net, void *arena, size_t bytes);
int {name}_reset({name}_net *net);
int {name}_push_events({name}_net *net, const snn_event *events, size_t count);
int {name}_push_frames({name}_net *net, const uint16_t *frames);
int {name}_step({name}_net *net);
int {name}_run({name}_net *net);
int {name}_scores({name}_net *net, {scores} *scores);
"""

_TEAM_FIELD = " const void *team;"
_TEAM_PROTOTYPES = """
void *snn_team_start(int workers);
void snn_team_stop(void *team);
"""

TEAM_SOURCES = ("team_posix.c", "team_posix.h")
"""The files of runtime_c/src that run a model's parts on threads of this machine."""

Scores = npt.NDArray[np.float32] | npt.NDArray[np.int32]

STATUS_NAMES = {
    -1: "SNN_ERR_NULL",
    -2: "SNN_ERR_ARENA_SIZE",
    -3: "SNN_ERR_ARENA_ALIGN",
    -4: "SNN_ERR_NOT_INITIALISED",
    -5: "SNN_ERR_EVENT_RANGE",
    -6: "SNN_ERR_TIME_ORDER",
    -7: "SNN_ERR_WINDOW",
    -8: "SNN_ERR_COUNT_OVERFLOW",
}

EVENT_DTYPE = np.dtype(
    {
        "names": ["t_us", "x", "y", "polarity"],
        "formats": ["<u4", "<u2", "<u2", "u1"],
        "offsets": [0, 4, 6, 8],
        "itemsize": 12,
    }
)
"""snn_event in memory."""


def c_compiler() -> str:
    """The host's C compiler: $CC, else gcc, clang or cc. Raises SnncError (NO_C_COMPILER)."""
    for name in filter(None, (os.environ.get("CC"), "gcc", "clang", "cc")):
        if path := shutil.which(name):
            return path
    raise SnncError(NO_C_COMPILER, "none of $CC, gcc, clang and cc can be found")


def compile_object(
    source: Path,
    target: Path,
    *,
    defines: Iterable[str] = (),
    flags: Sequence[str] = NATIVE,
) -> None:
    """Compile one generated .c file into a position-independent object file.

    The compiler also leaves the stack usage of each function beside it (.su).

    Args:
        source: the .c file; its folder is searched for headers.
        target: the object file to write.
        defines: macros to define (SNN_INSTRUMENT, SNN_TRACE).
        flags: further compiler flags.

    Raises:
        SnncError: NO_C_COMPILER, C_COMPILER_FAILED with the compiler's own words.
    """
    with as_file(files("snnc") / "runtime_c" / "include") as runtime:
        includes = [f"-I{source.parent}", f"-I{runtime}"]
        macros = [f"-D{name}" for name in defines]
        command = [c_compiler(), *HOST_FLAGS, "-fPIC", "-fstack-usage", *flags, *macros, *includes]
        own = sorted(source.parent.glob(f"{source.stem}*.[ch]"))
        entry = build_cache.key(command, [*own, *sorted(runtime.rglob("*.h"))])
        outputs = {f"{entry}.o": target, f"{entry}.su": target.with_suffix(".su")}
        if all(build_cache.fetch(name, path) for name, path in outputs.items()):
            return
        _run([*command, "-c", str(source), "-o", str(target)], source)
        for name, path in outputs.items():
            if path.exists():
                build_cache.keep(name, path)


def link_shared(objects: Sequence[Path], library: Path) -> None:
    """Link object files into a shared library. Raises SnncError (C_COMPILER_FAILED)."""
    _run([c_compiler(), "-shared", "-pthread", *map(str, objects), "-o", str(library)], library)


def compile_shared(
    source: Path,
    library: Path,
    *,
    defines: Iterable[str] = (),
    flags: Sequence[str] = NATIVE,
) -> None:
    """Compile one generated .c file into a shared library; see :func:`compile_object`."""
    target = library.with_suffix(".o")
    compile_object(source, target, defines=defines, flags=flags)
    link_shared([target], library)
    target.unlink()
    target.with_suffix(".su").unlink(missing_ok=True)


def write_team(folder: Path) -> Path:
    """Write the threads of :data:`TEAM_SOURCES` beside a model; gives the C file."""
    with as_file(files("snnc") / "runtime_c" / "src") as sources:
        for name in TEAM_SOURCES:
            shutil.copyfile(sources / name, folder / name)
    return folder / TEAM_SOURCES[0]


def _run(command: Sequence[str], where: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise SnncError(
            C_COMPILER_FAILED, said[0] if said else "the compiler said nothing", where=str(where)
        )


class HostModel:
    """A compiled model in this process: frames or events in, scores (and more) out.

    Args:
        library: the shared library.
        name: the model's C prefix.
        arena_bytes: size of its arena.
        classes: number of scores.
        score_type: their C type, "float" or "int32_t".
        threads: how many it was compiled for. The library of more than one holds a team, which
            runs as long as the model is open.
    """

    def __init__(
        self,
        library: Path,
        name: str,
        arena_bytes: int,
        classes: int,
        score_type: str = "float",
        threads: int = 1,
    ) -> None:
        self.name = name
        self.classes = classes
        self.score_type = score_type
        self._ffi = cffi.FFI()
        team = _TEAM_FIELD if threads > 1 else ""
        self._ffi.cdef(_PROTOTYPES.format(name=name, scores=score_type, team=team))
        self._lib: Any = self._ffi.dlopen(str(library))
        self.net: Any = self._ffi.new(f"{name}_net *")
        self._arena = _aligned(arena_bytes)
        self._check("init", self.net, self._ffi.from_buffer(self._arena), arena_bytes)
        if threads > 1:
            self._start_team(threads)

    def _start_team(self, threads: int) -> None:
        self._ffi.cdef(_TEAM_PROTOTYPES)
        team = self._lib.snn_team_start(threads)
        if team == self._ffi.NULL:
            raise SnncError(RUNTIME_STATUS, f"{threads} threads could not be started")
        self._team = self._ffi.gc(team, self._lib.snn_team_stop)
        self.net.team = self._team

    def _check(self, function: str, *args: Any) -> None:
        status = getattr(self._lib, f"{self.name}_{function}")(*args)
        if status:
            raise SnncError(
                RUNTIME_STATUS,
                f"{self.name}_{function} gave {STATUS_NAMES.get(status, status)}",
            )

    def reset(self) -> None:
        """Begin a new window."""
        self._check("reset", self.net)

    def push_frames(self, frames: npt.NDArray[np.uint16]) -> None:
        """Set the window from frames in memory layout, uint16 [T, H*W*C]."""
        data = np.ascontiguousarray(frames, dtype=np.uint16)
        self._check("push_frames", self.net, self._ffi.from_buffer("uint16_t[]", data))

    def push_events(self, events: npt.NDArray[np.void]) -> None:
        """Add events (structured, :data:`EVENT_DTYPE`), oldest first."""
        data = self._ffi.from_buffer("snn_event[]", np.ascontiguousarray(events, EVENT_DTYPE))
        self._check("push_events", self.net, data, len(events))

    def step(self) -> None:
        """Compute one step (streaming models)."""
        self._check("step", self.net)

    def run(self) -> None:
        """Compute the whole window."""
        self._check("run", self.net)

    def scores(self) -> Scores:
        """The class scores, float32 or int32."""
        scores: Scores = np.empty(self.classes, layout.DTYPES[self.score_type])
        self._check("scores", self.net, self._ffi.from_buffer(f"{self.score_type}[]", scores))
        return scores

    def classify(self, frames: npt.NDArray[np.uint16]) -> Scores:
        """Scores of one window of frames."""
        self.reset()
        self.push_frames(frames)
        self.run()
        return self.scores()

    # builds with SNN_INSTRUMENT and SNN_TRACE --------------------------------------------

    def attach_counters(self, nodes: int) -> npt.NDArray[np.uint64]:
        """Count into the array that is returned, one row (ac, mac, mul, add, cmp) a node."""
        self._counters = np.zeros((nodes, 5), np.uint64)
        self.net.counters = self._ffi.cast("snn_counts *", self._ffi.from_buffer(self._counters))
        return self._counters

    def attach_taps(
        self,
        traces: Sequence[Trace],
        own: Mapping[int, npt.NDArray[np.uint8]],
        forced: Mapping[int, npt.NDArray[np.uint8]],
    ) -> None:
        """Copy values out to ``own`` and in from ``forced``, by number of the trace entry."""
        self._taps = self._ffi.new("snn_tap[]", len(traces))
        self._kept = (dict(own), dict(forced))
        for index in range(len(traces)):
            for field_name, arrays in (("own", own), ("forced", forced)):
                if index in arrays:
                    pointer = self._ffi.from_buffer("unsigned char[]", arrays[index])
                    setattr(self._taps[index], field_name, pointer)
        self.net.taps = self._taps


def _aligned(size: int, alignment: int = 64) -> npt.NDArray[np.uint8]:
    raw = np.zeros(size + alignment, np.uint8)
    start = -raw.ctypes.data % alignment
    return raw[start : start + size]


class ObservedModel:
    """An instrumented and traced build of a graph: what each node gave, and what it executed.

    Args:
        graph: the optimised graph.
        generated: its C.
        folder: where the files are written and compiled.
        flags: further compiler flags.
        files: C files to build instead of the generated ones.
    """

    def __init__(
        self,
        graph: Graph,
        generated: Generated,
        folder: Path,
        flags: Sequence[str] = NATIVE,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.graph = graph
        self.traces = generated.traces
        for name, text in (files or generated.files).items():
            (folder / name).write_text(text, encoding="utf-8")
        library = folder / f"{graph.name}_observed.so"
        compile_shared(
            folder / f"{graph.name}.c",
            library,
            defines=("SNN_INSTRUMENT", "SNN_TRACE"),
            flags=flags,
        )
        scores = graph[graph.outputs[0]].type
        self.host = HostModel(
            library, graph.name, generated.plan.size, scores.size, layout.c_type(scores)
        )
        self._counters = self.host.attach_counters(len(graph.nodes))

    @cached_property
    def _entries(self) -> dict[tuple[str, str], int]:
        return {(trace.node, trace.what): index for index, trace in enumerate(self.traces)}

    def run(
        self,
        frames: Array,
        *,
        observe: Iterable[tuple[str, str]] = (),
        forced: Mapping[str, Array] | None = None,
    ) -> Observation:
        """Run one window.

        Args:
            frames: input counts [T, *shape].
            observe: what to record: (node, "value") or (node, "membrane").
            forced: values [T, *shape] that replace nodes' own, for everything that reads them.
        """
        own = {
            self._entries[key]: np.zeros(self._size(self._entries[key]), np.uint8)
            for key in observe
        }
        given = {
            self._entries[name, "value"]: self._packed(name, value)
            for name, value in (forced or {}).items()
        }
        self.host.attach_taps(self.traces, own, given)
        self._counters[:] = 0
        self.host.reset()
        self.host.push_frames(
            layout.pack(self.graph["input"].type.of(self.graph["input"].type.kind), frames).astype(
                np.uint16
            )
        )
        self.host.run()
        scores = self.host.scores()
        values = {key: self._unpacked(key, own[self._entries[key]]) for key in observe}
        counts = {
            node.name: dict(zip(COUNTERS, map(int, row), strict=True))
            for node, row in zip(self.graph.nodes, self._counters, strict=True)
        }
        return Observation(scores, values, counts)

    def _size(self, entry: int) -> int:
        return self.traces[entry].step_bytes * self.traces[entry].steps

    def _packed(self, name: str, value: Array) -> npt.NDArray[np.uint8]:
        packed = layout.pack(self.graph[name].type, value)
        return np.ascontiguousarray(packed).view(np.uint8).reshape(-1)

    def _unpacked(self, key: tuple[str, str], memory: npt.NDArray[np.uint8]) -> Array:
        given = self.graph[key[0]].type
        if key[1] == "membrane":
            given = given.of(Kind.REAL)
        trace = self.traces[self._entries[key]]
        stored = memory.view(layout.DTYPES[trace.c_type])
        return layout.unpack(given, stored.reshape(trace.steps, -1))


COUNTERS = ("ac", "mac", "mul", "add", "cmp")


@dataclass
class Observation:
    """Scores of a run, recorded values [T, *shape], executed operations by node."""

    scores: Scores
    values: dict[tuple[str, str], Array]
    counts: dict[str, dict[str, int]]
