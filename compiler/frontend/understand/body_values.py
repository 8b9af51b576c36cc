"""What a value of the body is in the graph under construction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.reroll.steps import StepCall
from snnc.compiler.frontend.understand.rules import arranging
from snnc.compiler.ir.graph import Kind, TensorType, usual
from snnc.compiler.ops import Arrange, Flatten, Op
from snnc.compiler.ops.base import Layout, Typed
from snnc.compiler.ops.wiring import arrange
from snnc.errors import UNSUPPORTED_LAYER, SnncError


@dataclass(frozen=True)
class Lowered:
    """A node of the graph, whose numbers PyTorch has in ``shape`` (without the batch), in the same
    order; ``folded``: in a tensor whose first axis holds the batch as well. Else the batch is an
    axis of its own, ``batch``."""

    name: str
    shape: tuple[int, ...]
    folded: bool = False
    batch: int = 0

    @property
    def rank(self) -> int:
        """Axes of PyTorch's tensor."""
        return len(self.shape) + (not self.folded)

    def axis(self, axis: int) -> int | None:
        """An axis of PyTorch's tensor as one of a sample's; None for one that holds the batch."""
        axis %= self.rank
        if axis == self.batch:
            return None
        return axis - (not self.folded and axis > self.batch)


@dataclass(frozen=True)
class Joined(Lowered):
    """Vectors one after the other: in one node, and as ``parts``, each a node of its own."""

    parts: tuple[Lowered, ...] = ()


Argument = Any
"""Lowered | a tensor of the model | a list of them | a setting."""


@dataclass
class Operation:
    """One operation of the network, for one step or for the whole window.

    Attributes:
        g: the graph under construction.
        call: the ATen call.
        arguments: by name; what the network computes as :class:`Lowered`.
        batch: the axis of the result that holds the batch.
    """

    g: Importing
    call: StepCall
    arguments: Mapping[str, Argument]
    batch: int = 0

    def __getitem__(self, name: str) -> Argument:
        return self.arguments[name]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result, without the batch, which may be folded into the first axis."""
        shape, samples = self.call.shape, self.g.samples
        held = shape[self.batch]
        left = () if held == samples else (held // samples,)
        return (*shape[: self.batch], *left, *shape[self.batch + 1 :])

    @property
    def folded(self) -> bool:
        """Whether the batch is folded into the first axis of the result."""
        return self.call.shape[self.batch] != self.g.samples

    @property
    def path(self) -> str:
        """What nodes of this operation are called after."""
        return self.call.source.module or self.call.name.split(".")[0].strip("_")

    def refused(self, what: str, hint: str = "") -> SnncError:
        """The error for this operation, at the user's line."""
        return SnncError(
            UNSUPPORTED_LAYER,
            f"{self.call.name}: {what}",
            where=str(self.call.source),
            hint=hint or "Use a layer that snnc knows, or register an importer for the module.",
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
        if rank is not None:
            self.check_rank(value, rank)
        if value.batch != self.batch:
            raise self.refused("the samples of its operands stand in other axes", FIRST)
        name = self.node_of(value)
        return name if packed is None else self.laid(name, packed)

    def check_rank(self, value: Lowered, rank: int) -> None:
        """Raise SnncError (UNSUPPORTED_LAYER) for a value of another rank."""
        if len(value.shape) != rank:
            raise self.refused(f"it is given {list(value.shape)} a step, and {rank} axes are known")

    def node_of(self, value: Lowered) -> str:
        """The node of a value in its own shape."""
        name = value.name
        if self.g.type_of(name).shape != (value.shape or (1,)):  # one number is a vector of one
            name = self._kept("seen", name, value.shape, lambda given: self._seen(given, value))
        return name

    def _seen(self, given: TensorType, value: Lowered) -> str:
        if not value.shape:
            raise self.refused("it is given one number a step, without an axis")
        if len(value.shape) == 1 and len(given.shape) == 3 and given.packed == 0:
            return self.g.add(self.path, Flatten(), [value.name], source=self.call.source.line)
        name = value.name
        for op in arranging.reshapes(given, value.shape):
            name = self._arranged(name, op)
        return name

    def laid(self, name: str, packed: int) -> str:
        """A node with another packed axis."""
        given = self.g.type_of(name)
        if given.packed == packed:
            return name
        op = arrange.seen(given.shape, given.shape, packed)
        return self._kept("laid", name, packed, lambda _: self._arranged(name, op))

    def _arranged(self, name: str, op: Arrange) -> str:
        return self.g.add(self.path, op, [name], source=self.call.source.line)

    def _kept(self, what: str, name: str, how: Any, make: Callable[[TensorType], str]) -> str:
        """A node that sees another one somehow, made once for all that read it."""
        key = (what, name, how)
        if key not in self.g.arranged:
            self.g.arranged[key] = make(self.g.type_of(name))
        return self.g.arranged[key]

    def add(
        self,
        op: Typed,
        inputs: Sequence[str],
        params: Mapping[str, Any] | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Lowered:
        """A node for this operation, whose inputs are packed as it needs them."""
        source = self.call.source.line
        name = self.g.add(self.path, op, self._packed(op, inputs), params, source)
        shape = self.shape if shape is None else shape
        return Lowered(name, shape, self.folded, self.batch)

    def _packed(self, op: Typed, inputs: Sequence[str]) -> list[str]:
        how = op.layout if isinstance(op, Op) else Layout.USUAL
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
    the batch may be folded into the first axis: it works number by number, or knows. ``moves``: it
    says where the batch goes; ``by_number``: the batch may stand in any axis."""

    rule: Rule
    understands: frozenset[str]
    folds: bool
    moves: bool
    by_number: bool


TABLE: dict[Any, Entry] = {}

FIRST = "Leave the batch first."


def understood(
    *overloads: Any,
    arguments: str,
    folds: bool = False,
    moves: bool = False,
    by_number: bool = False,
) -> Callable[[Rule], Rule]:
    """Register a rule for overloads; ``arguments`` names all that it takes account of."""
    folds = folds or moves or by_number

    def register(rule: Rule) -> Rule:
        for overload in overloads:
            TABLE[overload] = Entry(rule, frozenset(arguments.split()), folds, moves, by_number)
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
    given = list(_values(operation.arguments.values()))
    if not entry.folds and (operation.folded or any(value.folded for value in given)):
        raise operation.refused("it mixes the samples of a batch with their features")
    if not entry.moves:
        _place_batch(operation, given, entry.by_number)
    return entry.rule(operation)


def _values(arguments: Iterable[Argument]) -> Iterator[Lowered]:
    """What the network computes among arguments, in lists too."""
    for argument in arguments:
        if isinstance(argument, Lowered):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from _values(argument)


def _place_batch(operation: Operation, given: Sequence[Lowered], by_number: bool) -> None:
    """Find where the batch stands in the result: where it stands in all operands."""
    found = {value.batch - value.rank if by_number else value.batch for value in given}
    if len(found) > 1 or (found and not by_number and found != {0}):
        raise operation.refused("the samples of its operands stand in other axes", FIRST)
    if found and by_number:
        operation.batch = len(operation.call.shape) + found.pop()
