"""The typed program of a cell: what it is made of, when it is well formed, how it is printed.

A cell runs one small program for every element of a value, at every time step. All names of a
program share one space: inputs, parameters, tables, states, and what the instructions give::

    Program      (inputs, body, output, states, params, tables, membrane)
    Instruction  (name, op, args, value)      each name is given once, and before it is read
    State        (name, next, initial)        the value of the step before; ``next`` becomes it

A value is *real* (float32: one rounding an operation, in the given order) or *bool*. A whole number
is a real that happens to be whole; :mod:`snnc.compiler.ops.cells.kinds` finds out which are.
Parameters are roles of the node, one value per channel [C, 1, ...] or per element; tables are
parameters with one more axis in front, of which step t reads entry t.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

REAL, BOOL = "real", "bool"


@dataclass(frozen=True)
class Operation:
    """Types of what an operation takes, and of what it gives."""

    takes: tuple[str, ...]
    gives: str


_UNARY = (
    *("neg", "abs", "sign", "square", "reciprocal", "round", "floor", "ceil", "trunc"),
    *("sqrt", "exp", "log", "tanh", "sigmoid", "erf"),
)
_BINARY = ("add", "sub", "mul", "div", "minimum", "maximum", "pow")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")

OPERATIONS: dict[str, Operation] = {
    "constant": Operation((), REAL),
    **{name: Operation((REAL,), REAL) for name in _UNARY},
    **{name: Operation((REAL, REAL), REAL) for name in _BINARY},
    "clamp": Operation((REAL, REAL, REAL), REAL),
    **{name: Operation((REAL, REAL), BOOL) for name in COMPARISONS},
    "and": Operation((BOOL, BOOL), BOOL),
    "or": Operation((BOOL, BOOL), BOOL),
    "not": Operation((BOOL,), BOOL),
    "where": Operation((BOOL, REAL, REAL), REAL),
    "number": Operation((BOOL,), REAL),
}
"""Every operation: those of PyTorch that have its name. ``clamp`` takes value, least and largest;
``round`` goes to even; ``number`` is the 0 or 1 of a bool; ``constant`` gives ``value``."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Instruction:
    """``name = op(*args)``.

    The ``value`` of a constant is rounded to float32, as PyTorch's CPU kernels round the Python
    number of an operation on float32 tensors before they use it.
    """

    name: str
    op: str
    args: tuple[str, ...] = ()
    value: float = 0.0

    @property
    def constant(self) -> float:
        """The float32 value of a constant."""
        with np.errstate(over="ignore"):
            return float(np.float32(self.value))

    def __str__(self) -> str:
        if self.op == "constant":
            return f"{self.name} = {self.constant!r}"
        return f"{self.name} = {self.op}({', '.join(self.args)})"


@dataclass(frozen=True)
class State:
    """A real value that lives from step to step: ``initial`` (a number or the name of a parameter)
    at the first, then what ``next`` was."""

    name: str
    next: str
    initial: float | str = 0.0


@dataclass(frozen=True)
class Program:
    """What a cell computes for each element at each step.

    Attributes:
        inputs: names of the node's inputs, in their order, as reals.
        body: the instructions, in order.
        output: the name of the value that the node gives; a bool is given as 0 or 1.
        states: what it keeps from step to step.
        params: roles of the node's parameters that are the same at every step.
        tables: roles of parameters with one entry a step.
        membrane: the value that traces show as membrane potential of a cell that fires; empty for
            what its decision compares (:func:`snnc.compiler.ops.cells.lazy.split`).
    """

    inputs: tuple[str, ...]
    body: tuple[Instruction, ...]
    output: str
    states: tuple[State, ...] = ()
    params: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    membrane: str = ""

    @cached_property
    def types(self) -> dict[str, str]:
        """Type of every name, of a program without :func:`fault`."""
        given = (*self.inputs, *self.params, *self.tables, *(state.name for state in self.states))
        return dict.fromkeys(given, REAL) | {
            entry.name: OPERATIONS[entry.op].gives for entry in self.body
        }

    @cached_property
    def by_name(self) -> dict[str, Instruction]:
        """Instructions by the name that they give."""
        return {entry.name: entry for entry in self.body}

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(program: Program) -> Iterator[str]:
    given = (("input", program.inputs), ("param", program.params), ("table", program.tables))
    yield from (f"{what} {name}" for what, names in given for name in names)
    yield from (f"state {state.name} = {state.initial}" for state in program.states)
    yield from (f"    {entry}" for entry in program.body)
    yield from (f"next {state.name} = {state.next}" for state in program.states)
    yield f"give {program.output}"


def fault(program: Program) -> str:
    """What is wrong with a program, naming the instruction; empty where nothing is."""
    return next(_faults(program), "")


def _faults(program: Program) -> Iterator[str]:
    known: dict[str, str] = {}
    if not program.inputs:
        yield "the program has no input, so nothing gives it a shape"
    states = tuple(state.name for state in program.states)
    for name in (*program.inputs, *program.params, *program.tables, *states):
        yield from _name_faults(name, known)
        known[name] = REAL
    for entry in program.body:
        yield from _instruction_faults(entry, known)
        known[entry.name] = OPERATIONS[entry.op].gives
    yield from _end_faults(program, known)


def _name_faults(name: str, known: dict[str, str]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{name!r} is not a name: letters, digits and _ are, after a letter"
    if name in known:
        yield f"{name!r} is given twice"


def _instruction_faults(entry: Instruction, known: dict[str, str]) -> Iterator[str]:
    yield from (f"`{entry}`: {what}" for what in _name_faults(entry.name, known))
    operation = OPERATIONS.get(entry.op)
    if operation is None:
        yield f"`{entry}`: no operation is called {entry.op!r}"
        return
    if len(entry.args) != len(operation.takes):
        yield f"`{entry}`: {entry.op} takes {len(operation.takes)} values, not {len(entry.args)}"
    for name, wanted in zip(entry.args, operation.takes, strict=False):
        if name not in known:
            yield f"`{entry}`: nothing before it gives {name!r}"
        elif known[name] != wanted:
            yield f"`{entry}`: {name!r} is {known[name]}, and {entry.op} takes a {wanted} there"
    if not np.isfinite(entry.constant):
        yield f"`{entry}`: the constant is not a finite float32"


def _end_faults(program: Program, known: dict[str, str]) -> Iterator[str]:
    for state in program.states:
        if known.get(state.next) != REAL:
            yield f"the state {state.name!r} goes on as {state.next!r}, which is no real value"
        if isinstance(state.initial, str) and state.initial not in program.params:
            yield f"the state {state.name!r} begins as {state.initial!r}, which is no parameter"
        if not isinstance(state.initial, str) and not np.isfinite(np.float32(state.initial)):
            yield f"the state {state.name!r} begins as {state.initial}, which is not finite"
    if program.output not in known:
        yield f"nothing gives the output {program.output!r}"
    if program.membrane and known.get(program.membrane) != REAL:
        yield f"nothing real gives the membrane potential {program.membrane!r}"
