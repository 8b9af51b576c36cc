"""Running a cell step by step, in any kind of numbers; and in PyTorch's, which is what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from snnc.compiler.ops.cells.lazy import Split
from snnc.compiler.ops.cells.program import BOOL, Instruction

V = TypeVar("V")


@dataclass(frozen=True)
class Running(Generic[V]):
    """A cell that runs on numbers of some kind.

    Attributes:
        cut: its program.
        apply: the result of an instruction (a constant has no operands).
        number: a number for all elements.
        params: its parameters that are the same at every step.
        tables: those with one entry a step.
    """

    cut: Split
    apply: Callable[[Instruction, Sequence[V]], V]
    number: Callable[[float], V]
    params: Mapping[str, V]
    tables: Mapping[str, Sequence[V]]

    def step(self, t: int, inputs: Sequence[V], before: Mapping[str, V]) -> dict[str, V]:
        """All values of step t up to the decision.

        Args:
            t: the step.
            inputs: the cell's inputs.
            before: the values of the step before, with the decision that was really taken; nothing
                matters at step 0.
        """
        program = self.cut.program
        values = {**self.params, **{name: self.tables[name][t] for name in program.tables}}
        states = self._initial() if t == 0 else self._states(t - 1, before)
        values |= states | dict(zip(program.inputs, inputs, strict=True))
        return self._evaluated(self.cut.before, values)

    def _initial(self) -> dict[str, V]:
        return {
            state.name: self.params[state.initial]
            if isinstance(state.initial, str)
            else self.number(state.initial)
            for state in self.cut.program.states
        }

    def _states(self, t: int, before: Mapping[str, V]) -> dict[str, V]:
        """The states after step t."""
        program = self.cut.program
        values = {**self.params, **{name: self.tables[name][t] for name in program.tables}}
        values |= {name: before[name] for name in (*self.cut.kept, self.cut.decision)}
        values = self._evaluated(self.cut.after, values)
        return {state.name: values[state.next] for state in program.states}

    def _evaluated(self, body: Iterable[Instruction], values: dict[str, V]) -> dict[str, V]:
        for entry in body:
            values[entry.name] = self.apply(entry, [values[name] for name in entry.args])
        return values


_MEANING: Mapping[str, Callable[..., torch.Tensor]] = {
    **{name: getattr(torch, name) for name in ("add", "sub", "mul", "div", "pow", "clamp")},
    **{name: getattr(torch, name) for name in ("minimum", "maximum", "where")},
    **{name: getattr(torch, name) for name in ("neg", "abs", "sign", "square", "reciprocal")},
    **{name: getattr(torch, name) for name in ("round", "floor", "ceil", "trunc")},
    **{name: getattr(torch, name) for name in ("sqrt", "exp", "log", "tanh", "sigmoid", "erf")},
    **{name: getattr(torch, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")},
    "and": torch.logical_and,
    "or": torch.logical_or,
    "not": torch.logical_not,
}


def applied(like: torch.Tensor) -> Callable[[Instruction, Sequence[torch.Tensor]], torch.Tensor]:
    """Instructions on tensors, in the dtype of ``like``."""

    def apply(entry: Instruction, given: Sequence[torch.Tensor]) -> torch.Tensor:
        if entry.op == "constant":
            return like.new_tensor(entry.constant)
        if entry.op == "number":
            return given[0].to(like.dtype)
        return _MEANING[entry.op](*given)

    return apply


def running(
    cut: Split, params: Mapping[str, torch.Tensor], like: torch.Tensor
) -> Running[torch.Tensor]:
    """The cell in PyTorch, in the dtype of ``like``."""
    program = cut.program
    values = {role: value.to(like.dtype) for role, value in params.items()}
    return Running(
        cut,
        applied(like),
        like.new_tensor,
        {role: values[role] for role in program.params},
        {role: tuple(values[role]) for role in program.tables},
    )


def stored(cut: Split, value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A decision as the node's value: a bool as 0 or 1."""
    return value.to(dtype) if cut.program.types[cut.decision] == BOOL else value


def taken(cut: Split, value: torch.Tensor) -> torch.Tensor:
    """The node's value as the decision that it stands for."""
    return value != 0 if cut.program.types[cut.decision] == BOOL else value
