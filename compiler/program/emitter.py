"""What an op's ``emit`` facet talks to: names for its values, constants, state, and calls.

The emitter collects calls into a :class:`~snnc.compiler.program.program.Program`. It knows nothing
about any op, and prints nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import (
    Array,
    Graph,
    Kind,
    Node,
    TensorType,
    fires,
)
from snnc.compiler.ir.operation import EdgeWrite, NetworkInput
from snnc.compiler.ir.roles import Role
from snnc.compiler.program.constants import Constant
from snnc.compiler.program.kernels import signature
from snnc.compiler.program.place import Place
from snnc.compiler.program.program import Body, Call, Clear, Fill, NodeFunction, Program
from snnc.compiler.program.values import (
    BATCH,
    FIRST,
    NULL,
    ROW,
    STEPS_DONE,
    Argument,
    Buffer,
    ConstantRef,
    Life,
    Name,
    Purpose,
    Real,
    Shape,
    ShapeRef,
    Slot,
    View,
)
from snnc.errors import InternalError


class Emitter:
    """Emits one node at one place of the schedule. Its methods are what ``Op.emit`` may call."""

    steps_done = STEPS_DONE
    """The number of time steps computed so far."""

    null = NULL
    """A pointer to nothing."""

    batch_steps = BATCH
    """The number of steps that a call of a batch works on."""

    def __init__(
        self,
        graph: Graph,
        stored: frozenset[str],
        program: Program,
        node: Node,
        place: Place,
    ) -> None:
        self._graph = graph
        self._stored = stored
        self._program = program
        self._node = node
        self._stage, self._looped, rows = place.stage, place.looped, place.rows
        self._code = program.stages[self._stage]
        layers = self._code.steps if self._looped else self._code.once
        self._rows = rows
        self._section: Body = layers[-1] if rows is None else rows.body

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

    def input(self, index: int) -> View:
        """View to an input: this step's slot in a loop, the first slot outside."""
        return self._value(self._graph[self._node.inputs[index]], f"{self._node.inputs[index]}")

    def output(self) -> View:
        """View to the node's own value."""
        return self._value(self._node, self._node.name)

    def previous_output(self) -> View:
        """View to the node's own value of the step before (zeros at the first step)."""
        buffer = self._value(self._node, self._node.name).buffer
        before = self._own("before")
        self._clear(buffer, slots=1)
        return View(before, buffer, Slot("step") if buffer.slots > 1 else FIRST)

    def fed_back(self) -> View:
        """View to what the node's recurrent connection took at the step before (0 at first)."""
        (written,) = self._graph.sources(self._node)
        pointer = self._value(self._graph[written], written)
        self._clear(pointer.buffer, slots=1)
        return pointer

    # rows: everything, unless the node runs in a band ------------------------------------

    @property
    def in_band(self) -> bool:
        """Whether the call computes some rows of a map only."""
        return self._rows is not None

    @property
    def first_row(self) -> Argument:
        """The first row that the call computes."""
        return 0 if self._rows is None else ROW

    def row_count(self, given: TensorType) -> int:
        """How many rows of a map the call computes."""
        return given.shape[1] if self._rows is None else self._rows.band.turn

    def row_pixels(self, given: TensorType) -> int:
        """How many pixels of a map the call computes."""
        if self._rows is None:
            return given.pixels
        return given.pixels // self._rows.band.height * self._rows.band.turn

    def row(self, pointer: View, elements: int) -> View:
        """The part at hand of a buffer that holds ``elements`` for a whole map."""
        if self._rows is None:
            return pointer
        return pointer.by_rows(elements // self._rows.band.height)

    def row_input(self, index: int) -> View:
        """The part at hand of an input with rows."""
        return self._row_of(self._graph[self._node.inputs[index]], self.input(index))

    def row_output(self) -> View:
        """The part at hand of the node's own value."""
        return self._row_of(self._node, self.output())

    def row_previous(self) -> View:
        """The part at hand of the node's own value of the step before."""
        return self._row_of(self._node, self.previous_output())

    def _row_of(self, node: Node, pointer: View) -> View:
        if self._is_inner(node):
            return pointer
        return self.row(pointer, layout.elements(node.type))

    def real_input(self, index: int) -> View:
        """View to an input as REAL, converted if it is not."""
        return self._converted(index, Kind.REAL)

    def count_input(self, index: int) -> View:
        """View to an input as COUNT, converted from spikes if need be."""
        return self._converted(index, Kind.COUNT)

    def _converted(self, index: int, kind: Kind) -> View:
        given, source = self.input_type(index), self.input(index)
        if given.kind is kind:
            return source
        wanted = given.of(kind)
        target = self.scratch(f"input{index}", layout.c_type(wanted), layout.elements(wanted))
        if given.kind is Kind.SPIKE:
            suffix = "f32" if kind is Kind.REAL else "count"
            sizes = (given.pixels, given.channels)
            self._line(f"snn_spike_to_{suffix}", (*sizes, source, target), counted=False)
        elif kind is Kind.REAL:
            self._line("snn_count_to_f32", (given.size, source, target), counted=False)
        else:
            raise InternalError("a REAL value cannot become a COUNT", where=self._node.name)
        return target

    def _value(self, node: Node, name: str) -> View:
        stored = node.name in self._stored
        key = node.name if stored or not node.type.temporal else f"{node.name}@{self._stage}"
        if key not in self._program.buffers:
            self._program.buffers[key] = Buffer(
                name=key,
                role="input" if node.plays(Role.INPUT) else "stored" if stored else "values",
                c_type=layout.c_type(node.type),
                elements=self._elements(node),
                slots=self._slots(node, stored),
                life="loop" if fires(node) or isinstance(node.op, EdgeWrite) else "value",
                stage=self._stage,
                node=node.name,
            )
        return View(name, self._program.buffers[key], self._slot(node, stored))

    def _slot(self, node: Node, stored: bool) -> Slot:
        """The slot at hand of a value; the front ones of spikes are zeros."""
        if not stored:
            parted = self._is_inner(node) and self._program.threads > 1
            return Slot("part") if parted else FIRST
        frames = self._frames(node)
        if frames < self._graph.time_steps:  # the input: a ring
            return Slot("step", ring=frames) if frames > 1 else FIRST
        front = 1 if fires(node) else 0
        return Slot("step" if self._looped else "first", plus=front)

    def _frames(self, node: Node) -> int:
        """For how many steps a stored value has room."""
        held = node.op.frames if isinstance(node.op, NetworkInput) else None
        return self._graph.time_steps if held is None else held

    def _slots(self, node: Node, stored: bool) -> int:
        if stored:
            return self._frames(node) + fires(node)
        return self._program.threads if self._is_inner(node) else 1

    def _is_inner(self, node: Node) -> bool:
        return self._rows is not None and node.name in self._rows.band.inner

    def _elements(self, node: Node) -> int:
        whole = layout.elements(node.type)
        if self._rows is None or not self._is_inner(node):
            return whole
        return whole // self._rows.band.height * self._rows.band.turn

    # memory and constants --------------------------------------------------------------

    def state(self, role: str, c_type: str, elements: int, initial: float = 0.0) -> View:
        """State that lives from step to step; set to ``initial`` when the stage begins."""
        pointer = self._memory(role, "states", c_type, elements, "loop")
        if initial == 0.0:
            self._clear(pointer.buffer, slots=1)
        else:
            self._code.begin.uses(pointer)
            self._code.begin.statements.append(Fill(pointer, elements, initial))
        return pointer

    def running(self, role: str, c_type: str, elements: int) -> View:
        """State that lives from step to step; the op itself sets it when the stage begins."""
        return self._memory(role, "states", c_type, elements, "loop")

    def existing_state(self, role: str) -> View | None:
        """State that the op has asked for already, if it has."""
        name = self._own(role)
        buffer = self._program.buffers.get(f"{name}@{self._stage}")
        return None if buffer is None else View(name, buffer)

    def inbox(self, role: str, c_type: str, elements: int) -> View:
        """Memory of the input, which events are pushed into before any step."""
        return self._memory(role, "input", c_type, elements, "loop")

    def scratch(self, role: str, c_type: str, elements: int) -> View:
        """Memory for the duration of the node's own work."""
        return self._memory(role, "scratch", c_type, elements, "node")

    def _memory(self, role: str, kind: Purpose, c_type: str, elements: int, life: Life) -> View:
        name = self._own(role)
        key = f"{name}@{self._stage}"
        buffer = Buffer(key, kind, c_type, elements, 1, life, self._stage, self._node.name)
        self._program.buffers.setdefault(key, buffer)
        return View(name, buffer)

    def constant(
        self,
        role: str,
        values: Array,
        comment: str,
        c_type: str = "float",
        *,
        read_as: str = "",
        own_order: bool = False,
    ) -> ConstantRef:
        """A constant array, laid out as given; ``comment`` names its axes.

        Floats are rounded to float32; integers must fit their type. ``read_as``: the C type that
        kernels read it as, if another. ``own_order``: int8 rows in the order of the core that the C
        is compiled for.
        """
        shape = "×".join(map(str, values.shape))
        constant = Constant(
            self._own(role), c_type, values, f"{comment} {shape}", own_order=own_order
        )
        return self._kept(constant, values, read_as)

    def shared_constant(self, symbol: str, values: Array, comment: str, c_type: str) -> ConstantRef:
        """A constant array that is the same for every node that names it; as :meth:`constant`."""
        shape = "×".join(map(str, values.shape))
        constant = Constant(symbol, c_type, values, f"{comment} {shape}", shared=True)
        return self._kept(constant, values)

    def _kept(self, constant: Constant, values: Array, read_as: str = "") -> ConstantRef:
        c_type = constant.c_type
        if c_type != "float" and not np.array_equal(constant.values, values):
            raise InternalError(f"{constant.symbol} does not fit {c_type}", where=self._node.name)
        self._program.constants[constant.symbol] = constant
        return ConstantRef(constant, read_as or c_type)

    def shape(self, struct: str, **fields: int | float) -> ShapeRef:
        """A constant shape struct; gives its address."""
        symbol = self._own("shape")
        self._program.shapes[symbol] = Shape(symbol, struct, tuple(fields.items()))
        return ShapeRef(self._program.shapes[symbol])

    def function_name(self, role: str) -> str:
        """A name for a C function of the node's own."""
        return self._own(role)

    def function(self, name: str, parameters: Sequence[str], text: str) -> str:
        """Add a C function of the node's own, with the C declarations of its parameters and its
        whole text; gives its name, which :meth:`call` takes."""
        self._program.functions[name] = NodeFunction(text, signature(parameters))
        return name

    def real(self, value: float) -> Real:
        """A float32 literal, exact."""
        return Real(value)

    def enumerator(self, name: str, c_type: str) -> Name:
        """One of a kernel's enumerators, SNN_RESET_HARD say, of the type ``enum snn_reset``."""
        return Name(name, c_type)

    # calls -----------------------------------------------------------------------------

    def call(self, function: str, *args: Argument, counted: bool = True) -> None:
        """Call a kernel where the node runs; its counters are passed last, if it counts."""
        self._program.kernels.setdefault(self._node.name, function)
        self._line(function, args, counted=counted)

    @property
    def batched(self) -> bool:
        """Whether a whole window takes the node several steps at once: then it calls both."""
        return self._looped and self._node.name in self._program.batched

    def batch(self, function: str, *args: Argument) -> None:
        """Call a kernel for ``batch_steps`` steps at once, of which the views are the first."""
        layer = self._code.steps[-1]
        layer.batch = layer.batch or Body()
        self._line(function, args, layer.batch)

    def first(self, function: str, *args: Argument) -> None:
        """Call a function before the first row of a step (it counts nothing)."""
        body = None if self._rows is None else self._rows.before
        self._line(function, args, body, counted=False)

    def last(self, function: str, *args: Argument) -> None:
        """Call a kernel after the last row of a step."""
        self._line(function, args, None if self._rows is None else self._rows.after)

    def begin(self, function: str, *args: Argument) -> None:
        """Call a function before the first step (it counts nothing)."""
        self._line(function, args, self._code.begin, counted=False)

    def end(self, function: str, *args: Argument) -> None:
        """Call a kernel after the last step."""
        self._line(function, args, self._code.end)

    def _line(
        self,
        kernel: str,
        args: tuple[Argument, ...],
        body: Body | None = None,
        counted: bool = True,
    ) -> None:
        body = body or self._section
        for argument in args:
            if isinstance(argument, View):
                body.uses(argument)
        body.statements.append(Call(kernel, args, self.index if counted else None))

    def _clear(self, buffer: Buffer, slots: int) -> None:
        name = buffer.node if buffer.life == "loop" and buffer.role != "states" else None
        view = View(name or buffer.name.split("@")[0], buffer)
        begin = self._code.begin
        if view.name not in begin.locals:
            begin.uses(view)
            begin.statements.append(Clear(view, buffer.elements * slots))

    @property
    def index(self) -> int:
        """Position of the node in the graph: its number in counters and traces."""
        return self._graph.positions[self._node.name]
