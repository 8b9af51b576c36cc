"""The shipped library on every way in: whatever way a window takes, it gives the same bits.

The library is the one in the folder, built without counters and traces. What it gives for frames is
compared with the observed build of the same sources (the artefact link); then everything else with
that (the paths link): events, steps, a window that is not the first, two instances at a time,
threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.host.model import Frames, HostModel, Pushed, Scores
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.verify.chain.links import ARTEFACT, PATHS
from snnc.compiler.verify.chain.proof import Verification
from snnc.errors import RUNTIME_STATUS, SnncError

Outputs = Mapping[str, Scores | npt.NDArray[np.uint32]]
BEGINNING = "the beginning of the window"
"""Beside the outputs of a window whose first event comes after a step: its ``first_us``."""

DROPPED = "the number of events after the last step"
"""Beside the outputs of a window of events: its ``dropped``."""

GARBAGE = 0x4B
"""What fills the arena before the first window: no value may come from what lay there. As a float
it is 13 million, as an integer of any width large too, so that what is not cleared shows."""


@dataclass(frozen=True)
class Library:
    """A shared library and its sizes."""

    path: Path
    interface: Interface


class Paths:
    """Runs one library in every way and compares.

    Args:
        library: what ships.
        graph: the graph that it computes.
        result: where the links are kept.
        single: the same model for one thread, where ``library`` is for more.
    """

    def __init__(
        self, library: Library, graph: Graph, result: Verification, single: Library | None = None
    ) -> None:
        self.interface = library.interface
        self.graph = graph
        self.result = result
        self.main, self.other = (
            HostModel(library.path, library.interface, guarded=True) for _ in range(2)
        )
        self.single = None if single is None else HostModel(single.path, single.interface)
        self.lesser = {
            level: HostModel(library.path, library.interface, team=False, level=level)
            for level in self.main.levels[1:]
        }
        self._previous: tuple[Frames, Outputs] | None = None

    @property
    def levels(self) -> tuple[str, ...]:
        """The library's levels that are run and compared: first the one that it chooses here."""
        return self.main.levels

    def verify(
        self,
        frames: Array,
        expected: Outputs,
        pushed: Pushed | None = None,
        *,
        links: tuple[str, str] = (ARTEFACT, PATHS),
    ) -> None:
        """Run one window in every way.

        Args:
            frames: input [T, *shape].
            expected: the outputs of the observed build.
            pushed: the events that make these frames.
            links: where the artefact's and the paths' numbers are kept.
        """
        artefact, paths = links
        window = layout.frames(self.graph["input"].type, frames)
        self.main.init(fill=GARBAGE)
        first = self._run(self.main, window)
        self._compare(artefact, "the library's outputs", expected, first)
        ways: dict[str, Callable[[], Outputs]] = {
            "a second window after reset": lambda: self._run(self.main, window)
        }
        if self.interface.streams:
            ways["step by step"] = lambda: self._stepped(window)
        for level, host in self.lesser.items():
            ways[f"level {level}"] = partial(self._run, host, window)
        for name, way in ways.items():
            self._compare(paths, name, first, _tried(way))
        if pushed is not None and self.interface.takes_events:
            beyond = np.array([len(pushed.events) - int(np.sum(frames))], np.uint32)
            given = _tried(lambda: self._pushed(pushed))
            self._compare(paths, "events", {**first, DROPPED: beyond}, given)
        if pushed is not None and self._can_begin_late(pushed):
            later = self._run(self.main, np.concatenate([np.zeros_like(window[:1]), window[:-1]]))
            expected = {**later, BEGINNING: self._beginning(pushed)}
            late = _tried(lambda: self._late(pushed))
            self._compare(paths, "events from step 1 on", expected, late)
        if self.single is not None:
            self._compare(paths, "threads", self._run(self.single, window), first)
        if self._previous is not None:
            before, known = self._previous
            now, then = self._interleaved(window, before)
            self._compare(paths, "two instances", first, now)
            self._compare(paths, "two instances", known, then)
        self._previous = window, first
        strayed = self.main.strayed or self.other.strayed
        self.result.chain[paths].check("memory beside the arena").add(1, int(strayed))

    def _run(self, host: HostModel, window: Frames) -> Outputs:
        host.reset()
        host.run_frames(window)
        return self._outputs(host)

    def _outputs(self, host: HostModel) -> Outputs:
        return {output.name: host.output(output.name) for output in self.interface.outputs}

    def _pushed(self, pushed: Pushed) -> Outputs:
        self.other.reset()
        self.other.run_events(pushed.events, pushed.start)
        dropped = np.array([self.other.net.dropped], np.uint32)
        return {**self._outputs(self.other), DROPPED: dropped}

    def _can_begin_late(self, pushed: Pushed) -> bool:
        """Whether a step can be computed before the first event, which then begins the next one."""
        begins = len(pushed.events) > 0 and pushed.start in (None, int(pushed.events["t_us"][0]))
        whole = self.interface.takes_window and self.interface.takes_events
        return begins and whole and self.interface.streams and self.interface.time_steps > 1

    def _late(self, pushed: Pushed) -> Outputs:
        self.other.reset()
        self.other.step()
        self.other.push_events(pushed.events)
        self.other.run()
        begun = np.array([self.other.net.first_us], np.uint32)
        return {**self._outputs(self.other), BEGINNING: begun}

    def _beginning(self, pushed: Pushed) -> npt.NDArray[np.uint32]:
        """When a window began whose first event begins step 1, microseconds modulo 2^32."""
        first = np.asarray(pushed.events["t_us"][:1], np.uint32)
        return first - np.uint32(self.interface.dt_us or 0)

    def _push(self, host: HostModel, window: Frames) -> None:
        host.reset()
        if self.interface.takes_window:
            host.push_frames(window)

    def _step(self, host: HostModel, window: Frames, step: int) -> None:
        if not self.interface.takes_window:
            host.push_frame(window[step])
        host.step()

    def _stepped(self, window: Frames) -> Outputs:
        """Step by step, with the outputs of the steps so far read after each."""
        self._push(self.main, window)
        for step in range(self.interface.time_steps):
            self._step(self.main, window, step)
            given = self._outputs(self.main)
        return given

    def _interleaved(self, window: Frames, before: Frames) -> tuple[Outputs, Outputs]:
        """Two windows in two instances, in turn as finely as the model lets them."""
        pairs = ((self.main, window), (self.other, before))
        for host, given in pairs:
            self._push(host, given)
        for step in range(self.interface.time_steps if self.interface.streams else 0):
            for host, given in pairs:
                self._step(host, given, step)
        if not self.interface.streams:
            for host, _ in pairs:
                host.run()
        return self._outputs(self.main), self._outputs(self.other)

    def _compare(self, link: str, name: str, expected: Outputs, given: Outputs | str) -> None:
        """Compare bits; ``given`` may be what the library said instead of giving any."""
        kept = self.result.chain[link]
        for output, values in expected.items():
            if isinstance(given, str):
                kept.check(name).add(values.size, values.size)
                kept.report(f"{name}: {given}")
                continue
            own = given[output]
            different = values.view(np.uint32) != own.view(np.uint32)
            kept.check(name).add(different.size, int(different.sum()))
            if different.any():
                place = int(np.argmax(different))
                kept.report(
                    f"recording {self.result.samples - 1}, {name}: {output}[{place}] is "
                    f"{own[place]:.6g} and not {values[place]:.6g}"
                )


def _tried(way: Callable[[], Outputs]) -> Outputs | str:
    """What a way in gives; where the library refuses what it took another way, its words."""
    try:
        return way()
    except SnncError as error:
        if error.code is not RUNTIME_STATUS:
            raise
        return str(error)
