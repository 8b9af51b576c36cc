"""Arrangements: which reshape is one, and along which axis its value is packed."""

from __future__ import annotations

from collections.abc import Sequence

from snnc.compiler.ir.graph import TensorType
from snnc.compiler.ops import Arrange
from snnc.compiler.ops.wiring import arrange
from snnc.compiler.ops.wiring.walks import refined


def reshapes(given: TensorType, shape: tuple[int, ...]) -> list[Arrange]:
    """Arrangements that see a value in another shape, one after the other: two, by way of a vector,
    where the axes of both shapes have no common factors."""
    parts = refined(given.shape, shape)
    if parts is not None:
        return [arrange.seen(given.shape, shape, _packed(parts, given, shape))]
    flat = (given.size,)
    return [arrange.seen(given.shape, flat, 0), arrange.seen(flat, shape, len(shape) - 1)]


def _packed(
    parts: Sequence[tuple[int, int, int]], given: TensorType, shape: tuple[int, ...]
) -> int:
    """The axis that holds the innermost factor of the packed axis, so that memory moves least."""
    inner = [made for _, axis, made in parts if axis == given.packed]
    return inner[-1] if inner else len(shape) - 1
