"""Walks: a move between two values as loops with a stride on either side (snn/wiring/moves.h)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind, TensorType
from snnc.compiler.ir.layout import WORD_BITS
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import ConstantRef, View

MOST_DIMS = 16
"""Rows of a table (SNN_WALK_DIMS)."""


@dataclass(frozen=True)
class Dim:
    """One loop: its length, and how far it steps on either side."""

    length: int
    step_in: int
    step_out: int


@dataclass(frozen=True)
class Walk:
    """Loops, innermost first, and the first element on either side."""

    dims: tuple[Dim, ...]
    start_in: int
    start_out: int


def refined(one: Sequence[int], other: Sequence[int]) -> list[tuple[int, int, int]] | None:
    """The common factors of two shapes of one size, each with the axis of either shape that it is a
    part of, in row-major order; None where they have none: (4, 6) and (6, 4), say."""
    parts: list[tuple[int, int, int]] = []
    left, right = list(one), list(other)
    i, j = len(left) - 1, len(right) - 1
    while i >= 0 and j >= 0:
        if left[i] == 1 or right[j] == 1:
            i, j = i - (left[i] == 1), j - (right[j] == 1)
            continue
        small = min(left[i], right[j])
        if left[i] % small or right[j] % small:
            return None
        parts.append((small, i, j))
        left[i] //= small
        right[j] //= small
    return parts[::-1]


def merged(dims: Sequence[Dim]) -> tuple[Dim, ...]:
    """The same loops, given outermost first, with neighbours that are one loop as one; innermost
    first, and at least one."""
    found: list[Dim] = []
    for dim in reversed([dim for dim in dims if dim.length > 1]):
        inner = found[-1] if found else None
        if (
            inner is not None
            and dim.step_in == inner.step_in * inner.length
            and dim.step_out == inner.step_out * inner.length
        ):
            found[-1] = Dim(inner.length * dim.length, inner.step_in, inner.step_out)
        else:
            found.append(dim)
    return tuple(found) or (Dim(1, 1, 1),)


def by_output(dims: Sequence[Dim]) -> list[Dim]:
    """Loops outermost first, in the order in which they step through the output."""
    return sorted(dims, key=lambda dim: -abs(dim.step_out))


def table_of(walk: Walk, c: Emitter, role: str) -> tuple[int, ConstantRef]:
    """The arguments ``dims`` and ``table`` of a kernel of snn/wiring/moves.h."""
    rows = np.array([[dim.length, dim.step_in, dim.step_out] for dim in walk.dims])
    return len(rows), c.constant(role, rows, "[loop][length, in, out]", "int32_t")


def move(c: Emitter, walk: Walk, kind: Kind, source: View, target: View, role: str) -> None:
    """Emit a move; spikes are added to a target that is clear."""
    suffix = kind.value
    if kind is Kind.SPIKE and by_words(walk):
        suffix += "_words"
    sizes = table_of(walk, c, role)
    c.call(f"snn_move_{suffix}", *sizes, walk.start_in, walk.start_out, source, target,
           counted=False)  # fmt: skip


def by_words(walk: Walk) -> bool:
    """Whether spikes can be moved word by word."""
    inner, *outer = walk.dims
    places = [walk.start_in, walk.start_out]
    places += [step for dim in outer for step in (dim.step_in, dim.step_out)]
    return inner.step_in == inner.step_out == 1 and not any(at % WORD_BITS for at in places)


def clear(c: Emitter, given: TensorType) -> None:
    """Emit that a value of spikes begins empty."""
    if given.kind is Kind.SPIKE:
        c.call("snn_clear", layout.step_bytes(given), c.output(), counted=False)
