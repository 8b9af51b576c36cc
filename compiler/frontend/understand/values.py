"""What a value of the body is in the graph under construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.reroll.steps import StepCall
from snnc.compiler.frontend.understand import arranging
from snnc.compiler.ir.graph import Kind, TensorType, usual
from snnc.compiler.ops import OPS
from snnc.compiler.ops.base import Layout
from snnc.compiler.ops.wiring import arrange
from snnc.errors import UNSUPPORTED_LAYER, SnncError


@dataclass(frozen=True)
class Lowered:
    """A node of the graph, whose numbers PyTorch has in ``shape`` (without the batch), in the same
    order; ``folded``: in a tensor whose first axis holds the batch as well."""

    name: str
    shape: tuple[int, ...]
    folded: bool = False


@dataclass(frozen=True)
class Joined:
    """Vectors one after the other, each a node of its own."""

    parts: tuple[Lowered, ...]
    shape: tuple[int, ...]


Argument = Any
"""Lowered | Joined | a tensor of the model | a list of them | a setting."""


@dataclass
class Operation:
    """One operation of the network, for one step or for the whole window.

    Attributes:
        g: the graph under construction.
        call: the ATen call.
        arguments: by name; what the network computes as :class:`Lowered`.
    """

    g: Importing
    call: StepCall
    arguments: Mapping[str, Argument]

    def __getitem__(self, name: str) -> Argument:
        return self.arguments[name]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result, without the batch, which may be folded into the first axis."""
        first, *rest = self.call.shape
        samples = self.g.samples
        return tuple(rest) if first == samples else (first // samples, *rest)

    @property
    def folded(self) -> bool:
        """Whether the batch is folded into the first axis of the result."""
        return self.call.shape[0] != self.g.samples

    @property
    def path(self) -> str:
        """What nodes of this operation are called after."""
        return self.call.source.module or self.call.name.split(".")[0].strip("_")

    def refused(self, what: str, mend: str = "") -> SnncError:
        """The error for this operation, at the user's line."""
        return SnncError(
            UNSUPPORTED_LAYER,
            f"{self.call.name}: {what}",
            where=str(self.call.source),
            mend=mend or "Use a layer that snnc knows, or register an importer for the module.",
        )

    def tensor(self, name: str) -> torch.Tensor | None:
        """An argument that must be a tensor of the model, or nothing."""
        value = self.arguments[name]
        if value is None or isinstance(value, torch.Tensor):
            return value
        raise self.refused(f"its {name} depends on the input")

    def needed(self, name: str) -> torch.Tensor:
        """An argument that must be a tensor of the model."""
        value = self.tensor(name)
        if value is None:
            raise self.refused(f"it has no {name}")
        return value

    def value(self, name: str) -> Lowered:
        """An argument that must be a value of the network."""
        value = self.arguments[name]
        if not isinstance(value, Lowered):
            raise self.refused(f"its {name} is no value of the network")
        return value

    def shaped(self, value: Lowered, *, rank: int | None = None, packed: int | None = None) -> str:
        """The node of a value as the operation sees it, ``packed`` along an axis if one is named.

        Raises:
            SnncError: UNSUPPORTED_LAYER for another rank than ``rank``.
        """
        if rank is not None and len(value.shape) != rank:
            raise self.refused(f"it is given {list(value.shape)} a step, and {rank} axes are known")
        name = value.name
        if self.g.type_of(name).shape != value.shape:
            name = self._kept("seen", name, value.shape, lambda given: self._seen(given, value))
        if packed is not None:
            name = self.laid(name, packed)
        return name

    def _seen(self, given: TensorType, value: Lowered) -> str:
        if len(value.shape) == 1 and len(given.shape) == 3 and given.packed == 0:
            return self.g.add(self.path, "flatten", [value.name], source=self.call.source.line)
        name = value.name
        for attrs in arranging.reshapes(given, value.shape):
            name = self._arranged(name, attrs)
        return name

    def laid(self, name: str, packed: int) -> str:
        """A node with another packed axis."""
        given = self.g.type_of(name)
        if given.packed == packed:
            return name
        attrs = arrange.seen(given.shape, given.shape, packed)
        return self._kept("laid", name, packed, lambda _: self._arranged(name, attrs))

    def _arranged(self, name: str, attrs: Mapping[str, Any]) -> str:
        return self.g.add(self.path, "arrange", [name], attrs, source=self.call.source.line)

    def _kept(self, what: str, name: str, how: Any, make: Callable[[TensorType], str]) -> str:
        """A node that sees another one somehow, made once for all that read it."""
        key = (what, name, how)
        if key not in self.g.arranged:
            self.g.arranged[key] = make(self.g.type_of(name))
        return self.g.arranged[key]

    def axis(self, axis: int, rank: int) -> int:
        """An axis of a tensor of ``rank`` as one of a sample.

        Raises:
            SnncError: UNSUPPORTED_LAYER for the axis that holds the batch.
        """
        axis %= rank
        if axis == 0:
            raise self.refused("it changes the batch axis", "Leave the batch first.")
        return axis - (not self.folded)

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        attrs: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Lowered:
        """A node for this operation, whose inputs are packed as it needs them."""
        source = self.call.source.line
        name = self.g.add(self.path, op, self._packed(op, inputs), attrs, params, source)
        return Lowered(name, self.shape if shape is None else shape, self.folded)

    def _packed(self, op: str, inputs: Sequence[str]) -> list[str]:
        how = OPS[op].layout if op in OPS else Layout.USUAL
        types = [self.g.type_of(name) for name in inputs]
        if how is Layout.OWN:
            return list(inputs)
        wanted = [usual(given.shape) if how is Layout.USUAL else types[0].packed for given in types]
        return [self.laid(name, packed) for name, packed in zip(inputs, wanted, strict=True)]

    def is_spike(self, value: Argument) -> bool:
        """Whether an argument is spikes of the network."""
        return isinstance(value, Lowered) and self.g.type_of(value.name).kind is Kind.SPIKE


Rule = Callable[[Operation], Any]


@dataclass(frozen=True)
class Entry:
    """A rule, the arguments of the overload that it reads (or that mean nothing to it), and whether
    the batch may be folded into the first axis: it works number by number, or knows."""

    rule: Rule
    understands: frozenset[str]
    folds: bool


TABLE: dict[Any, Entry] = {}


def understood(*overloads: Any, arguments: str, folds: bool = False) -> Callable[[Rule], Rule]:
    """Register a rule for overloads; ``arguments`` names all that it takes account of."""

    def register(rule: Rule) -> Rule:
        for overload in overloads:
            TABLE[overload] = Entry(rule, frozenset(arguments.split()), folds)
        return rule

    return register


def apply(operation: Operation) -> Any:
    """What an operation gives.

    Raises:
        SnncError: UNSUPPORTED_LAYER for an overload without rule, or an argument that its rule does
            not read and that is not at its default.
    """
    entry = TABLE.get(operation.call.op)
    if entry is None:
        raise operation.refused("there is no operator for it")
    for argument in operation.call.op._schema.arguments:
        if argument.name in entry.understands:
            continue
        default = argument.default_value if argument.has_default_value() else None
        given = operation.arguments[argument.name]
        if isinstance(given, Lowered | torch.Tensor) or given != default:
            raise operation.refused(f"{argument.name}={given} is not supported")
    given = [value for value in operation.arguments.values() if isinstance(value, Lowered)]
    if not entry.folds and (operation.folded or any(value.folded for value in given)):
        raise operation.refused("it mixes the samples of a batch with their features")
    return entry.rule(operation)
