"""From a planned program to C text: the templates filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snnc.compiler.codegen.abi import Interface, Output
from snnc.compiler.codegen.binary_weights import BINARY, BinaryWeights, form
from snnc.compiler.codegen.files import Data, Rendered, template, write_files
from snnc.compiler.codegen.packed_text import PackedText
from snnc.compiler.codegen.statements import declaration, lines
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.plan import arena as memory
from snnc.compiler.plan.input_buffer import most_events
from snnc.compiler.plan.planned import Planned
from snnc.compiler.program import check
from snnc.compiler.program.constants import Constant, hex_float
from snnc.compiler.program.program import Program, TraceEntry
from snnc.compiler.program.values import View
from snnc.errors import BAD_OPTION, BAD_SHAPE, InternalError, SnncError

LONGEST_US = 2**31 - 1
"""Longest window of events: their times are modulo 2^32."""


@dataclass(frozen=True)
class Framing:
    """How events become frames: sensor size in pixels, step length, downsampling."""

    sensor_height: int
    sensor_width: int
    dt_us: int
    downsample: int


@dataclass(frozen=True)
class Generated:
    """The generated files by name (texts, and ``data``), the memory plan and the trace table."""

    files: Mapping[str, str]
    plan: memory.Plan
    program: Program
    traces: tuple[TraceEntry, ...]
    constant_bytes: int
    interface: Interface
    data: Mapping[str, Data] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write all files into a folder."""
        write_files(folder, self.files, self.data)


def generate(
    graph: Graph,
    plan: Planned,
    framing: Framing | None,
    weights: str | None = None,
) -> Generated:
    """Write the C of a graph.

    Args:
        graph: an optimised graph.
        plan: its program in an arena.
        framing: how events become frames, or None for a model that only takes frames.
        weights: "text" or "binary" (:mod:`snnc.compiler.codegen.binary_weights`); default: by
            their size.

    Raises:
        SnncError: BAD_SHAPE where the frames are not what the network takes, or a window of events
            is longer than their times can tell; UNSUPPORTED_LAYER where counts may overflow.
        InternalError: an output is not one vector for the window.
    """
    _check_ends(graph, framing)
    check.check(plan.program, plan.arena)
    program, interface = plan.program, _interface(graph, framing, plan)
    constants = tuple(program.constants.values())
    binary = BinaryWeights(constants) if form(weights, constants) == BINARY else None
    context = _context(graph, plan, framing, interface) | {"binary": binary}
    templates = {
        f"{graph.name}.h": "model.h.j2",
        f"{graph.name}.c": "model.c.j2",
        f"{graph.name}_weights.h": "weights.h.j2",
        "example.c": "example.c.j2",
        "CMakeLists.txt": "CMakeLists.txt.j2",
    }
    return Generated(
        Rendered({name: template(source) for name, source in templates.items()}, context),
        plan.arena,
        program,
        tuple(program.traces),
        sum(constant.nbytes for constant in constants),
        interface,
        {} if binary is None else {f"{graph.name}_weights.h.bin": binary},
    )


def _context(
    graph: Graph, plan: Planned, framing: Framing | None, interface: Interface
) -> dict[str, Any]:
    """What the templates read, but for weights in a file of their own."""
    program, arena = plan.program, plan.arena
    constants = tuple(program.constants.values())
    return {
        "m": _Names(graph.name),
        "graph": graph,
        "input": graph["input"],
        "output": graph[graph.outputs[0]],
        "framing": framing,
        "streams": plan.schedule.streams,
        "ends": interface.ends,
        "arena": arena,
        "alignment": memory.ALIGNMENT,
        "stages": program.stages,
        "threads": program.threads,
        "batch": program.batch,
        "shapes": program.shapes.values(),
        "functions": [function.text for function in program.functions.values()],
        "constants": constants,
        "declare": lambda view: declaration(view, arena),
        "lines": lines,
        "literals": literals,
        "own_rows": own_rows,
        "packed_text": PackedText,
        "kernels": "snn/snn_i8.h" if is_integer(graph) else "snn/snn.h",
        "score_type": interface.score_type,
        "frame_elements": interface.frame_elements,
        "largest_object": max(arena.size, *(constant.nbytes for constant in constants), 0),
        "most_counted": _most_counted(graph, framing),
        "outputs": list(zip(interface.outputs, _output_views(graph, program), strict=True)),
        **_input_context(graph, interface, program, arena),
    }


def _interface(graph: Graph, framing: Framing | None, plan: Planned) -> Interface:
    given = graph["input"]
    return Interface(
        name=graph.name,
        arena_bytes=plan.arena.size,
        outputs=tuple(
            Output(name, graph[node].type.size, layout.c_type(graph[node].type))
            for name, node in zip(graph.output_names, graph.outputs, strict=True)
        ),
        streams=plan.schedule.streams,
        time_steps=graph.time_steps,
        frame_elements=layout.elements(given.type),
        dt_us=None if framing is None else framing.dt_us,
        frames=graph.held.frames or graph.time_steps,
        max_events=graph.held.events,
        threads=plan.program.threads,
        frame_type=layout.c_type(layout.pushed(given.type)),
    )


