"""Where PyTorch computes the values of a node: what an observer looks at.

A value that is read only later is not computed in the last steps: nothing reads it there. The body
says what it would be, so it is computed from what PyTorch has, by PyTorch's own operators.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.reroll.body import Operand, Value
from snnc.compiler.frontend.reroll.expand import Expander, Origin
from snnc.compiler.frontend.reroll.sequences import Place
from snnc.compiler.frontend.reroll.steps import INPUT, Ref


@dataclass(frozen=True, eq=False)
class Computed:
    """Item ``item`` of what an operator gives for arguments that hold sources."""

    op: Any
    arguments: Mapping[str, Any]
    item: int


Source = Origin | Computed


@dataclass(frozen=True)
class Tap:
    """Where a node's spikes, of ``shape``, come from at each step; the opposite where
    ``negated``."""

    sources: tuple[Source, ...]
    negated: bool
    shape: tuple[int, ...]

    def nodes(self) -> Iterator[fx.Node]:
        """The captured nodes that they are taken from."""
        waiting, seen = list(self.sources), set[int]()
        while waiting:
            source = waiting.pop()
            if isinstance(source, Origin):
                yield source.node
            elif id(source) not in seen:
                seen.add(id(source))
                waiting.extend(
                    x for x in pytree.tree_leaves(dict(source.arguments)) if isinstance(x, Source)
                )

    def values(self, seen: Mapping[fx.Node, torch.Tensor]) -> list[torch.Tensor]:
        """The value at each step, [N, ...], given what the nodes give."""
        known: dict[int, torch.Tensor] = {}

        def value(source: Source) -> torch.Tensor:
            if isinstance(source, Origin):
                return source.of(seen[source.node], len(self.sources))
            if id(source) not in known:
                arguments = pytree.tree_map_only(Source, value, dict(source.arguments))
                with torch.no_grad():
                    given = source.op(**arguments)
                known[id(source)] = given[source.item] if isinstance(given, tuple) else given
            return known[id(source)]

        return [value(source) for source in self.sources]


class Tapping:
    """Finds the sources of a body's values."""

    def __init__(self, expander: Expander) -> None:
        self._expander = expander
        self._graph = expander.steps
        self._found: dict[tuple[Value, int, int], Source] = {}

    def tap(self, value: Value, negated: bool, shape: tuple[int, ...]) -> Tap | None:
        """A value's tap; None where some step of it cannot be had."""
        steps = range(self._graph.time_steps)
        try:
            return Tap(tuple(self._at(value, 0, step) for step in steps), negated, shape)
        except _NowhereError:
            return None

    def _at(self, value: Value, item: int, step: int) -> Source:
        key = (value, item, step)
        if key not in self._found:
            self._found[key] = self._source(value, item, step)
        return self._found[key]

    def _source(self, value: Value, item: int, step: int) -> Source:
        if value.call.op == INPUT:
            return Origin(self._expander.inputs[value.call.arguments["name"]], Place(0), step)
        ref = value.members.get(step)
        origin = None if ref is None else self._expander.origins.get(Ref(ref.index, item))
        if origin is not None:
            return origin
        if isinstance(value.call.op, str) or (step == 0 and value.first is not None):
            raise _NowhereError
        arguments: dict[str, Any] = dict(value.call.arguments)
        for name, operand in value.operands.items():
            place(arguments, name, self._operand(operand, step))
        return Computed(value.call.op, arguments, item)

    def _operand(self, operand: Operand, step: int) -> Any:
        if step in operand.static:
            return self._graph.value(operand.static[step])
        if operand.of is None or step < operand.delay:
            constant = operand.constant
            if constant is None:
                raise _NowhereError
            return self._graph.value(constant)
        return self._at(operand.of, operand.item, step - operand.delay)


class _NowhereError(Exception):
    """A value of some step is nowhere."""


def place(arguments: dict[str, Any], name: str, given: Any) -> None:
    """Set an argument, or an entry of a list of them."""
    if not name.endswith("]"):
        arguments[name] = given
        return
    name, at = name[:-1].split("[")
    entries = list(arguments[name])
    entries[int(at)] = given
    arguments[name] = entries
