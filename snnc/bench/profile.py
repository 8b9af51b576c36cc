"""Time and executed operations of each node, measured inside the running network.

The time comes from a build that reads the clock after every node (``SNN_PROFILE``), so that caches
are as warm as they really are. The operations come from a counting build on the same frames.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import cffi

from snnc.compiler.compilation import Compilation
from snnc.compiler.host.build import NATIVE, compile_shared
from snnc.compiler.host.model import HostModel
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind, Node
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.synapses.synapse import kernel_of
from snnc.errors import InternalError
from snnc.models.encoders import Numbers

_ENTRIES = 1024


@dataclass(frozen=True)
class NodeProfile:
    """One node on one window: median milliseconds of processor time, and what it executed."""

    name: str
    op: str
    kernel: str
    milliseconds: float
    counts: dict[str, int]
    input_density: float | None
    float_layer: bool
    """Whether it sums spikes, counts or reals times float32 weights."""


def is_float_layer(node: Node) -> bool:
    """Whether a node sums spikes, counts or reals times float32 weights."""
    return node.plays(Role.SYNAPSE) and not isinstance(op_of(node), IntegerOp)


def profile(
    compilation: Compilation, frames: Numbers, folder: Path, rounds: int = 5
) -> list[NodeProfile]:
    """Profile every node that takes time.

    Args:
        compilation: the compiled network.
        frames: event counts [T, 2, H, W].
        folder: where the two builds are made.
        rounds: timed runs; the median of each node counts.
    """
    graph = compilation.graph
    times = node_times(compilation, frames, folder, rounds)
    flags = (*NATIVE, "-O1")  # counts are the same, and it compiles faster
    observed = ObservedModel(graph, compilation.generated, _made(folder / "counting"), flags)
    spikes = sorted(
        {
            name
            for node in graph.nodes
            if is_float_layer(node)
            for name in node.inputs
            if graph[name].type.kind is Kind.SPIKE
        }
    )
    observation = observed.run(frames, observe=[(name, "value") for name in spikes])
    density = {name: float(observation.values[name, "value"].mean()) for name in spikes}
    return [
        NodeProfile(
            node.name,
            node.op.name,
            kernel_of(node) if node.plays(Role.SYNAPSE) else "",
            times[node.name],
            observation.counts[node.name],
            density.get(node.inputs[0]) if node.inputs else None,
            is_float_layer(node),
        )
        for node in graph.nodes
        if times.get(node.name, 0.0) > 0.0
    ]


class Clock:
    """A build of a network that reads the clock after every node.

    Args:
        compilation: the compiled network.
        folder: where the build is made.
    """

    def __init__(self, compilation: Compilation, folder: Path) -> None:
        generated, name = compilation.generated, compilation.graph.name
        if len(generated.traces) > _ENTRIES:
            raise InternalError(f"the profile has room for {_ENTRIES} values")
        generated.write(folder)
        library = folder / "profile.so"
        clock_header = f"{name}_profile.h"  # beside the source, where the object cache looks at it
        clock_text = (files("snnc") / "bench" / "profile.h").read_text(encoding="utf-8")
        (folder / clock_header).write_text(clock_text, encoding="utf-8")
        flags = (*NATIVE, "-include", clock_header)
        compile_shared(folder / f"{name}.c", library, defines=("SNN_PROFILE",), flags=flags)
        self._nodes = [trace.node for trace in generated.traces]
        self._given = compilation.graph["input"].type
        self._host = HostModel(library, generated.interface)
        ffi = cffi.FFI()
        ffi.cdef(f"extern double snn_profile_ns[{_ENTRIES}]; void snn_profile_start(void);")
        self._clock: Any = ffi.dlopen(str(library))

    def run(self, frames: Numbers) -> dict[str, float]:
        """Milliseconds of processor time by node, of one window."""
        self._host.reset()
        self._host.push_frames(layout.frames(self._given, frames))
        self._clock.snn_profile_start()
        self._host.run()
        self._host.scores()
        times = dict.fromkeys(self._nodes, 0.0)
        for index, node in enumerate(self._nodes):
            times[node] += 1e-6 * self._clock.snn_profile_ns[index]
        return times


def node_times(
    compilation: Compilation, frames: Numbers, folder: Path, rounds: int
) -> dict[str, float]:
    """Median milliseconds of processor time by node, as :func:`profile` without the operations."""
    clock = Clock(compilation, _made(folder / "profile"))
    rows = [clock.run(frames) for _ in range(rounds + 1)][1:]
    return {node: statistics.median(row[node] for row in rows) for node in rows[0]}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
