"""What an op's ``emit`` facet talks to: names for its values, constants, state, and calls.

The emitter collects; :mod:`snnc.compiler.codegen.c_program` plans the memory and renders the
collection. It knows nothing about any op.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from snnc.compiler.codegen.constants import Constant, hex_float
from snnc.compiler.codegen.sections import Band, RowLoop, Section, Shape, StageCode
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import FEEDBACK_WRITE, SPIKING_OPS, Array, Graph, Kind, Node, TensorType
from snnc.errors import InternalError


@dataclass(frozen=True)
class Request:
    """Memory that an op asks for: C type, elements of one slot, slots, role and life.

    ``role``: "states", "stored" (kept for all steps), "values" (one step), "input" (frames or
    events), or "scratch". ``life``: "node" (while the node runs), "loop" (from one step to the
    next), or "value" (from the node to its last reader).
    """

    name: str
    role: str
    c_type: str
    elements: int
    slots: int
    life: str
    stage: int
    node: str

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.elements * self.slots * layout.C_SIZES[self.c_type]


class Pointer(str):
    """The name of a local pointer in generated code, with the buffer behind it."""

    request: Request
    slot: str
    declared: Pointer

    def __new__(cls, name: str, request: Request, slot: str) -> Pointer:
        """A pointer called ``name`` to slot ``slot`` (a C expression) of a buffer."""
        pointer = super().__new__(cls, name)
        pointer.request = request
        pointer.slot = slot
        pointer.declared = pointer
        return pointer

    def offset(self, elements: int) -> Pointer:
        """The pointer ``elements`` further for every row, as an expression."""
        pointer = Pointer(f"({self} + (size_t)row * {elements})", self.request, self.slot)
        pointer.declared = self
        return pointer


@dataclass
class Program:
    """Everything that the emission of a graph collected."""

    stages: list[StageCode]
    requests: dict[str, Request] = field(default_factory=dict)
    bands: list[dict[str, Band]] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    kernels: dict[str, str] = field(default_factory=dict)
    """The first kernel that each node calls in a step, by the node's name."""
    threads: int = 1
    """How many parts the rows of a band are split into."""


