"""Run a model with its values and operation counts observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from snnc.compiler.codegen.c_program import Generated
from snnc.compiler.codegen.files import write_files
from snnc.compiler.host.build import NATIVE, compile_shared
from snnc.compiler.host.model import HostModel, Pushed, Scores
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Array, Graph, Kind, TensorType

COUNTERS = ("ac", "mac", "mul", "add", "cmp")


@dataclass
class Observation:
    """Outputs of a run by name, the scores first; recorded values [T, *shape]; executed operations
    by node."""

    outputs: dict[str, Scores]
    values: dict[tuple[str, str], Array]
    counts: dict[str, dict[str, int]]

    @property
    def scores(self) -> Scores:
        """The first output."""
        return next(iter(self.outputs.values()))


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
        write_files(folder, files or generated.files, generated.data)
        library = folder / f"{graph.name}_observed.so"
        compile_shared(
            folder / f"{graph.name}.c",
            library,
            defines=("SNN_INSTRUMENT", "SNN_TRACE"),
            flags=flags,
        )
        self.host = HostModel(library, generated.interface, team=False)  # counters are not shared
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
        pushed: Pushed | None = None,
        potentials: Mapping[str, Array] | None = None,
    ) -> Observation:
        """Run one window.

        Args:
            frames: input [T, *shape].
            pushed: events to push instead of the frames.
            observe: what to record: (node, "value") or (node, "membrane").
            forced: values [T, *shape] that replace nodes' own, for everything that reads them.
            potentials: membrane potentials [T, *shape] that replace neurons' own after each step,
                so that the next one goes on from them.
        """
        own = {
            self._entries[key]: np.zeros(self._size(self._entries[key]), np.uint8)
            for key in observe
        }
        given = {
            self._entries[name, what]: self._packed((name, what), value)
            for what, values in (("value", forced), ("membrane", potentials))
            for name, value in (values or {}).items()
        }
        self.host.attach_taps(len(self.traces), own, given)
        self._counters[:] = 0
        self.host.reset()
        if pushed is None:
            self.host.run_frames(layout.frames(self.graph["input"].type, frames))
        else:
            self.host.run_events(pushed.events, pushed.start)
        outputs = {name: self.host.output(name) for name in self.graph.output_names}
        values = {key: self._unpacked(key, own[self._entries[key]]) for key in observe}
        counts = {
            node.name: dict(zip(COUNTERS, map(int, row), strict=True))
            for node, row in zip(self.graph.nodes, self._counters, strict=True)
        }
        return Observation(outputs, values, counts)

    def _size(self, entry: int) -> int:
        return self.traces[entry].step_bytes * self.traces[entry].steps

    def _packed(self, key: tuple[str, str], value: Array) -> npt.NDArray[np.uint8]:
        packed = layout.pack(self._type(key), value)
        if key[1] == "membrane":
            packed = packed.astype(layout.DTYPES[self.traces[self._entries[key]].c_type])
        return np.ascontiguousarray(packed).view(np.uint8).reshape(-1)

    def _unpacked(self, key: tuple[str, str], memory: npt.NDArray[np.uint8]) -> Array:
        trace = self.traces[self._entries[key]]
        stored = memory.view(layout.DTYPES[trace.c_type])
        return layout.unpack(self._type(key), stored.reshape(trace.steps, -1))

    def _type(self, key: tuple[str, str]) -> TensorType:
        """Type of what a trace holds: a potential is a real number."""
        given = self.graph[key[0]].type
        return given.of(Kind.REAL) if key[1] == "membrane" else given
