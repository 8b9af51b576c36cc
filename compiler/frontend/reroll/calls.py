"""A call of the captured graph, with its arguments by name, and what rules over time build on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.reroll.sequences import Part, Place, Seq
from snnc.compiler.frontend.reroll.steps import Ref, Source, StepGraph, refused
from snnc.errors import SnncError

Traced = Any
"""Ref | Seq | Part | a list of them | a plain Python object."""

SEPARATE = "Let each step do the same, and combine steps by a mean, sum or maximum over time."


def bound(op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of an ATen overload by the names of its schema, defaults filled in."""
    given = {}
    for place, argument in enumerate(op._schema.arguments):
        if place < len(args):
            given[argument.name] = args[place]
        elif argument.name in kwargs:
            given[argument.name] = kwargs[argument.name]
        else:
            given[argument.name] = argument.default_value if argument.has_default_value() else None
    return given


@dataclass
class Call:
    """One call of an ATen overload: ``arguments`` hold what earlier calls gave."""

    graph: StepGraph
    op: Any
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    dtype: torch.dtype | None
    source: Source

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    @property
    def name(self) -> str:
        """The overload, as messages call it."""
        return str(self.op).removeprefix("aten.")

    def refused(self, what: str, hint: str = SEPARATE) -> SnncError:
        """The error for this call."""
        return refused(f"{self.name}: {what}", self.source, hint)

    def emit(
        self, changes: Mapping[str, Any], shape: Sequence[int], dtype: torch.dtype | None = None
    ) -> Ref:
        """This call for one step, with some arguments changed."""
        arguments = {**self.arguments, **changes}
        return self.graph.emit(self.op, arguments, self.source, tuple(shape), dtype or self.dtype)

    def other(self, op: Any, arguments: Sequence[Any], shape: Sequence[int]) -> Ref:
        """A call of another overload for one step."""
        given = bound(op, arguments, {})
        return self.graph.emit(op, given, self.source, tuple(shape), self.dtype)

    def as_it_stands(self) -> Ref:
        """This call on values of single steps."""
        return self.emit({}, self.shape)

    def each(self, seq: Seq, changes: Callable[[Ref], Mapping[str, Any]], place: Place) -> Seq:
        """This call at every step of a sequence; time stands at ``place`` in the result."""
        whole = Seq(seq.steps, self.shape, place)
        return whole.each(
            lambda step: self.emit(changes(seq.steps[step]), whole.step_shape), self.shape
        )

    def axis(self, name: str, of: Sequence[int], extra: int = 0) -> int:
        """An axis argument, counted from the front."""
        return int(self.arguments[name]) % (len(of) + extra)

    def shape_of(self, value: Ref | Seq | Part) -> tuple[int, ...]:
        """Shape of an argument."""
        return self.graph[value].shape if isinstance(value, Ref) else value.shape


Rule = Callable[[Call], Traced]


def sequences(arguments: Any) -> list[Seq]:
    """All sequences in arguments."""
    leaves = pytree.tree_leaves(arguments, is_leaf=lambda item: isinstance(item, Seq | Part))
    return [leaf for leaf in leaves if isinstance(leaf, Seq)]
