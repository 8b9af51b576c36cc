"""From a scheduled graph to C text: emit every node, plan the arena, fill in the templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snnc.compiler.codegen.abi import Interface, Output
from snnc.compiler.codegen.binary_weights import BINARY, BinaryWeights, form
from snnc.compiler.codegen.constants import Constant, hex_float
from snnc.compiler.codegen.emitter import Emitter, Pointer, Program
from snnc.compiler.codegen.files import Data, Rendered, template, write_files
from snnc.compiler.codegen.packed_text import PackedText
from snnc.compiler.codegen.sections import Band, Layer, RowLoop, Section, StageCode
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import SPIKING_OPS, Graph, Kind, Node, Time
from snnc.compiler.ops import op_of
from snnc.compiler.ops.base import Rows
from snnc.compiler.plan import arena as memory
from snnc.compiler.plan import liveness
from snnc.compiler.plan.bands import bands
from snnc.compiler.plan.input_buffer import most_events
from snnc.compiler.plan.schedule import Schedule
from snnc.errors import BAD_SHAPE, InternalError, SnncError

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
class Trace:
    """One entry of the trace table: a node's value or its membrane potential.

    ``step_bytes`` of one step, ``steps`` 1 for a value of the whole window; ``c_type`` of an
    element.
    """

    node: str
    what: str
    step_bytes: int
    steps: int
    c_type: str


@dataclass(frozen=True)
class Generated:
    """The generated files by name (texts, and ``data``), the memory plan and the trace table."""

    files: Mapping[str, str]
    plan: memory.Plan
    program: Program
    traces: tuple[Trace, ...]
    constant_bytes: int
    interface: Interface
    data: Mapping[str, Data] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write all files into a folder."""
        write_files(folder, self.files, self.data)


def generate(
    graph: Graph,
    plan: Schedule,
    framing: Framing | None,
    threads: int = 1,
    weights: str | None = None,
) -> Generated:
    """Write the C of a graph.

    Args:
        graph: an optimised graph.
        plan: its schedule.
        framing: how events become frames, or None for a model that only takes frames.
        threads: parts that the rows of each convolution are split into.
        weights: "text" or "binary" (:mod:`snnc.compiler.codegen.binary_weights`); default: by
            their size.

    Raises:
        SnncError: BAD_SHAPE where the frames are not what the network takes, or a window of events
            is longer than their times can tell; UNSUPPORTED_LAYER where counts may overflow.
        InternalError: an output is not one vector for the window.
    """
    _check_ends(graph, framing)
    program, traces = emit(graph, plan, threads)
    arena = memory.plan(liveness.buffers(graph, plan, program))
    interface = _interface(graph, framing, plan, program, arena)
    constants = tuple(program.constants.values())
    binary = BinaryWeights(constants) if form(weights, constants) == BINARY else None
    context = {
        "m": _Names(graph.name),
        "graph": graph,
        "input": graph["input"],
        "output": graph[graph.outputs[0]],
        "framing": framing,
        "streams": plan.streams,
        "ends": interface.ends,
        "arena": arena,
        "alignment": memory.ALIGNMENT,
        "stages": program.stages,
        "threads": threads,
        "shapes": program.shapes.values(),
        "constants": constants,
        "binary": binary,
        "declare": lambda pointer: _declare(pointer, arena),
        "literals": literals,
        "packed_text": PackedText,
        "kernels": "snn/snn_i8.h" if is_integer(graph) else "snn/snn.h",
        "score_type": interface.score_type,
        "frame_elements": interface.frame_elements,
        "outputs": list(zip(interface.outputs, _output_pointers(graph, program), strict=True)),
        **_input_context(graph, interface, program, arena),
    }
    templates = {
        f"{graph.name}.h": "model.h.j2",
        f"{graph.name}.c": "model.c.j2",
        f"{graph.name}_weights.h": "weights.h.j2",
        "example.c": "example.c.j2",
        "CMakeLists.txt": "CMakeLists.txt.j2",
    }
    return Generated(
        Rendered({name: template(source) for name, source in templates.items()}, context),
        arena,
        program,
        tuple(traces),
        sum(constant.nbytes for constant in constants),
        interface,
        {} if binary is None else {f"{graph.name}_weights.h.bin": binary},
    )