class Emitter:
    """Emits one node at one place of the schedule. Its methods are what ``Op.emit`` may call."""

    steps_done = "net->step"
    """C expression: the number of time steps computed so far."""

    def __init__(
        self,
        graph: Graph,
        stored: frozenset[str],
        program: Program,
        node: Node,
        stage: int,
        looped: bool,
        rows: RowLoop | None = None,
    ) -> None:
        self._graph = graph
        self._stored = stored
        self._program = program
        self._node = node
        self._stage = stage
        self._looped = looped
        self._code = program.stages[stage]
        layers = self._code.steps if looped else self._code.once
        self._rows = rows
        self._section: Section = layers[-1] if rows is None else rows.body

    # what is known about the node ------------------------------------------------------

    @property
    def time_steps(self) -> int:
        """T."""
        return self._graph.time_steps

    def input_type(self, index: int) -> TensorType:
        """Type of an input."""
        return self._graph.input_types(self._node)[index]

    def param(self, role: str) -> Array:
        """A parameter of the node, float64."""
        return self._graph.params[self._node.params[role]]

    def _own(self, role: str) -> str:
        """C name of something that belongs to the node; no node is called so."""
        name = f"{self._node.name}_{role}"
        while name in self._graph.index:
            name += "_"
        return name

    # names for values ------------------------------------------------------------------

    def input(self, index: int) -> Pointer:
        """Pointer to an input: this step's slot in a loop, the first slot outside."""
        return self._value(self._graph[self._node.inputs[index]], f"{self._node.inputs[index]}")

    def output(self) -> Pointer:
        """Pointer to the node's own value."""
        return self._value(self._node, self._node.name)

    def previous_output(self) -> Pointer:
        """Pointer to the node's own value of the step before (zeros at the first step)."""
        request = self._value(self._node, self._node.name).request
        before = self._own("before")
        self._clear(request, slots=1)
        return Pointer(before, request, "t" if request.slots > 1 else "")

    def fed_back(self) -> Pointer:
        """Pointer to what the node's recurrent connection took at the step before (0 at first)."""
        (written,) = self._graph.sources(self._node)
        pointer = self._value(self._graph[written], written)
        self._clear(pointer.request, slots=1)
        return pointer

    # rows: everything, unless the node runs in a band ------------------------------------

    @property
    def in_band(self) -> bool:
        """Whether the call computes some rows of a map only."""
        return self._rows is not None

    @property
    def first_row(self) -> str | int:
        """The first row that the call computes (a C expression)."""
        return 0 if self._rows is None else "row"

    def row_count(self, given: TensorType) -> int:
        """How many rows of a map the call computes."""
        return given.shape[1] if self._rows is None else self._rows.band.turn

    def row_pixels(self, given: TensorType) -> int:
        """How many pixels of a map the call computes."""
        if self._rows is None:
            return given.pixels
        return given.pixels // self._rows.band.height * self._rows.band.turn

    def row(self, pointer: Pointer, elements: int) -> Pointer:
        """The part at hand of a buffer that holds ``elements`` for a whole map."""
        if self._rows is None:
            return pointer
        return pointer.offset(elements // self._rows.band.height)

    def row_input(self, index: int) -> Pointer:
        """The part at hand of an input with rows."""
        return self._row_of(self._graph[self._node.inputs[index]], self.input(index))

    def row_output(self) -> Pointer:
        """The part at hand of the node's own value."""
        return self._row_of(self._node, self.output())

    def row_previous(self) -> Pointer:
        """The part at hand of the node's own value of the step before."""
        return self._row_of(self._node, self.previous_output())

    def _row_of(self, node: Node, pointer: Pointer) -> Pointer:
        if self._is_inner(node):
            return pointer
        return self.row(pointer, layout.elements(node.type))

    def real_input(self, index: int) -> Pointer:
        """Pointer to an input as REAL, converted if it is not."""
        return self._converted(index, Kind.REAL)

    def count_input(self, index: int) -> Pointer:
        """Pointer to an input as COUNT, converted from spikes if need be."""
        return self._converted(index, Kind.COUNT)

    def _converted(self, index: int, kind: Kind) -> Pointer:
        given, source = self.input_type(index), self.input(index)
        if given.kind is kind:
            return source
        wanted = given.of(kind)
        target = self.scratch(f"input{index}", layout.c_type(wanted), layout.elements(wanted))
        if given.kind is Kind.SPIKE:
            suffix = "f32" if kind is Kind.REAL else "count"
            sizes = (given.pixels, given.channels)
            self._line(f"snn_spike_to_{suffix}", [*map(str, sizes), source, target], counted=False)
        elif kind is Kind.REAL:
            self._line("snn_count_to_f32", [str(given.size), source, target], counted=False)
        else:
            raise InternalError("a REAL value cannot become a COUNT", where=self._node.name)
        return target

    def _value(self, node: Node, name: str) -> Pointer:
        stored = node.name in self._stored
        key = node.name if stored or not node.type.temporal else f"{node.name}@{self._stage}"
        if key not in self._program.requests:
            self._program.requests[key] = Request(
                name=key,
                role="input" if node.op == "input" else "stored" if stored else "values",
                c_type=layout.c_type(node.type),
                elements=self._elements(node),
                slots=self._slots(node, stored),
                life="loop" if node.op in (*SPIKING_OPS, FEEDBACK_WRITE) else "value",
                stage=self._stage,
                node=node.name,
            )
        return Pointer(name, self._program.requests[key], self._slot(node, stored))

    def _slot(self, node: Node, stored: bool) -> str:
        """C expression of the slot at hand of a value; the front ones of spikes are zeros."""
        if not stored:
            return "part" if self._is_inner(node) and self._program.threads > 1 else ""
        frames = node.attrs.get("frames", self._graph.time_steps)
        if frames < self._graph.time_steps:  # the input: a ring
            return f"(t % {frames})" if frames > 1 else ""
        front = 1 if node.op in SPIKING_OPS else 0
        if self._looped:
            return f"(t + {front})" if front else "t"
        return str(front) if front else ""

    def _slots(self, node: Node, stored: bool) -> int:
        if stored:
            frames = int(node.attrs.get("frames", self._graph.time_steps))
            return frames + (node.op in SPIKING_OPS)
        return self._program.threads if self._is_inner(node) else 1

    def _is_inner(self, node: Node) -> bool:
        return self._rows is not None and node.name in self._rows.band.inner

    def _elements(self, node: Node) -> int:
        whole = layout.elements(node.type)
        if self._rows is None or not self._is_inner(node):
            return whole
        return whole // self._rows.band.height * self._rows.band.turn

    # memory and constants --------------------------------------------------------------

    def state(self, role: str, c_type: str, elements: int, initial: float = 0.0) -> Pointer:
        """State that lives from step to step; set to ``initial`` when the stage begins."""
        pointer = self._memory(role, "states", c_type, elements, "loop")
        if initial == 0.0:
            self._clear(pointer.request, slots=1)
        else:
            begin = self._code.begin
            begin.pointers[pointer] = pointer
            line = f"for (size_t i = 0; i < {elements}; i++) {{"
            begin.lines += [line, f"    {pointer}[i] = {self.real(initial)};", "}"]
        return pointer

    def running(self, role: str, c_type: str, elements: int) -> Pointer:
        """State that lives from step to step; the op itself sets it when the stage begins."""
        return self._memory(role, "states", c_type, elements, "loop")

    def existing_state(self, role: str) -> Pointer:
        """State that the op has asked for already."""
        name = self._own(role)
        return Pointer(name, self._program.requests[f"{name}@{self._stage}"], "")

    def inbox(self, role: str, c_type: str, elements: int) -> Pointer:
        """Memory of the input, which events are pushed into before any step."""
        return self._memory(role, "input", c_type, elements, "loop")

    def scratch(self, role: str, c_type: str, elements: int) -> Pointer:
        """Memory for the duration of the node's own work."""
        return self._memory(role, "scratch", c_type, elements, "node")

    def _memory(self, role: str, kind: str, c_type: str, elements: int, life: str) -> Pointer:
        name = self._own(role)
        key = f"{name}@{self._stage}"
        request = Request(key, kind, c_type, elements, 1, life, self._stage, self._node.name)
        self._program.requests.setdefault(key, request)
        return Pointer(name, request, "")

    def constant(
        self, role: str, values: Array, comment: str, c_type: str = "float", shared: bool = False
    ) -> str:
        """A constant array, laid out as given; ``comment`` names its axes.

        Floats are rounded to float32; integers must fit their type. A ``shared`` one is the same
        for every node that names it.
        """
        symbol = role if shared else self._own(role)
        shape = "×".join(map(str, values.shape))
        constant = Constant(symbol, c_type, values, f"{comment} {shape}", shared)
        if c_type != "float" and not np.array_equal(constant.values, values):
            raise InternalError(f"{role} does not fit {c_type}", where=self._node.name)
        self._program.constants[symbol] = constant
        return constant.expression

    def shape(self, struct: str, **fields: int | float) -> str:
        """A constant shape struct; gives its address."""
        symbol = self._own("shape")
        self._program.shapes[symbol] = Shape(symbol, struct, tuple(fields.items()))
        return f"&{symbol}"

    def real(self, value: float) -> str:
        """A float32 literal, exact."""
        return hex_float(value)

    # calls -----------------------------------------------------------------------------

    def call(self, function: str, *args: str | int, counted: bool = True) -> None:
        """Call a kernel where the node runs; its counters are passed last, if it counts."""
        self._program.kernels.setdefault(self._node.name, function)
        self._line(function, args, counted=counted)

    def first(self, function: str, *args: str | int) -> None:
        """Call a function before the first row of a step (it counts nothing)."""
        section = None if self._rows is None else self._rows.before
        self._line(function, args, section, counted=False)

    def last(self, function: str, *args: str | int) -> None:
        """Call a kernel after the last row of a step."""
        self._line(function, args, None if self._rows is None else self._rows.after)

    def begin(self, function: str, *args: str | int) -> None:
        """Call a function before the first step (it counts nothing)."""
        self._line(function, args, self._code.begin, counted=False)

    def end(self, function: str, *args: str | int) -> None:
        """Call a kernel after the last step."""
        self._line(function, args, self._code.end)

    def _line(
        self,
        function: str,
        args: Sequence[str | int],
        section: Section | None = None,
        counted: bool = True,
    ) -> None:
        section = section or self._section
        for argument in args:
            if isinstance(argument, Pointer):
                section.pointers[argument.declared] = argument.declared
        counters = [f"COUNTERS({self.index})"] if counted else []
        text = f"{function}({', '.join([*map(str, args), *counters])});"
        section.lines += textwrap.wrap(text, 96, subsequent_indent="    ", break_on_hyphens=False)

    def _clear(self, request: Request, slots: int) -> None:
        name = request.node if request.life == "loop" and request.role != "states" else None
        pointer = Pointer(name or request.name.split("@")[0], request, "")
        section = self._code.begin
        if pointer not in section.pointers:
            section.pointers[pointer] = pointer
            size = f"{request.elements * slots} * sizeof(*{pointer})"
            section.lines.append(f"memset({pointer}, 0, {size});")

    @property
    def index(self) -> int:
        """Position of the node in the graph: its number in counters and traces."""
        return [node.name for node in self._graph.nodes].index(self._node.name)