def _input_context(
    graph: Graph, interface: Interface, program: Program, arena: memory.Plan
) -> dict[str, Any]:
    """What the templates need to know about frames and packed events."""
    inbox = [b for b in program.buffers.values() if b.role == "input" and b.node == "input"]
    names = ("frames", "cells", "starts")
    real = graph["input"].type.kind is Kind.REAL
    readers = {
        index
        for index, stage in enumerate(program.stages)
        if any(view.buffer.node == "input" for view in stage.step_views())
    }
    return {
        "narrow": "8" if graph["input"].type.dtype == "uint8" else "",
        "real": real,
        "frame_type": interface.frame_type,
        "max_count": most_events(graph),
        "max_events": interface.max_events,
        "frames_held": interface.frames,
        "ring": not interface.takes_window,
        "example_events": min(1000, interface.max_events or 1000),
        "carry": graph.held.carry,
        "wide_events": interface.frame_elements > 2**16,
        "frame_readers": readers,
        **{
            name: declaration(View(name, buffer), arena)
            for name, buffer in zip(names, inbox, strict=False)
        },
    }


def _most_counted(graph: Graph, framing: Framing | None) -> int:
    """The largest number that an ``int`` of the kernels may reach: elements of a step's value and
    the word after them, steps, pixels of a side. Other numbers there have types of fixed width."""
    elements = max(node.type.size for node in graph.nodes) + layout.WORD_BITS
    sides = (framing.sensor_height, framing.sensor_width) if framing else (0, 0)
    return max(elements, graph.time_steps, *sides)


def _check_ends(graph: Graph, framing: Framing | None) -> None:
    for name in graph.outputs:
        given = graph[name].type
        if given.temporal or given.kind is not Kind.REAL or len(given.shape) != 1:
            raise InternalError(f"{given} cannot be copied out as scores", where=name)
    if len(graph.outputs) != len(graph.output_names):
        raise InternalError(
            f"{len(graph.outputs)} outputs have {len(graph.output_names)} names", where=graph.name
        )
    if graph["input"].type.kind is Kind.SPIKE:
        raise InternalError("the input is of spikes, and frames hold numbers", where=graph.name)
    if framing is None:
        return
    if graph["input"].type.kind is Kind.REAL:
        raise SnncError(
            BAD_OPTION,
            "events make counts, and the network takes real numbers",
            where=graph.name,
            hint="Leave out the length of a step, and push frames.",
        )
    if framing.dt_us * graph.time_steps > LONGEST_US:
        raise SnncError(
            BAD_SHAPE,
            f"{graph.time_steps} steps of {framing.dt_us} us are more than 2^31 us (35 minutes), "
            "and times of events are microseconds modulo 2^32",
            where=graph.name,
            hint="Use fewer or shorter steps.",
        )
    sensor, side = (framing.sensor_height, framing.sensor_width), framing.downsample
    frame = (2, *(size // side for size in sensor))
    if any(size % side for size in sensor) or graph["input"].type.shape != frame:
        raise SnncError(
            BAD_SHAPE,
            f"cells of {side}x{side} pixels of a sensor of {sensor[0]}x{sensor[1]} do not make "
            f"the frames that the network takes ({graph['input'].type})",
            where=graph.name,
        )


def is_integer(graph: Graph) -> bool:
    """Whether the graph is quantized: its scores are integers."""
    return bool(graph[graph.outputs[0]].type.dtype)


def _output_views(graph: Graph, program: Program) -> list[View]:
    return [View("values", program.buffers[name]) for name in graph.outputs]


class _Names:
    """The spellings of a model's name in C."""

    def __init__(self, name: str) -> None:
        self.lower = name
        self.upper = name.upper()


def literals(constant: Constant) -> Iterable[str]:
    """Lines of literals: integers, or exact hexadecimal floats."""
    values = constant.values.ravel()
    if constant.c_type != "float":
        for start in range(0, len(values), 16):
            yield ", ".join(map(str, values[start : start + 16].tolist())) + ","
        return
    for start in range(0, len(values), 8):
        yield ", ".join(map(hex_float, values[start : start + 8].tolist())) + ","


def own_rows(constant: Constant) -> Iterable[str]:
    """Lines of macros of up to four weights, which a core puts in its order (snn/vec/rows.h)."""
    for row in constant.values.reshape(-1, constant.row).tolist():
        macros = [
            f"W{len(four)}({', '.join(map(str, four))})"
            for four in (row[i : i + 4] for i in range(0, len(row), 4))
        ]
        for start in range(0, len(macros), 4):
            yield ", ".join(macros[start : start + 4]) + ","
