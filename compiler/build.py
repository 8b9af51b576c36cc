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
from snnc.compiler.interface import EVENT_DTYPE, PROTOTYPES, STATUS_NAMES, Interface
from snnc.compiler.ir import Array, Graph, Kind
from snnc.errors import (
    BAD_OPTION,
    BAD_SHAPE,
    C_COMPILER_FAILED,
    NO_C_COMPILER,
    RUNTIME_STATUS,
    SnncError,
)

WARNINGS = ("-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wdouble-promotion")
NATIVE = ("-march=native",)
HOST_FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", *WARNINGS)

Scores = npt.NDArray[np.float32] | npt.NDArray[np.int32]


def c_compiler() -> str:
    """The host's C compiler: $CC, else gcc, clang or cc. Raises SnncError (NO_C_COMPILER)."""
    for name in filter(None, (os.environ.get("CC"), "gcc", "clang", "cc")):
        if path := shutil.which(name):
            return path
    raise SnncError(NO_C_COMPILER, "none of $CC, gcc, clang and cc can be found")


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files by their path in the folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


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
        own += sorted((source.parent / "snn").rglob("*.h"))
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
    _run([c_compiler(), "-shared", *map(str, objects), "-o", str(library)], library)


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
        interface: its sizes.
    """

    def __init__(self, library: Path, interface: Interface) -> None:
        self.interface = interface
        self._ffi = cffi.FFI()
        self._ffi.cdef(
            PROTOTYPES.format(
                name=interface.name,
                scores=interface.score_type,
                fill="uint32_t pushed; int32_t newest;" if interface.max_events else "",
            )
        )
        self._lib: Any = self._ffi.dlopen(str(library))
        self.net: Any = self._ffi.new(f"{interface.name}_net *")
        self._arena = _aligned(interface.arena_bytes)
        arena = self._ffi.from_buffer(self._arena)
        self._check("init", self.net, arena, interface.arena_bytes)

    def _check(self, function: str, *args: Any) -> None:
        status = getattr(self._lib, f"{self.interface.name}_{function}")(*args)
        if status:
            raise SnncError(
                RUNTIME_STATUS,
                f"{self.interface.name}_{function} gave {STATUS_NAMES.get(status, status)}",
            )

    def reset(self) -> None:
        """Begin a new window."""
        self._check("reset", self.net)

    def push_frames(self, frames: npt.NDArray[np.uint16]) -> None:
        """Set the window from frames in memory layout, uint16 [T, H*W*C].

        Raises:
            SnncError: BAD_OPTION where the model takes one frame at a time; BAD_SHAPE for another
                number of counts, or counts that 16 bits do not hold.
        """
        if not self.interface.takes_window:
            raise self._not_taken("a window of frames", "Push one frame before each step.")
        data = self._counts(frames, self.interface.time_steps * self.interface.frame_elements)
        self._check("push_frames", self.net, data)

    def push_frame(self, frame: npt.NDArray[np.uint16]) -> None:
        """Set the frame of the step at hand, uint16 [H*W*C]. Raises as :meth:`push_frames`."""
        if self.interface.takes_window:
            raise self._not_taken("single frames", "Push the frames of the whole window.")
        self._check("push_frame", self.net, self._counts(frame, self.interface.frame_elements))

    def push_events(self, events: npt.NDArray[np.void]) -> None:
        """Add events (structured, :data:`EVENT_DTYPE`), oldest first.

        Raises:
            SnncError: BAD_OPTION where the model takes frames only.
        """
        if not self.interface.takes_events:
            raise self._not_taken("events", "Compile a model that is framed by a step length.")
        data = self._ffi.from_buffer("snn_event[]", np.ascontiguousarray(events, EVENT_DTYPE))
        self._check("push_events", self.net, data, len(events))

    def run_events(self, events: npt.NDArray[np.void]) -> None:
        """Compute a window of events in order of time; a stream takes each step's in turn."""
        if self.interface.takes_window or not len(events):
            self.push_events(events)
            self.run()
            return
        since = events["t_us"] - events["t_us"][0]
        for step in range(self.interface.time_steps):
            self.push_events(events[since // self.interface.dt_us == step])
            self.step()
        self.push_events(events[since // self.interface.dt_us >= self.interface.time_steps])

    def start(self, t_us: int) -> None:
        """Say when the window begins, microseconds modulo 2^32."""
        self._check("start", self.net, t_us % 2**32)

    def _counts(self, frames: npt.NDArray[np.uint16], size: int) -> Any:
        given = np.asarray(frames)
        data = np.ascontiguousarray(given).astype(np.uint16)
        if given.size != size or not np.array_equal(data, given):
            raise SnncError(
                BAD_SHAPE,
                f"{self.interface.name} takes {size:,} counts of 16 bits and was given "
                f"{given.size:,} of {given.dtype}",
                mend="Lay the frames out with snnc.compiler.layout.pack.",
            )
        return self._ffi.from_buffer("uint16_t[]", data)

    def _not_taken(self, what: str, mend: str) -> SnncError:
        return SnncError(BAD_OPTION, f"{self.interface.name} does not take {what}", mend=mend)

    def step(self) -> None:
        """Compute one step (streaming models)."""
        self._check("step", self.net)

    def run(self) -> None:
        """Compute the whole window."""
        self._check("run", self.net)

    def scores(self) -> Scores:
        """The class scores, float32 or int32."""
        c_type = self.interface.score_type
        scores: Scores = np.empty(self.interface.classes, layout.DTYPES[c_type])
        self._check("scores", self.net, self._ffi.from_buffer(f"{c_type}[]", scores))
        return scores

    def classify(self, frames: npt.NDArray[np.uint16]) -> Scores:
        """Scores of one window of frames in memory layout, uint16 [T, H*W*C]."""
        self.reset()
        self.run_frames(frames)
        return self.scores()

    def run_frames(self, frames: npt.NDArray[np.uint16]) -> None:
        """Compute a window of frames; one by one where the model holds fewer than a window."""
        if self.interface.takes_window:
            self.push_frames(frames)
            self.run()
            return
        for frame in frames:
            self.push_frame(frame)
            self.step()

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
        write_files(folder, files or generated.files)
        library = folder / f"{graph.name}_observed.so"
        compile_shared(
            folder / f"{graph.name}.c",
            library,
            defines=("SNN_INSTRUMENT", "SNN_TRACE"),
            flags=flags,
        )
        self.host = HostModel(library, generated.interface)
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
        counted = self.graph["input"].type.of(Kind.COUNT)
        scores = self.host.classify(layout.pack(counted, frames).astype(np.uint16))
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
