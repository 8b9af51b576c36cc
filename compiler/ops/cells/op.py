"""The operator ``cell``: any elementwise recurrence, as a typed program (:mod:`.program`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch

from snnc.compiler.ir.attributes import Parameter, arrays, attribute
from snnc.compiler.ir.graph import Array as Values
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ops.base import (
    Counts,
    Layout,
    Most,
    Rows,
    Sample,
    expect_time,
    shape_error,
    unsupported,
)
from snnc.compiler.ops.cells import error as bounds
from snnc.compiler.ops.cells.c_code import Array, Function
from snnc.compiler.ops.cells.cost import cost_of
from snnc.compiler.ops.cells.kinds import kind_of, output_range
from snnc.compiler.ops.cells.lazy import Split, decided_too_late, split
from snnc.compiler.ops.cells.program import COMPARISONS, Program, fault
from snnc.compiler.ops.cells.running import Running, running, stored, taken
from snnc.compiler.ops.cells.samples import STEPS, cases
from snnc.compiler.ops.elementwise import constants as elementwise
from snnc.compiler.ops.neurons.spiking import Spiking
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter
from snnc.errors import InternalError


class Cell(Spiking):
    """One program for each element of its inputs, which all have one shape.

    attributes: ``program``. params: one for each of the program's ``params`` (per channel
    [C, 1, ...] or per element) and ``tables`` (the same with one entry a step in front). The
    output's kind follows from the program (:mod:`.kinds`); a SPIKE or COUNT is a decision, which
    can be forced, and what follows it runs at the next step (:mod:`.lazy`).
    """

    name = "cell"
    layout = Layout.ALIKE
    program: Program = attribute("a cell's program", lambda value: isinstance(value, Program))

    @property
    def parameters_taken(self) -> tuple[Parameter, ...]:
        return arrays(*self.program.params, *self.program.tables)

    def time(self) -> Time:
        return Time.STATE if self.program.states else Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        program = self.program
        _check_program(view.node, program, view.types)
        given = view.types[0]
        if len({entry.shape for entry in view.types}) > 1:
            raise shape_error(
                view.node,
                f"a cell takes values of one shape, got {', '.join(map(str, view.types))}",
            )
        if any(entry.dtype for entry in view.types):
            raise unsupported(
                view.node,
                "a cell computes in float32, and has no int8 form",
                "Compile with --dtype f32.",
            )
        temporal = any(entry.temporal for entry in view.types)
        if program.states or program.tables:
            expect_time(view.node, TensorType(given.shape, given.kind, temporal))
        tables = {role: view.params[role][0] for role in program.tables}
        plain = {role: view.params[role] for role in program.params}
        elementwise.check_shapes(view.node, given, plain | tables)
        kind = kind_of(program, [x.kind for x in view.types])
        return TensorType(given.shape, kind, temporal, packed=given.packed)

    def reference(self, run: NodeRun) -> torch.Tensor:
        steps = run.on(())
        return torch.cat([self.advance(steps.at(step)) for step in _by_steps(run.inputs)])

    def advance(self, run: NodeRun) -> torch.Tensor:
        """One step, as the reference takes it; the memory holds the step's number and values."""
        cut, t = self._cut(run.type), run.memory.get("t", 0)
        if "cell" not in run.memory:
            run.memory["cell"] = running(cut, run.params, run.inputs[0])
        cell: Running[torch.Tensor] = run.memory["cell"]
        values = cell.step(t, [x[0] for x in run.inputs], run.memory.get("values", {}))
        run.memory.update({"t": t + 1, "values": values})
        value = stored(cut, values[cut.decision], run.inputs[0].dtype)
        return value.broadcast_to(run.type.shape)[None]

    def error(self, run: BoundedRun) -> torch.Tensor:
        """Of a decision how far a correct run may be from it: 1 for a spike that may not be."""
        decision = self._cut(run.type).decision
        steps = self.bounded(run)
        found = [values[decision].error.to(run.output.dtype) for values in steps]
        return torch.stack([error.broadcast_to(run.type.shape) for error in found])

    def bounded(self, run: BoundedRun) -> Iterator[dict[str, bounds.Bounded]]:
        """All values with their bounds at each step, which goes on from the output of the last."""
        cut = self._cut(run.type)
        cell = bounds.bounded_running(cut, run.params, run.output)
        before: dict[str, bounds.Bounded] = {}
        pairs = zip(_by_steps(run.inputs), _by_steps(run.errors), strict=True)
        for t, (step, step_errors) in enumerate(pairs):
            given = [
                bounds.Bounded(x[0], error[0]) for x, error in zip(step, step_errors, strict=True)
            ]
            before = cell.step(t, given, before)
            yield before
            if run.type.kind is not Kind.REAL:
                before = before | {cut.decision: bounds.known(cut, run.output[t])}

    def margins(self, run: BoundedRun) -> list[tuple[torch.Tensor | None, torch.Tensor | None]]:
        """For each step how far apart the two values are that the decision compares, and the bound
        of that; None where no comparison decides."""
        cut = self._cut(run.type)
        entry = cut.program.by_name.get(cut.decision)
        steps = self.bounded(run)
        if entry is None or entry.op not in COMPARISONS:
            return [(None, None) for _ in steps]
        return [bounds.difference(*(values[name] for name in entry.args)) for values in steps]

    def forced(self, run: NodeRun, output: torch.Tensor) -> Iterator[dict[str, torch.Tensor]]:
        """All values at each step of a cell that goes on from the decisions ``output`` [T, *shape]
        of a real run, in the dtype of ``output``."""
        cut, values = self._cut(run.type), dict[str, torch.Tensor]()
        cell = running(cut, run.params, output)
        for t, step in enumerate(_by_steps(run.inputs)):
            values = cell.step(t, [x[0] for x in step], values)
            yield values
            values = values | {cut.decision: taken(cut, output[t])}

    def decisions(self, run: NodeRun, output: torch.Tensor) -> torch.Tensor:
        """What a cell that is forced to ``output`` would have decided itself, [T, *shape]."""
        cut = self._cut(run.type)
        steps = self.forced(run, output)
        own = [stored(cut, values[cut.decision], output.dtype) for values in steps]
        return torch.stack([value.broadcast_to(run.type.shape) for value in own])

    def potentials(self, run: NodeRun, spikes: torch.Tensor) -> torch.Tensor:
        name = self._cut(run.type).membrane
        if not name:
            raise InternalError("the cell keeps no membrane potential", where=run.node.name)
        steps = self.forced(run, spikes)
        return torch.stack([values[name].broadcast_to(run.type.shape) for values in steps])

    def keeps_potential(self, node: Node) -> bool:
        cut = self._cut(node.type)
        return bool(cut.membrane) and cut.membrane in cut.kept

    def potential(self, run: BoundedRun) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The membrane potential before the reset with its bound, each [T, *shape]; None where it
        keeps none."""
        name, shape = self._cut(run.type).membrane, run.type.shape
        if not name:
            return None
        found = [v[name] for v in self.bounded(run)]
        return (
            torch.stack([entry.value.broadcast_to(shape) for entry in found]),
            torch.stack([entry.error.broadcast_to(shape) for entry in found]),
        )

    def fixed_threshold(self, view: NodeView) -> Values | None:
        cut, params = self._cut(view.type), view.params
        entry = cut.program.by_name.get(cut.decision)
        if entry is None or entry.op not in ("ge", "gt"):
            return None
        left, right = entry.args
        level = _still_value(cut, params, right)
        difference = cut.program.by_name.get(left)
        if left != cut.membrane and difference is not None and difference.op == "sub":
            left, taken_off = difference.args
            offset = _still_value(cut, params, taken_off)
            level = None if level is None or offset is None else level + offset
        return level if left == cut.membrane else None

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        """Counts of a cell have a range of their own, whatever it reads."""
        kinds = [entry.kind for entry in view.types]
        return Most(0, int(output_range(self.program, kinds).high))

    def states(self, node: Node) -> int:
        return len(self._cut(node.type).kept)

    def count(self, run: NodeRun) -> Counts:
        cut, n = self._cut(run.type), run.type.size
        cost = cost_of((*cut.after, *cut.before))
        steps = max(len(x) for x in run.inputs)
        return Counts.of(steps, mul=cost.mul * n, add=cost.add * n, cmp=cost.cmp * n)

    def rows_of(self, view: NodeView) -> Rows:
        """Parameters are laid out for whole maps."""
        return Rows.MAP if len(view.type.shape) == 3 and not view.node.params else Rows.NEVER

    def emit(self, node: Node, c: Emitter) -> None:
        cut, given = self._cut(node.type), node.type
        arrays = {role: self._array(node, c, role) for role in node.params}
        types = [c.input_type(index) for index in range(len(node.inputs))]
        function = Function(c.function_name("cell"), cut, types, given, arrays)
        kept = [
            c.state("u" if name == cut.membrane else f"kept_{name}", "float", given.size)
            for name in cut.kept
        ]
        c.call(
            c.function(function.name, function.parameters, function.text()),
            c.row_pixels(given),
            c.steps_done,
            *(c.row_input(index) for index in range(len(types))),
            *((c.row_previous(),) if function.reads_decision else ()),
            *(c.row(pointer, given.size) for pointer in kept),
            c.row_output(),
        )

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for program, inputs, params in cases():
            yield Sample(cls(program=program), inputs, params, time_steps=STEPS)

    def _cut(self, made: TensorType) -> Split:
        return split(self.program, made.kind is not Kind.REAL)

    def _array(self, node: Node, c: Emitter, role: str) -> Array:
        """Emit a parameter or table, with its layout."""
        given, values = node.type, c.param(role)
        table = role in self.program.tables
        if table and len(values) != c.time_steps:
            raise shape_error(node, f"{role} has {len(values)} entries for {c.time_steps} steps")
        entries = values if table else values[None]
        varied = elementwise.varies(given, entries[0])
        pixel_major = np.stack([elementwise.laid_out(given, entry, varied) for entry in entries])
        axes = "[step][pixel][channel]" if table else "[pixel][channel]"
        constant = c.constant(role, pixel_major if table else pixel_major[0], axes).constant
        stride = given.channels if varied else 0
        return Array(constant.expression, stride, pixel_major[0].size if table else 0)


def _still_value(cut: Split, params: Mapping[str, Values], name: str) -> Values | None:
    """The value of a constant or of a parameter that is the same at every step."""
    if name in cut.program.params:
        return params[name]
    entry = cut.program.by_name.get(name)
    constant = entry is not None and entry.op == "constant"
    return np.array(entry.constant) if entry is not None and constant else None


def _by_steps(values: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """The values at each step, [1, *shape]; one of the whole window is the same at all."""
    for t in range(max(len(x) for x in values)):
        yield [x[t : t + 1] if len(x) > 1 else x for x in values]


def _check_program(node: Node, program: Program, inputs: Sequence[TensorType]) -> None:
    hint = "Mend the importer that has made the cell."
    if wrong := fault(program):
        raise unsupported(node, wrong, hint)
    if late := decided_too_late(program):
        raise unsupported(node, f"the membrane potential {late!r} follows the decision", hint)
    if len(inputs) != len(program.inputs):
        raise shape_error(node, f"{len(inputs)} inputs are given to a cell of {program.inputs}")