def _interface(
    graph: Graph, framing: Framing | None, plan: Schedule, program: Program, arena: memory.Plan
) -> Interface:
    given = graph["input"]
    return Interface(
        name=graph.name,
        arena_bytes=arena.size,
        outputs=tuple(
            Output(name, graph[node].type.size, layout.c_type(graph[node].type))
            for name, node in zip(graph.output_names, graph.outputs, strict=True)
        ),
        streams=plan.streams,
        time_steps=graph.time_steps,
        frame_elements=layout.elements(given.type),
        dt_us=None if framing is None else framing.dt_us,
        frames=given.attrs.get("frames", graph.time_steps),
        max_events=given.attrs.get("events"),
        threads=program.threads,
    )


def _input_context(
    graph: Graph, interface: Interface, program: Program, arena: memory.Plan
) -> dict[str, Any]:
    """What the templates need to know about frames and packed events."""
    inbox = [r for r in program.requests.values() if r.role == "input" and r.node == "input"]
    names = ("frames", "cells", "starts")
    readers = {
        index
        for index, stage in enumerate(program.stages)
        if any(pointer.request.node == "input" for pointer in _pointers(stage))
    }
    return {
        "narrow": "8" if graph["input"].type.dtype == "uint8" else "",
        "max_count": most_events(graph),
        "max_events": interface.max_events,
        "frames_held": interface.frames,
        "ring": not interface.takes_window,
        "example_events": min(1000, interface.max_events or 1000),
        "carry": graph["input"].attrs.get("carry", False),
        "wide_events": interface.frame_elements > 2**16,
        "frame_readers": readers,
        **{
            name: _declare(Pointer(name, request, ""), arena)
            for name, request in zip(names, inbox, strict=False)
        },
    }


def _pointers(stage: StageCode) -> Iterator[Pointer]:
    """What the steps of a stage point at."""
    for layer in stage.steps:
        yield from layer.pointers.values()
        yield from layer.part.pointers.values() if layer.part else ()


