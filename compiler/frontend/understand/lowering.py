"""From the body of a loop to the graph: each value once, by its rule or as part of a recurrence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from snnc.compiler.frontend.adapters.recurrence import Recurrence as Connection
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.outputs import READOUTS
from snnc.compiler.frontend.recognise.algebra import NotPolynomialError
from snnc.compiler.frontend.recognise.firing import Firing, firing_of
from snnc.compiler.frontend.recognise.linear import Linear, Recurrence, Source
from snnc.compiler.frontend.reroll.body import Body, Late, Operand, Output, Sequence, Value
from snnc.compiler.frontend.reroll.steps import INPUT, MIX, REDUCE, Ref, StepCall
from snnc.compiler.frontend.understand import neurons
from snnc.compiler.frontend.understand.body_values import Lowered, Operation, apply
from snnc.compiler.frontend.understand.cells.late_values import compares, late_cell
from snnc.compiler.frontend.understand.cells.recurrences import CellBuilder, begun_with, delay_from
from snnc.compiler.frontend.understand.regions import Regions, has_cell, is_elementwise
from snnc.compiler.frontend.understand.rules import layers
from snnc.compiler.frontend.understand.rules.table import TABLE
from snnc.compiler.frontend.understand.taps import place
from snnc.compiler.ir.graph import Kind
from snnc.compiler.ops import Delay
from snnc.errors import UNSUPPORTED_LAYER, SnncError

SEVERAL = (
    torch.ops.aten.split.Tensor,
    torch.ops.aten.split_with_sizes.default,
    torch.ops.aten.unbind.int,
    torch.ops.aten.var_mean.correction,
    torch.ops.aten.std_mean.correction,
)
"""Overloads whose rules give a list of values."""
TABLES = "a constant that differs from step to step has no operator"
_ACCUMULATING = (torch.ops.aten.add.Tensor,)


class Lowering:
    """Builds the graph of one body.

    Args:
        g: the graph under construction, with its input.
        body: what each step does.
        inputs: node of each input, by name.
    """

    def __init__(self, g: Importing, body: Body, inputs: Mapping[str, str]) -> None:
        self.g = g
        self.body = body
        self.inputs = inputs
        self.regions = Regions(body)
        self.lowered: dict[tuple[Value, int], Any] = {}
        self.opened: set[tuple[Value, int]] = set()
        self.late: dict[Late, Any] = {}
        self.connections: dict[Value, Connection] = {}
        self.neurons: dict[Value, Lowered] = {}
        self.spikes: dict[str, tuple[Value, bool]] = {}
        """For nodes that decide the comparison behind them, and whether it is the negation."""
        self.fires = {
            value: firing
            for value in self.regions.order
            if (firing := firing_of(body, value)) is not None
        }
        for value in self.regions.order:
            if not (has_cell(value) if value in self.regions.recurrence else is_elementwise(value)):
                self.value(value, 0)

    # what outputs are -------------------------------------------------------------------

    def output(self, output: Output) -> Lowered:
        """The node of an output."""
        found = (
            self.read(output.value, None) if isinstance(output, Sequence) else self.window(output)
        )
        if not isinstance(found, Lowered):
            raise SnncError(
                UNSUPPORTED_LAYER,
                "an output does not depend on the input",
                hint="Return values of the network.",
            )
        return found

    def close(self) -> None:
        """Connect what layers read of the step before. Raises SnncError where it is no spikes."""
        for value, connection in list(self.connections.items()):
            carried = self.value(value, 0)
            connection.close(self.g, Operation(self.g, value.call, {}).shaped(carried))

    def window(self, late: Late) -> Any:
        """A value of the whole window."""
        if late not in self.late:
            self.late[late] = self._window(late)
        return self.late[late]

    def _window(self, late: Late) -> Any:
        if late.call is None:
            return self._last(late)
        if late.call.op == REDUCE:
            return self._reduced(late.call, late.of, late.call.arguments["function"])
        if late.call.op not in TABLE and is_elementwise(Value(late.call)):
            return self._late_cell(late.call, late.operands)
        arguments = dict(late.call.arguments)
        for name, read in late.operands.items():
            given = self.window(read) if isinstance(read, Late) else self.body.graph.value(read)
            place(arguments, name, given)
        operation = Operation(self.g, late.call, arguments)
        try:
            return apply(operation)
        except SnncError as error:
            if not is_elementwise(Value(late.call)):
                raise
            return self._late_cell(late.call, late.operands, error)

    def _late_cell(
        self, call: StepCall, operands: Mapping[str, Late | Ref], before: SnncError | None = None
    ) -> Lowered:
        """A real value of the whole window as a cell, with the comparisons that it chooses by."""
        value, sources = late_cell(call, operands)
        inside = {value, *(of for late, of in sources.items() if compares(late))}
        reads: dict[Value | None, Any] = {
            of: self.window(late) for late, of in sources.items() if of not in inside
        }
        before = before or Operation(self.g, call, {}).refused("there is no operator for it")
        made = self._built(value, inside, lambda operand: reads[operand.of], before)
        if self.g.type_of(made.name).kind is not Kind.REAL:
            raise before
        return made

    def _reduced(self, call: StepCall, of: Operand | None, function: str) -> Lowered:
        operation = Operation(self.g, call, {})
        assert of is not None
        value = self.read(of, call)
        name = operation.add(READOUTS[function](), [operation.shaped(value)]).name
        return Lowered(name, value.shape, value.folded)

    def _last(self, late: Late) -> Lowered:
        """The value of the last step; of running sums it is the sum."""
        assert late.of is not None
        value = late.of.of
        assert value is not None
        term = None if late.of.delay else _added(self.body, value)
        if term is not None:
            return self._reduced(value.call, term, "sum")
        if not late.of.delay:
            return self._reduced(value.call, late.of, "last")
        zeros = self.body.graph.constant(torch.zeros(value.call.shape), value.call.source)
        before = dict.fromkeys(range(late.of.delay), zeros)  # which the last step does not see
        earlier = Operand(value, late.of.item, late.of.delay, before)
        return self._reduced(value.call, earlier, "last")

    # values of a step -------------------------------------------------------------------

    def read(self, operand: Operand, by: StepCall | None) -> Any:
        """What an operand reads: a node's value, or a tensor of the model."""
        graph = self.body.graph
        if operand.of is None:
            constant = operand.constant
            call = by or graph.calls[0]
            if constant is None:
                raise Operation(self.g, call, {}).refused(TABLES)
            return graph.value(constant)
        if operand in self.regions.closing:
            return self._returning(operand)
        value = self.value(operand.of, operand.item)
        if operand.delay:
            return self._delayed(operand, value)
        return self._begun(operand, value) if operand.static else value

    def _begun(self, operand: Operand, value: Any) -> Lowered:
        """A value in whose first steps something else stands."""
        assert operand.of is not None
        operation = Operation(self.g, operand.of.call, {})
        steps = sorted(operand.static)
        if not isinstance(value, Lowered) or steps != list(range(len(steps))):
            raise operation.refused("some steps give a constant instead")
        return begun_with(
            operation, value, [self.body.graph.value(operand.static[t]) for t in steps]
        )

    def _delayed(self, operand: Operand, value: Lowered) -> Lowered:
        assert operand.of is not None
        operation = Operation(self.g, operand.of.call, {})
        graph = self.body.graph
        starts = [graph.value(ref) for _, ref in sorted(operand.static.items())]
        if len(starts) != min(operand.delay, graph.time_steps):
            raise operation.refused("a delay without initial values has no operator")
        if any(bool(start.any()) for start in starts):
            return delay_from(operation, value, starts)
        name = operation.shaped(value)
        made = operation.add(Delay(steps=operand.delay), [name])
        return Lowered(made.name, value.shape, value.folded)

    def _returning(self, operand: Operand) -> Lowered:
        """Spikes of the step before, that a layer of their own loop reads."""
        value = operand.of
        assert value is not None
        operation = Operation(self.g, value.call, {})
        starts = [bool(self.body.graph.value(ref).any()) for ref in operand.static.values()]
        if any(starts):
            raise operation.refused("a recurrent connection that does not begin with zeros")
        if value not in self.connections:
            self.connections[value] = Connection.of(self.g, operation.path, operation.shape)
        name = self.connections[value].spikes
        if operand.delay > 1:
            name = operation.add(Delay(steps=operand.delay - 1), [name]).name
        return Lowered(name, operation.shape, operation.folded)

    def value(self, value: Value, item: int) -> Any:
        """A value of the body."""
        key = (value, item)
        if key not in self.lowered:
            if key in self.opened:
                raise Operation(self.g, value.call, {}).refused(
                    "it depends on its own results of steps before, as no operator does"
                )
            self.opened.add(key)
            made = self._value(value, item)
            for place, part in enumerate(made) if isinstance(made, list) else [(item, made)]:
                self.lowered[value, place] = part
        return self.lowered[key]

    def _value(self, value: Value, item: int) -> Any:
        call = value.call
        if call.op == INPUT:
            return Lowered(self.inputs[call.arguments["name"]], call.shape[1:])
        if item and call.op not in SEVERAL:
            raise Operation(self.g, call, {}).refused("its further results have no operator")
        if value in self.fires:
            return self._fired(value, self.fires[value])
        if value in self.regions.recurrence and not self._of_spikes(value):
            return self._recurrent(value)
        if value.first is not None:
            other = self.body.graph[value.first]
            raise Operation(self.g, call, {}).refused(
                f"the first step does something else ({other.name} at {other.source})",
                "Let each step do the same, from the first on.",
            )
        if has_cell(value) and any(operand.is_table for operand in value.operands.values()):
            return self._cell(value, [value], Operation(self.g, call, {}).refused(TABLES))
        return self._applied(value, call)

    def _applied(self, value: Value, call: StepCall) -> Any:
        """A value by the rule of its operation, or else as a cell."""
        arguments = dict(call.arguments)
        for name, operand in value.operands.items():
            place(arguments, name, self.read(operand, call))
        if call.op == MIX:
            return layers.mixed(Operation(self.g, call, arguments))
        try:
            return apply(Operation(self.g, call, arguments))
        except SnncError as error:
            if not is_elementwise(value):
                raise
            return self._cell(value, [value], error)

    def _cell(self, value: Value, inside: Iterable[Value], before: SnncError) -> Lowered:
        """A value as a cell of its own operations. Raises ``before`` where there is none."""
        made = self._built(value, inside, lambda x: self.read(x, value.call), before)
        if self.g.type_of(made.name).kind is not Kind.REAL:
            self.spikes[made.name] = (value, False)
        return made

    def _built(
        self,
        value: Value,
        inside: Iterable[Value],
        read: Callable[[Operand], Any],
        before: SnncError,
    ) -> Lowered:
        o = Operation(self.g, value.call, {})
        try:
            return CellBuilder(o, self.body, inside, read).build(value)
        except SnncError as error:
            if error.code is not UNSUPPORTED_LAYER:
                raise
            what = f"{before.what}; and as a cell: {error.what}"
            raise SnncError(before.code, what, where=before.where, hint=before.hint) from error

    # recurrences ------------------------------------------------------------------------

    def _fired(self, value: Value, firing: Firing) -> Lowered:
        """Spikes: of a neuron, of a value without memory, or of a cell."""
        inside = self.regions.recurrence.get(firing.potential)
        try:
            return self._of_neuron(value, firing)
        except SnncError as error:
            if inside is None or error.code is not UNSUPPORTED_LAYER:
                raise
            return self._cell(value, {*inside, value}, error)

    def _of_neuron(self, value: Value, firing: Firing) -> Lowered:
        fires = [v for v, other in self.fires.items() if firing.same_spikes(other)]
        if fires[0] not in self.neurons:
            self.neurons[fires[0]] = spikes = self._neuron(fires[0], self.fires[fires[0]])
            seen = max(fires, key=lambda fire: len(fire.members))
            self.spikes[spikes.name] = (seen, self.fires[seen].negated)
        spikes = self.neurons[fires[0]]
        if not firing.negated:
            return spikes
        return neurons.negated(Operation(self.g, value.call, {}), spikes)

    def _neuron(self, value: Value, firing: Firing) -> Lowered:
        potential = firing.potential
        operation = Operation(self.g, potential.call, {})
        inside = self.regions.recurrence.get(potential)
        if inside is None:
            x = self.value(potential, 0)
            if not isinstance(x, Lowered):
                raise operation.refused("its result is compared with a threshold")
            return neurons.threshold_only(Operation(self.g, value.call, {}), firing, x)
        fires = {v: f for v, f in self.fires.items() if f.potential is potential}
        if any(not firing.same_spikes(other) for other in fires.values()):
            raise operation.refused("a potential with two thresholds has no operator")
        found = self._linear(potential, inside, fires)
        return neurons.neuron(operation, found, firing, self._source)

    def _of_spikes(self, value: Value) -> bool:
        """Whether a value of a recurrence is made of its spikes of the same step alone."""
        operands = [operand for operand in value.operands.values() if operand.of is not None]
        return bool(operands) and all(
            not operand.delay
            and operand.of is not None
            and (operand.of in self.fires or self._of_spikes(operand.of))
            for operand in operands
        )

    def _recurrent(self, value: Value) -> Lowered:
        """A value of a recurrence that is no spike: the potential of an integrator."""
        inside = self.regions.recurrence[value]
        try:
            found = self._linear(value, inside, {})
            return neurons.integrator(Operation(self.g, value.call, {}), found, self._source)
        except SnncError as error:
            if error.code is not UNSUPPORTED_LAYER:
                raise
            return self._following(value, inside, error)

    def _following(self, value: Value, inside: frozenset[Value], before: SnncError) -> Lowered:
        """A potential beside the spikes of its neuron: as a cell that is given what the neuron
        decides, so that there is one decision. Where nothing else reads the spikes, they cannot be
        read, or PyTorch does not decide at every step (nothing reads the last spikes), as a cell
        that decides itself."""
        decisions = inside & self.fires.keys()
        steps = self.body.graph.time_steps
        apart = any(self.regions.readers[decision] - inside for decision in decisions)
        if not apart or any(len(decision.members) < steps for decision in decisions):
            return self._cell(value, inside, before)
        try:
            return self._cell(value, inside - decisions, before)
        except SnncError as error:
            if error.code is not UNSUPPORTED_LAYER:
                raise
            return self._cell(value, inside, before)

    def _linear(
        self, potential: Value, inside: frozenset[Value], fires: Mapping[Value, Firing]
    ) -> Linear:
        try:
            return Recurrence(self.body, potential, inside, fires, self.g.samples).linear()
        except NotPolynomialError as reason:
            raise Operation(self.g, potential.call, {}).refused(
                f"this recurrence is not the linear one ({reason})"
            ) from reason

    def _source(self, source: Source) -> Lowered:
        value = self.value(source.value, source.item)
        if not isinstance(value, Lowered):
            raise Operation(self.g, source.value.call, {}).refused("it drives a neuron")
        return value


def _added(body: Body, value: Value) -> Operand | None:
    """The term of a running sum from 0: s[t] = s[t-1] + x[t]; None for anything else."""
    if value.call.op not in _ACCUMULATING or value.call.arguments["alpha"] != 1:
        return None
    operands = [value.operands.get(name) for name in ("self", "other")]
    for before, term in (operands, operands[::-1]):
        if before is None or term is None or before.of is not value or before.delay != 1:
            continue
        if not term.delay and not term.static and _starts(body, value, before, term):
            return term
    return None


def _starts(body: Body, value: Value, before: Operand, term: Operand) -> bool:
    """Whether the first step of a running sum is its first term."""
    graph = body.graph
    if value.first is None:
        start = before.static.get(0)
        return start is not None and not bool(graph.value(start).any())
    first = value.first
    while (call := graph[first]).op in _ACCUMULATING and call.arguments["other"] == 0:
        first = call.arguments["self"]
    return isinstance(first, Ref) and body.value_of(first) is term.of
