"""``snnc bench --target``: instructions of the event-driven int8 C beside a dense build of it."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from snnc.bench.target.cmsis_layers import measure as measure_cmsis_nn
from snnc.bench.target.cmsis_layers import require_cortex_m
from snnc.bench.target.cmsis_nn import Library
from snnc.bench.target.cycles import estimate, said, why_none
from snnc.bench.target.instructions import Executed, count
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.deploy.firmware import Vector, arena_limit
from snnc.compiler.deploy.targets import Target, require_tools
from snnc.compiler.ir.graph import Array, Graph, Node
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.int8.weight_types import Int4, nowhere
from snnc.compiler.ops.synapses.synapse import DENSE
from snnc.compiler.passes.choose_kernels import one_kernel
from snnc.compiler.verify.counting import analytic_counts
from snnc.compiler.verify.integer import run_reference


@dataclass(frozen=True)
class Recordings:
    """What firmware is run on.

    Attributes:
        framing: how events become frames.
        calibration: windows of training data.
        vectors_of: the recordings as vectors for a compilation.
        frames: the same recordings as windows [T, C, H, W]; their synaptic operations are counted.
        int4: layers whose weights are int4.
    """

    framing: Framing
    calibration: Iterable[Array]
    vectors_of: Callable[[Compilation], Sequence[Vector]]
    frames: Sequence[Array]
    int4: Int4 = nowhere


def measure(
    graph: Graph,
    target: Target,
    recordings: Recordings,
    max_ram: int | None = None,
    cmsis_nn: Library | None = None,
) -> dict[str, Any]:
    """The JSON of ``snnc bench --target``.

    Args:
        graph: the imported graph.
        target: the core.
        recordings: what to run.
        max_ram: budget of arena and stack, as for ``snnc compile``.
        cmsis_nn: count what it executes for the convolutions and linear layers too.

    Raises:
        SnncError: NO_C_COMPILER without the tools, OVER_BUDGET, BAD_OPTION for CMSIS-NN where the
            target or the library is none for it, and what compiling raises.
    """
    require_tools(target, target.boards[0])
    if cmsis_nn:
        require_cortex_m(target)
    ranges, limit = list(recordings.calibration), arena_limit(target, max_ram)
    framing, frames = recordings.framing, recordings.frames
    events, dense = (
        compile_graph(
            graph,
            framing,
            calibration=ranges,
            arena_bytes=limit,
            kernels=kernels,
            order=target.order,
            int4=recordings.int4,
        )
        for kernels in (None, _all_dense)
    )
    vectors = recordings.vectors_of(events)
    executed = count(events, target, vectors)
    found = estimate(target, executed.classes, len(vectors), events.window_us)
    result = _entry(events, executed, frames)
    beside = _entry(dense, count(dense, target, vectors), frames)
    return {
        "target": target.name,
        "board": result.pop("board"),
        "dtype": "int8",
        "compiler": _version(f"{target.prefix}gcc"),
        "samples": len(vectors),
        "time_steps": graph.time_steps,
        **result,
        "estimate": found and found.as_json(),
        "said": said(found) if found else [why_none(target)],
        "dense": {key: beside[key] for key in result},
        "ratio": beside["instructions"]["total"] / result["instructions"]["total"],
        "cmsis_nn": cmsis_nn and _beside(events.graph, cmsis_nn, target, len(vectors), result),
    }


def _beside(
    graph: Graph, library: Library, target: Target, recordings: int, ours: dict[str, Any]
) -> dict[str, Any]:
    """CMSIS-NN's entry, with what ours executes for the layers that both can."""
    result = measure_cmsis_nn(graph, library, target, recordings)
    layers = {layer["name"]: layer["instructions"] for layer in ours["instructions"]["layers"]}
    same = sum(layers[layer["name"]] for layer in result["layers"])
    return {**result, "same_layers": same, "ratio": result["total"] / same if same else None}


def _all_dense(graph: Graph) -> Graph:
    return one_kernel(graph, DENSE)


def _entry(compilation: Compilation, executed: Executed, frames: Sequence[Array]) -> dict[str, Any]:
    """Instructions of one build over all recordings, and what they are spent on."""
    graph = compilation.graph
    operations: Counter[str] = Counter()
    for window in frames:
        values, _ = run_reference(graph, window)
        for name, counts in analytic_counts(graph, values, compilation.schedule.runs).items():
            operations[name] += counts["ac"] + counts["mac"]
    synapses = {node.name for node in graph.nodes if node.plays(Role.SYNAPSE)}
    synaptic = sum(operations[name] for name in synapses)
    return {
        "board": executed.board,
        "instructions": {
            "total": executed.total,
            "layers": [
                _layer(node, executed.nodes.get(node.name, 0), operations[node.name])
                for node in graph.nodes
            ],
            "events": executed.events,
            "rest": executed.rest,
        },
        "per_inference": executed.total / len(frames),
        "synaptic_operations": synaptic,
        "per_synaptic_operation": executed.total / synaptic if synaptic else None,
    }


def _layer(node: Node, executed: int, operations: int) -> dict[str, Any]:
    synaptic = operations if node.plays(Role.SYNAPSE) else 0
    return {
        "name": node.name,
        "op": node.op.name,
        "instructions": executed,
        "synaptic_operations": synaptic,
        "per_synaptic_operation": executed / synaptic if synaptic else None,
    }


def _version(compiler: str) -> str:
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0]
