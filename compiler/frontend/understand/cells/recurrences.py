"""Any other elementwise recurrence as a cell: the body's own operations, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from snnc.compiler import ops
from snnc.compiler.frontend.fx.constants import spread
from snnc.compiler.frontend.reroll.body import Body, Operand, Value
from snnc.compiler.frontend.understand.body_values import FIRST, Lowered, Operation
from snnc.compiler.frontend.understand.cells.cell_functions import CHANNELWISE, RULES
from snnc.compiler.frontend.understand.cells.cell_operations import (
    UNDERSTOOD,
    Cell,
    Named,
    NoInstructionError,
)
from snnc.compiler.frontend.understand.rules.arithmetic import constant
from snnc.compiler.frontend.understand.rules.composed import as_real
from snnc.compiler.frontend.understand.rules.wiring import broadcast
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.cells.program import REAL
from snnc.compiler.ops.cells.writing import Writing

Reader = Callable[[Operand], Lowered]


class CellBuilder:
    """Writes the program of one value.

    Args:
        o: the operation of the value that the cell gives.
        body: what each step does.
        inside: the values that the program computes; what they read otherwise is an input.
        read: the node behind an operand.
    """

    def __init__(self, o: Operation, body: Body, inside: Iterable[Value], read: Reader) -> None:
        self.o = o
        self.body = body
        self.inside = set(inside)
        self.read = read
        self.inputs: dict[Any, tuple[str, Lowered]] = {}
        self.params: dict[str, Array] = {}
        self.tables: dict[str, Array] = {}
        self.names: dict[Value, Named] = {}
        self.states: dict[Any, str] = {}
        self.by_channel: set[Operand] = set()
        self.following: list[tuple[str, Value | str]] = []

    def build(self, value: Value) -> Lowered:
        """The node that gives ``value``.

        Raises:
            SnncError: UNSUPPORTED_LAYER with the user's line for what no cell computes.
        """
        self._collect(value)
        names = [name for name, _ in self.inputs.values()]
        if not names:
            raise self.o.refused("nothing drives it")
        writing = Writing(*names, params=list(self.params), tables=list(self.tables))
        known = (*names, *self.params, *self.tables, *self.states.values())
        cell = Cell(writing, dict.fromkeys(known, REAL))
        for key, name in self.states.items():
            writing.state(name, self._initial[key])
        output = self._name(cell, value)
        for name, after in self.following:
            follows = after if isinstance(after, str) else self._name(cell, after)
            writing.next(name, str(cell.real(follows)))
        if not isinstance(output, str):
            raise self.o.refused("it is a constant")
        nodes = [self.o.shaped(lowered) for _, lowered in self.inputs.values()]
        params = {**self.params, **self.tables}
        return self.o.add(ops.Cell(program=writing.program(output)), nodes, params)

    # what the program reads ---------------------------------------------------------------

    def _collect(self, value: Value) -> None:
        """Find inputs, parameters, tables and states of all that the value needs."""
        self._initial: dict[Any, float | str] = {}
        waiting, seen, held = [value], {value}, list[Operand]()
        while waiting:
            at = waiting.pop()
            self._check(at)
            for operand in at.operands.values():
                if operand.of is not None and operand.of not in self.inside:
                    self._input(operand)
                    continue
                if operand.of is None or operand.delay:
                    held.append(operand)
                if operand.of is None and at.call.op in CHANNELWISE:
                    self.by_channel.add(operand)
                if operand.of is not None and operand.of not in seen:
                    seen.add(operand.of)
                    waiting.append(operand.of)
        for operand in held:  # constants lie as the batch of the inputs says
            self._constant(operand) if operand.of is None else self._state(operand)

    def _check(self, value: Value) -> None:
        at = Operation(self.o.g, value.call, {})
        if value.first is not None or any(
            operand.of in self.inside and not operand.delay and operand.static
            for operand in value.operands.values()
        ):
            raise at.refused("its first step does something else")
        if value.call.op not in RULES or value.call.dtype not in UNDERSTOOD:
            raise at.refused("no cell computes it")
        if any(operand.item and operand.of in self.inside for operand in value.operands.values()):
            raise at.refused("it reads a further result, which no cell computes")
        if at.call.shape != self.o.call.shape:
            raise at.refused(f"it has {list(at.shape)} where the cell has {list(self.o.shape)}")

    def _input(self, operand: Operand) -> None:
        assert operand.of is not None
        key = _key(operand)
        if key not in self.inputs:
            given = self.read(operand)
            if not isinstance(given, Lowered):
                raise self.o.refused("a cell reads values of the network only")
            self._place_batch(given)
            self.inputs[key] = (f"x{len(self.inputs)}", broadcast(self.o, given))

    def _place_batch(self, given: Lowered) -> None:
        """Let the batch stand where it stands in all that the program reads."""
        place = len(self.o.call.shape) + given.batch - given.rank
        if self.inputs and place != self.o.batch:
            raise self.o.refused("the samples of its operands stand in other axes", FIRST)
        self.o.batch = place

    def _constant(self, operand: Operand) -> Named:
        """A static operand: a number, or the role of a parameter or table."""
        graph = self.body.graph
        single = operand.constant
        if single is not None:
            return self._role(self._placed(operand, graph.value(single)))
        steps = [self._placed(operand, graph.value(operand.static[t])) for t in self._steps]
        shape = self.o.shape
        rows = [np.broadcast_to(spread(constant(self.o, step), shape), shape) for step in steps]
        return self._kept(self.tables, "table", np.stack(rows))

    @property
    def _steps(self) -> range:
        return range(self.body.graph.time_steps)

    def _placed(self, operand: Operand, value: torch.Tensor) -> torch.Tensor:
        """A constant with its axes where PyTorch's broadcasting looks for them."""
        if operand not in self.by_channel:
            return value
        if self.o.batch or self.o.folded:
            raise self.o.refused("its channels are not the axis behind the batch", FIRST)
        return value.reshape(-1, *[1] * (len(self.o.shape) - 1))

    def _role(self, value: torch.Tensor) -> Named:
        array = constant(self.o, value)
        if array.ndim == 0:
            return float(array)
        return self._kept(self.params, "param", spread(array, self.o.shape))

    def _kept(self, roles: dict[str, Array], what: str, array: Array) -> str:
        for role, known in roles.items():
            if known.shape == array.shape and bool((known == array).all()):
                return role
        roles[f"{what}{len(roles)}"] = array
        return f"{what}{len(roles) - 1}"

    def _state(self, operand: Operand) -> str:
        """The state that holds a value of ``delay`` steps before; a chain of them for more."""
        value = operand.of
        assert value is not None
        starts = [operand.static.get(step) for step in range(operand.delay)]
        if any(start is None for start in starts[: self.body.graph.time_steps]):
            raise self.o.refused("it has no initial value")
        key = (value, operand.item, tuple(starts))
        if key in self.states:
            return self.states[key]
        after: Value | str = value
        for place in range(len(starts) - 1, -1, -1):
            part = (value, operand.item, tuple(starts[place:]))
            if part not in self.states:
                start = starts[place]
                assert start is not None
                self.states[part] = f"s{len(self.states)}"
                self._initial[part] = self._role(self.body.graph.value(start))
                self.following.append((self.states[part], after))
            after = self.states[part]
        return self.states[key]

    # the program --------------------------------------------------------------------------

    def _name(self, cell: Cell, value: Value) -> Named:
        if value not in self.names:
            arguments = dict(value.call.arguments)
            for name, operand in value.operands.items():
                arguments[name] = self._read(cell, operand)
            try:
                self.names[value] = RULES[value.call.op](cell, arguments)
            except NoInstructionError as error:
                raise Operation(self.o.g, value.call, {}).refused(f"{error} has no cell") from error
        return self.names[value]

    def _read(self, cell: Cell, operand: Operand) -> Named:
        if operand.of is None:
            return self._constant(operand)
        if operand.of not in self.inside:
            return self.inputs[_key(operand)][0]
        return self._state(operand) if operand.delay else self._name(cell, operand.of)


