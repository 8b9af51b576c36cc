"""The body of a loop over time: what every step does, with what it reads of steps before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snnc.compiler.frontend.reroll.sequences import Place
from snnc.compiler.frontend.reroll.steps import Ref, StepCall, StepGraph


@dataclass(eq=False)
class Operand:
    """What a value of the body reads: another one, ``delay`` steps before (in the first steps an
    initial value each, ``initial``); or a static value, the same at every step or a table.

    Attributes:
        of: the value read; None for a static one.
        item: which of what it gives.
        delay: how many steps before; 0 for the same step.
        static: static values by the step that reads them.
    """

    of: Value | None = None
    item: int = 0
    delay: int = 0
    static: dict[int, Ref] = field(default_factory=dict)

    @property
    def constant(self) -> Ref | None:
        """The one static value, where all steps read the same."""
        found = set(self.static.values())
        return found.pop() if self.of is None and len(found) == 1 else None

    @property
    def is_table(self) -> bool:
        """Whether it is static, and steps read different values."""
        return self.of is None and len(set(self.static.values())) > 1


@dataclass(eq=False)
class Value:
    """What one operation gives at every step.

    Attributes:
        call: the operation, as its last step does it.
        members: the call's value at each step.
        operands: what it reads, by the name of the argument (and place in a list).
        first: what it is at step 0 instead, where that is something else.
    """

    call: StepCall
    members: dict[int, Ref] = field(default_factory=dict)
    operands: dict[str, Operand] = field(default_factory=dict)
    first: Ref | None = None

    @property
    def name(self) -> str:
        """The operator, as messages call it."""
        return self.call.name


@dataclass(frozen=True)
class Sequence:
    """An output for each step: a tensor of ``shape`` in which time stands at ``place``."""

    value: Operand
    shape: tuple[int, ...]
    place: Place

    @property
    def inner(self) -> int:
        """How many elements of one step lie next to each other."""
        return self.place.inner * math.prod(self.shape[self.place.axis + 1 :])


@dataclass(frozen=True, eq=False)
class Late:
    """A value of the whole window.

    Attributes:
        call: the operation, or None for a value of the last step.
        of: of a reduction or a last step: the value of the body.
        operands: of another operation: its arguments.
    """

    call: StepCall | None
    of: Operand | None = None
    operands: Mapping[str, Any] = field(default_factory=dict)


Output = Sequence | Late


@dataclass(frozen=True)
class Body:
    """What each step does.

    Attributes:
        graph: the steps.
        outputs: by name; through their operands all values are reached.
        values: by the call that is one of a value's copies.
    """

    graph: StepGraph
    outputs: Mapping[str, Output]
    values: Mapping[int, Value]

    def value_of(self, ref: Ref) -> Value | None:
        """The value that a call at some step is a copy of."""
        return self.values.get(ref.index)