def _check_ends(graph: Graph, framing: Framing | None) -> None:
    for name in graph.outputs:
        given = graph[name].type
        if given.temporal or given.kind is not Kind.REAL or len(given.shape) != 1:
            raise InternalError(f"{given} cannot be copied out as scores", where=name)
    if len(graph.outputs) != len(graph.output_names):
        raise InternalError(
            f"{len(graph.outputs)} outputs have {len(graph.output_names)} names", where=graph.name
        )
    if graph["input"].type.kind is not Kind.COUNT:
        raise InternalError("the input is not of event counts", where=graph.name)
    if framing is None:
        return
    if framing.dt_us * graph.time_steps > LONGEST_US:
        raise SnncError(
            BAD_SHAPE,
            f"{graph.time_steps} steps of {framing.dt_us} us are more than 2^31 us (35 minutes), "
            "and times of events are microseconds modulo 2^32",
            where=graph.name,
            mend="Use fewer or shorter steps.",
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


def emit(graph: Graph, plan: Schedule, threads: int = 1) -> tuple[Program, list[Trace]]:
    """Emit every node where the schedule runs it, with its comment and its trace."""
    stages = [StageCode() for _ in plan.stages]
    program = Program(stages, bands=bands(graph, plan, threads), threads=threads)
    traces = [_trace_of(graph, node) for node in graph.nodes]
    for index, stage in enumerate(plan.stages):
        code, grouped = program.stages[index], program.bands[index]
        for node, looped in _runs(stage.loop, stage.once):
            band = grouped.get(node.name)
            if band is not None and node is band.nodes[0]:
                _emit_band(graph, plan, program, index, band, traces)
            elif band is None or not looped:
                layers, when = (code.steps, "step") if looped else (code.once, "once")
                symbol = _symbol(graph, f"{node.name}_{when}{index}")
                layers.append(Layer(symbol=symbol, comment=_comment(node)))
                c = Emitter(graph, plan.stored, program, node, index, looped)
                _emit_node(node, c, code, layers[-1], traces)
    return program, traces


def _symbol(graph: Graph, name: str) -> str:
    """The name of a layer's function; no node, and so no local pointer, is called so."""
    while name in graph.index:
        name += "_"
    return name


def _emit_node(node: Node, c: Emitter, code: StageCode, layer: Layer, traces: list[Trace]) -> None:
    looped = bool(code.steps) and layer is code.steps[-1]
    output = c.output()
    op_of(node).emit(node, c)
    reduces = looped and op_of(node).time(node) is Time.REDUCE
    entry = traces[c.index]
    steps = 1 if looped else entry.steps
    section = code.end if reduces else layer
    _trace_line(section, c.index, output, entry.step_bytes * steps, looped and not reduces)
    if node.op in SPIKING_OPS:
        u = c.existing_state("u")
        traces.append(_trace_of_potential(node, u, c))
        _trace_line(layer, len(traces) - 1, u, u.request.size, looped)


def _emit_band(
    graph: Graph, plan: Schedule, program: Program, index: int, band: Band, traces: list[Trace]
) -> None:
    """One loop over rows around the calls of all the band's nodes."""
    code = program.stages[index]
    comment = "\n".join(_comment(node) for node in band.nodes)
    layer = Layer(symbol=_symbol(graph, f"{band.nodes[0].name}_step{index}"), comment=comment)
    code.steps.append(layer)
    before, after = Section(layer.pointers), Section(layer.pointers)
    body = Section({} if program.threads > 1 else layer.pointers)
    rows = RowLoop(band, before, body, after)
    for node in band.nodes:
        c = Emitter(graph, plan.stored, program, node, index, True, rows)
        output = c.output()
        op_of(node).emit(node, c)
        entry = traces[c.index]
        if op_of(node).rows_of(node, graph.input_types(node)) is not Rows.REDUCE:
            _trace_row(rows, c.index, c.row_output(), entry.step_bytes)
        elif op_of(node).time(node) is Time.REDUCE:
            _trace_line(code.end, c.index, output, entry.step_bytes, False)
        else:
            _trace_line(after, c.index, output, entry.step_bytes, True)
        if node.op in SPIKING_OPS:
            u = c.existing_state("u")
            traces.append(_trace_of_potential(node, u, c))
            _trace_row(rows, len(traces) - 1, c.row(u, node.type.size), u.request.size)
    turns = _over_rows(band, body, program.threads)
    if program.threads > 1:
        layer.part = Section(body.pointers, turns)
        turns = [f"snn_split(net->team, {layer.symbol}_part, net, {program.threads});"]
    layer.lines += [*before.lines, *turns, *after.lines]


def _over_rows(band: Band, body: Section, threads: int) -> list[str]:
    """The loop around a band's body: over all rows, or over those of one of the parts."""
    inside = [f"    {line}" for line in body.lines]
    step = "row++" if band.turn == 1 else f"row += {band.turn}"
    if threads == 1:
        return [f"for (int row = 0; row < {band.height}; {step}) {{", *inside, "}"]
    rows = band.turn * -(-band.height // (band.turn * threads))
    return [
        f"const int end = snn_min_int((part + 1) * {rows}, {band.height});",
        f"for (int row = part * {rows}; row < end; {step}) {{",
        *inside,
        "}",
    ]


def _runs(loop: Iterable[Node], once: Iterable[Node]) -> Iterable[tuple[Node, bool]]:
    yield from ((node, True) for node in loop)
    yield from ((node, False) for node in once)


def _trace_of(graph: Graph, node: Node) -> Trace:
    steps = graph.time_steps if node.type.temporal else 1
    size = layout.step_bytes(node.type)
    return Trace(node.name, "value", size, steps, layout.c_type(node.type))


def _trace_of_potential(node: Node, u: Pointer, c: Emitter) -> Trace:
    return Trace(node.name, "membrane", u.request.size, c.time_steps, u.request.c_type)


def _trace_line(section: Section, index: int, pointer: Pointer, size: int, looped: bool) -> None:
    section.pointers[pointer] = pointer
    offset = f"(size_t)t * {size}" if looped else "0"
    section.lines.append(f"TRACE({index}, {offset}, {pointer}, {size});")


def _trace_row(rows: RowLoop, index: int, pointer: Pointer, size: int) -> None:
    """Trace the rows at hand of a value that has ``size`` bytes a step."""
    rows.body.pointers[pointer.declared] = pointer.declared
    part = size // rows.band.height
    offset = f"(size_t)t * {size} + (size_t)row * {part}"
    rows.body.lines.append(f"TRACE({index}, {offset}, {pointer}, {part * rows.band.turn});")


def _comment(node: Node) -> str:
    origin = f" ({node.loc.module})" if node.loc.module else ""
    return f"/* {node.name}: {node.op} -> {str(node.type).replace('×', 'x')}{origin} */"


def _declare(pointer: Pointer, arena: memory.Plan) -> str:
    """The declaration of a local pointer into the arena."""
    request = pointer.request
    slot = f" + (size_t){pointer.slot} * {request.elements}" if pointer.slot else ""
    place = f"net->arena + {arena.offsets[request.name]}"
    return f"{request.c_type} *const {pointer} = ({request.c_type} *)(void *)({place}){slot};"


def _output_pointers(graph: Graph, program: Program) -> list[Pointer]:
    return [Pointer("values", program.requests[name], "") for name in graph.outputs]


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