def _key(operand: Operand) -> Any:
    """What is the same for operands that read the same."""
    return operand.of, operand.item, operand.delay, tuple(sorted(operand.static.items()))


def delay_from(o: Operation, value: Lowered, starts: Sequence[torch.Tensor]) -> Lowered:
    """``value`` so many steps before as there are ``starts``, which it begins with."""
    first = _Starting(o, starts)
    for name, after in zip(first.names, [*first.names[1:], "x"], strict=True):
        first.writing.next(name, after)
    return first.node(value, first.names[0])


def begun_with(o: Operation, value: Lowered, starts: Sequence[torch.Tensor]) -> Lowered:
    """``value``, but for the first steps, in which it is one of ``starts`` each."""
    first = _Starting(o, starts)
    w = first.writing
    flags = [w.state(f"f{place}", 1.0) for place in range(len(starts))]
    zero = w("sub", flags[0], flags[0])
    for names, last in ((first.names, zero), (flags, zero)):
        for name, after in zip(names, [*names[1:], last], strict=True):
            w.next(name, after)
    return first.node(value, w("where", w("ne", flags[0], 0.0), first.names[0], "x"))


class _Starting:
    """A cell with one input and a state for each of some initial values, the first one first."""

    def __init__(self, o: Operation, starts: Sequence[torch.Tensor]) -> None:
        self._o = o
        self._params: dict[str, Array] = {}
        initial: list[float | str] = []
        for start in starts:
            array = constant(o, start)
            role = f"param{len(self._params)}"
            if array.ndim:
                self._params[role] = spread(array, o.shape)
            initial.append(role if array.ndim else float(array))
        self.writing = Writing("x", params=list(self._params))
        self.names = [self.writing.state(f"s{place}", at) for place, at in enumerate(initial)]

    def node(self, value: Lowered, output: str) -> Lowered:
        """The finished cell on ``value``, as a real number: nothing is decided here."""
        o, op = self._o, ops.Cell(program=self.writing.program(output))
        return o.add(op, [as_real(o, o.shaped(value))], self._params)
