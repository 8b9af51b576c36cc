"""Writing a cell's program: operations by name, numbers as constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snnc.compiler.ops.cells.program import Instruction, Program, State

Operand = str | float


class Writing:
    """A program under construction.

    ::

        w = Writing("x")
        u = w("add", w("mul", w.state("u"), 0.9), "x")
        fired = w("ge", u, 1.0)
        w.next("u", w("where", fired, 0.0, u))
        program = w.program(fired)

    Args:
        inputs: names of the cell's inputs.
        params: roles of parameters that are the same at every step.
        tables: roles of parameters with one entry a step.
    """

    def __init__(
        self, *inputs: str, params: Sequence[str] = (), tables: Sequence[str] = ()
    ) -> None:
        self._given = (inputs, tuple(params), tuple(tables))
        self._body: list[Instruction] = []
        self._constants: dict[bytes, str] = {}
        self._states: dict[str, float | str] = {}
        self._next: dict[str, str] = {}

    def state(self, name: str, initial: float | str = 0.0) -> str:
        """Declare a state; gives its name. ``initial`` may be the name of a parameter."""
        self._states[name] = initial
        return name

    def next(self, state: str, value: str) -> None:
        """What a state is at the next step."""
        self._next[state] = value

    def __call__(self, op: str, *operands: Operand) -> str:
        """Append an instruction; gives the name of its value."""
        args = tuple(self._named(operand) for operand in operands)
        return self._append(Instruction(f"t{len(self._body)}", op, args))

    def _named(self, operand: Operand) -> str:
        if isinstance(operand, str):
            return operand
        with np.errstate(over="ignore"):  # what is not finite is refused with the user's line
            bits = np.float32(operand).tobytes()
        if bits not in self._constants:
            constant = Instruction(f"t{len(self._body)}", "constant", value=float(operand))
            self._constants[bits] = self._append(constant)
        return self._constants[bits]

    def _append(self, entry: Instruction) -> str:
        self._body.append(entry)
        return entry.name

    def program(self, output: str, membrane: str = "") -> Program:
        """The finished program, which gives ``output``; a state without a next keeps its value."""
        states = tuple(
            State(name, self._next.get(name, name), initial)
            for name, initial in self._states.items()
        )
        inputs, params, tables = self._given
        return Program(inputs, tuple(self._body), output, states, params, tables, membrane)
