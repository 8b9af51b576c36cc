"""Run a model compiled for this machine, through cffi."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snnc.compiler.codegen.abi import (
    EVENT_DTYPE,
    STATUS_NAMES,
    TEAM_PROTOTYPES,
    Interface,
    Output,
)
from snnc.compiler.host.library import declared, levels_of, opened
from snnc.compiler.ir import layout
from snnc.errors import (
    BAD_OPTION,
    BAD_SHAPE,
    RUNTIME_STATUS,
    SnncError,
)

Scores = npt.NDArray[np.float32] | npt.NDArray[np.int32]
Frames = npt.NDArray[np.generic]
"""Numbers in memory layout: counts (uint16), or real numbers (float32)."""

WORDS = {"uint16_t": "counts of 16 bits", "float": "floats"}
"""What the numbers of a frame are called, by their C type."""


@dataclass(frozen=True)
class Pushed:
    """Events of a window (EVENT_DTYPE), oldest first, and when it begins, microseconds; None: with
    the first of them."""

    events: npt.NDArray[np.void]
    start: int | None = None


ALIGNMENT = 64
"""Of an arena, bytes."""

GUARD = 0x5C
"""What lies on both sides of a guarded arena."""

HUGE_PAGE = 1 << 21
"""Bytes of a large page of x86-64 and AArch64."""


class HostModel:
    """A compiled model in this process: frames or events in, scores (and more) out.

    Args:
        library: the shared library.
        interface: its sizes. The library of a model for more than one thread holds a team, which
            runs as long as the model is open.
        team: start that team; without one the parts of a layer run one by one.
        guarded: lay bytes on both sides of the arena that show whether the C :attr:`strayed`.
        level: run the library's code for this level (:mod:`snnc.compiler.host.levels`); default:
            the best that the processor can run.

    Raises:
        SnncError: NOT_COMPILED for a file that is no library; BAD_OPTION for a level that the
            library does not hold or the processor cannot run.
    """

    def __init__(
        self,
        library: Path,
        interface: Interface,
        *,
        team: bool = True,
        guarded: bool = False,
        level: str | None = None,
    ) -> None:
        self.interface = interface
        self.levels = levels_of(library, interface)
        """Levels of the library that this processor can run, best first; none where it was built
        for one kind of processor."""
        if level is not None:
            self._check_level(level)
        self._prefix = "" if level is None else f"{level}_"
        self._ffi = declared(interface, self._prefix)
        self._lib: Any = opened(self._ffi, library)
        self.net: Any = self._ffi.new(f"{interface.name}_net *")
        size = interface.arena_bytes
        room = -(-size // ALIGNMENT) * ALIGNMENT if guarded else 0
        memory = _aligned(size + 2 * room)
        self._guards = memory[:room], memory[room + size :]
        for guard in self._guards:
            guard[:] = GUARD
        self._arena = memory[room : room + size]
        self.init()
        if team and interface.threads > 1:
            self._start_team(interface.threads)

    def _check_level(self, level: str) -> None:
        if level not in self.levels:
            can = ", ".join(self.levels) or "none: the library was built for one kind of processor"
            raise SnncError(
                BAD_OPTION,
                f"{self.interface.name} cannot be run at level {level!r} here",
                hint=f"What can be run: {can}.",
            )

    @property
    def strayed(self) -> bool:
        """Whether the C has written beside its arena, within as many bytes as the arena has."""
        return any(bool((guard != GUARD).any()) for guard in self._guards)

    def _start_team(self, threads: int) -> None:
        self._ffi.cdef(TEAM_PROTOTYPES)
        team = self._lib.snn_team_start(threads)
        if team == self._ffi.NULL:
            raise SnncError(RUNTIME_STATUS, f"{threads} threads could not be started")
        self._team = self._ffi.gc(team, self._lib.snn_team_stop)
        self.net.team = self._team

    def _check(self, function: str, *args: Any) -> None:
        status = getattr(self._lib, f"{self._prefix}{self.interface.name}_{function}")(*args)
        if status:
            raise SnncError(
                RUNTIME_STATUS,
                f"{self.interface.name}_{function} gave {STATUS_NAMES.get(status, status)}",
            )

    def init(self, fill: int | None = None) -> None:
        """Bind the network to its arena, whose bytes are first set to ``fill`` if it is given."""
        if fill is not None:
            self._arena[:] = fill
        arena = self._ffi.from_buffer(self._arena)
        self._check("init", self.net, arena, self.interface.arena_bytes)
        if hasattr(self, "_team"):
            self.net.team = self._team

    def reset(self) -> None:
        """Begin a new window."""
        self._check("reset", self.net)

    def push_frames(self, frames: Frames) -> None:
        """Set the window from frames in memory layout, [T, H*W*C] of the interface's frame type.

        Raises:
            SnncError: BAD_OPTION where the model takes one frame at a time; BAD_SHAPE for another
                number of numbers, or counts that 16 bits do not hold; RUNTIME_STATUS for a real
                number that is not finite.
        """
        if not self.interface.takes_window:
            raise self._not_taken("a window of frames", "Push one frame before each step.")
        data = self._numbers(frames, self.interface.time_steps * self.interface.frame_elements)
        self._check("push_frames", self.net, data)

    def push_frame(self, frame: Frames) -> None:
        """Set the frame of the step at hand, [H*W*C]. Raises as :meth:`push_frames`."""
        if self.interface.takes_window:
            raise self._not_taken("single frames", "Push the frames of the whole window.")
        self._check("push_frame", self.net, self._numbers(frame, self.interface.frame_elements))

    def push_events(self, events: npt.NDArray[np.void]) -> None:
        """Add events (structured, :data:`EVENT_DTYPE`), oldest first.

        Raises:
            SnncError: BAD_OPTION where the model takes frames only.
        """
        if not self.interface.takes_events:
            raise self._not_taken("events", "Compile a model that is framed by a step length.")
        data = self._ffi.from_buffer("snn_event[]", np.ascontiguousarray(events, EVENT_DTYPE))
        self._check("push_events", self.net, data, len(events))

    def run_events(self, events: npt.NDArray[np.void], start: int | None = None) -> None:
        """Compute a window of events in order of time; a stream takes each step's in turn.

        The window begins at ``start`` microseconds, or with the first event.
        """
        if start is not None:
            self.start(start)
        if self.interface.takes_window or not len(events):
            self.push_events(events)
            self.run()
            return
        begin = events["t_us"][0] if start is None else np.uint32(start % 2**32)
        steps = (events["t_us"] - begin) // (self.interface.dt_us or 1)
        for step in range(self.interface.time_steps):
            self.push_events(events[steps == step])
            self.step()
        self.push_events(events[steps >= self.interface.time_steps])

    def start(self, t_us: int) -> None:
        """Say when the window begins, microseconds modulo 2^32."""
        self._check("start", self.net, t_us % 2**32)

    def _numbers(self, frames: Frames, size: int) -> Any:
        kind = self.interface.frame_type
        given = np.asarray(frames)
        data = np.ascontiguousarray(given).astype(layout.DTYPES[kind])
        if given.size != size or (kind != "float" and not np.array_equal(data, given)):
            raise SnncError(
                BAD_SHAPE,
                f"{self.interface.name} takes {size:,} {WORDS[kind]} and was given "
                f"{given.size:,} of {given.dtype}",
                hint="Lay the frames out with snnc.compiler.ir.layout.pack.",
            )
        return self._ffi.from_buffer(f"{kind}[]", data)

    def _not_taken(self, what: str, hint: str) -> SnncError:
        return SnncError(BAD_OPTION, f"{self.interface.name} does not take {what}", hint=hint)

    def step(self) -> None:
        """Compute one step (streaming models)."""
        self._check("step", self.net)

    def run(self) -> None:
        """Compute the whole window."""
        self._check("run", self.net)

    def scores(self) -> Scores:
        """The class scores, float32 or int32."""
        return self._copied("scores", self.interface.outputs[0])

    def output(self, name: str) -> Scores:
        """The output called ``name``, float32 or int32. Raises SnncError (BAD_OPTION)."""
        outputs = {output.name: output for output in self.interface.outputs}
        if name not in outputs:
            raise SnncError(
                BAD_OPTION,
                f"{self.interface.name} has no output {name}",
                hint=f"It has {', '.join(outputs)}.",
            )
        if outputs[name] is self.interface.outputs[0]:
            return self.scores()
        return self._copied(f"output_{name}", outputs[name])

    def _copied(self, function: str, output: Output) -> Scores:
        values: Scores = np.empty(output.size, layout.DTYPES[output.c_type])
        self._check(function, self.net, self._ffi.from_buffer(f"{output.c_type}[]", values))
        return values

    def classify(self, frames: Frames) -> Scores:
        """Scores of one window of frames in memory layout, [T, H*W*C]."""
        self.reset()
        self.run_frames(frames)
        return self.scores()

    def run_frames(self, frames: Frames) -> None:
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
        entries: int,
        own: Mapping[int, npt.NDArray[np.uint8]],
        forced: Mapping[int, npt.NDArray[np.uint8]],
    ) -> None:
        """Copy values out to ``own`` and in from ``forced``, by number of the trace entry.

        The trace table has at most ``entries`` entries.
        """
        self._taps = self._ffi.new("snn_tap[]", entries)
        self._kept = (dict(own), dict(forced))
        for index in range(entries):
            for field_name, arrays in (("own", own), ("forced", forced)):
                if index in arrays:
                    pointer = self._ffi.from_buffer("unsigned char[]", arrays[index])
                    setattr(self._taps[index], field_name, pointer)
        self.net.taps = self._taps


def _aligned(size: int, alignment: int = ALIGNMENT) -> npt.NDArray[np.uint8]:
    """Zeros; a large block in pages of 2 MiB where the system has them, as it is swept from end to
    end at every step."""
    if size < HUGE_PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        raw = np.zeros(size + alignment, np.uint8)
        start = -raw.ctypes.data % alignment
        return raw[start : start + size]
    block = mmap.mmap(-1, size + 2 * HUGE_PAGE)
    with suppress(OSError):  # a system without them gives ordinary pages
        block.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(block, np.uint8)
    start = -raw.ctypes.data % HUGE_PAGE
    return raw[start : start + size]
