"""A tensor with time in it: its T steps, and where time stands among its axes.

Time is a factor of one axis: alone (``x[T, N, C]``, ``x[N, T, C]``, ``x[N, C, T]``) or folded with
others (``[T*N, C]`` has N after time in its axis, ``[N*T, C]`` before). A step's tensor is what is
left when that factor is taken out; an axis that was time alone is gone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from snnc.compiler.frontend.reroll.steps import Ref


@dataclass(frozen=True)
class Place:
    """Where time stands: in ``axis``, with ``outer`` elements of that axis before it and ``inner``
    after it in row-major order."""

    axis: int
    outer: int = 1
    inner: int = 1

    @property
    def alone(self) -> bool:
        """Whether the axis is time and nothing else."""
        return self.outer * self.inner == 1


@dataclass(frozen=True)
class Seq:
    """The steps of a tensor of ``shape``."""

    steps: tuple[Ref, ...]
    shape: tuple[int, ...]
    place: Place

    @property
    def axis(self) -> int:
        """The axis that holds time."""
        return self.place.axis

    @property
    def step_shape(self) -> tuple[int, ...]:
        """Shape of one step."""
        return without_time(self.shape, self.place, len(self.steps))

    def step_axis(self, axis: int) -> int:
        """An axis of the whole tensor (not that of time alone) as one of a step's tensor."""
        return axis - (self.place.alone and axis > self.axis)

    def each(
        self, make: Callable[[int], Ref], shape: Sequence[int], place: Place | None = None
    ) -> Seq:
        """A sequence whose steps ``make`` gives."""
        steps = tuple(make(step) for step in range(len(self.steps)))
        return Seq(steps, tuple(shape), self.place if place is None else place)

    def matches(self, other: Seq) -> bool:
        """Whether elementwise operations on both combine equal steps."""
        ours, theirs = self.place, other.place
        from_right = len(self.shape) - ours.axis, len(other.shape) - theirs.axis
        folds = (ours.outer, ours.inner), (theirs.outer, theirs.inner)
        return from_right[0] == from_right[1] and folds[0] == folds[1]


@dataclass
class Part:
    """A buffer of the model's of which some steps were written: ``out[t] = ...``."""

    base: Ref
    shape: tuple[int, ...]
    axis: int
    written: dict[int, Ref] = field(default_factory=dict)


def without_time(shape: Sequence[int], place: Place, time_steps: int) -> tuple[int, ...]:
    """Shape of one step of a tensor."""
    left = list(shape)
    if place.alone:
        del left[place.axis]
    else:
        left[place.axis] //= time_steps
    return tuple(left)


def reshaped(
    shape: Sequence[int], place: Place, time_steps: int, new: Sequence[int]
) -> Place | None:
    """Where time stands after a reshape to ``new``; None where time would be split or mixed.

    Row-major order stays, so time keeps the number of elements before and after it.
    """
    before = math.prod(shape[: place.axis]) * place.outer
    after = place.inner * math.prod(shape[place.axis + 1 :])
    for axis, size in enumerate(new):
        left, right = math.prod(new[:axis]), math.prod(new[axis + 1 :])
        if before % left or after % right:
            continue
        outer, inner = before // left, after // right
        if outer * time_steps * inner == size:
            return Place(axis, outer, inner)
    return None
