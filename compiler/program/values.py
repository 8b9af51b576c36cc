"""What a program's calls are given: views of buffers, constants, shapes, numbers.

The grammar::

    Buffer    memory in the arena: C type, elements of a slot, slots, role, life
    Slot      first | step t (+ plus, modulo ring) | part of a thread
    View      a named local pointer to a slot of a buffer, at its start or at the row at hand
    Argument  View | ConstantRef | ShapeRef | Name | Real | int
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from snnc.compiler.ir import layout
from snnc.compiler.program.constants import Constant

Life = Literal["node", "loop", "value"]
"""How long a buffer is needed: while its node runs, from one step to the next, or from its node to
the last reader of its value."""

Purpose = Literal["states", "stored", "values", "input", "scratch"]
"""What a buffer is for: state of a node, a value kept for all steps, a value of one step, frames or
events, working memory."""


@dataclass(frozen=True)
class Buffer:
    """Memory that a node asks for, with the stage in which it asks."""

    name: str
    role: Purpose
    c_type: str
    elements: int
    slots: int
    life: Life
    stage: int
    node: str

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.elements * self.slots * layout.C_SIZES[self.c_type]


@dataclass(frozen=True)
class Slot:
    """Which slot of a buffer: the first, the step at hand, or the part that a thread computes.

    ``plus`` slots further; ``ring``, if not 0, is the number of slots that steps go round.
    """

    at: Literal["first", "step", "part"] = "first"
    plus: int = 0
    ring: int = 0


FIRST = Slot()


@dataclass(frozen=True)
class View:
    """A local pointer called ``name`` to a slot of a buffer; ``row_elements``, where it is not 0,
    moves it on by so many elements for every row of the loop around the call."""

    name: str
    buffer: Buffer
    slot: Slot = FIRST
    row_elements: int = 0

    @property
    def local(self) -> View:
        """The pointer that the function declares: the view without its row."""
        return dataclasses.replace(self, row_elements=0)

    def by_rows(self, elements: int) -> View:
        """The view ``elements`` further for every row."""
        return dataclasses.replace(self, row_elements=elements)


@dataclass(frozen=True)
class ConstantRef:
    """A constant array, where a kernel takes it as ``c_type`` (its own type, unless cast)."""

    constant: Constant
    c_type: str


@dataclass(frozen=True)
class Shape:
    """A constant shape struct of the generated code."""

    symbol: str
    struct: str
    fields: tuple[tuple[str, int | float], ...]


@dataclass(frozen=True)
class ShapeRef:
    """The address of a shape struct."""

    shape: Shape


@dataclass(frozen=True)
class Name:
    """Something that the C knows by name: an enumerator, a loop's variable, a field; its type."""

    text: str
    c_type: str


@dataclass(frozen=True)
class Real:
    """A float32 literal, exact."""

    value: float


NULL = Name("NULL", "void *")
ROW = Name("row", "int")
STEPS_DONE = Name("net->step", "int32_t")
"""The number of time steps computed so far."""
BATCH = Name("steps", "int")
"""The number of steps of a batch."""

Argument = View | ConstantRef | ShapeRef | Name | Real | int
