"""Constants of an op that differ from channel to channel or from neuron to neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Array, Node, TensorType
from snnc.compiler.ops.base import shape_error
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import ConstantRef


@dataclass(frozen=True)
class Constants:
    """Constant arrays, in the order asked for, and how they are read: element
    ``pixel * stride + channel``, with stride 0 for one value per channel."""

    symbols: tuple[ConstantRef, ...]
    stride: int


def per_channel(given: TensorType) -> tuple[int, ...]:
    """Shape of one value per channel that broadcasts over a step of ``given``."""
    return tuple(size if axis == given.packed else 1 for axis, size in enumerate(given.shape))


def check_shapes(node: Node, given: TensorType, params: Mapping[str, Array]) -> None:
    """Raise SnncError (BAD_SHAPE) unless each parameter is per element, or the same along some of
    the axes ([C, 1, ...] is one per channel)."""
    for role, value in params.items():
        pairs = list(zip(value.shape, given.shape, strict=False))
        if value.ndim != len(given.shape) or any(n not in (1, m) for n, m in pairs):
            raise shape_error(
                node, f"{role} has shape {value.shape}, and its input is {given}: one value per "
                "channel or per neuron is needed"
            )  # fmt: skip


def varies(given: TensorType, value: Array) -> bool:
    """Whether a constant differs between elements of one channel."""
    return any(n > 1 for axis, n in enumerate(value.shape) if axis != given.packed)


def constants(
    node: Node,
    c: Emitter,
    roles: Sequence[str],
    numbers: Mapping[str, float] = MappingProxyType({}),
) -> Constants:
    """Emit an array for each role, from the node's parameter or, repeated, from a number."""
    given = node.type
    values = {
        role: c.param(role) if role in node.params else np.array(float(numbers[role]))
        for role in roles
    }
    varied = any(varies(given, value) for value in values.values())
    symbols = []
    for role, value in values.items():
        full = laid_out(given, value, varied)
        symbols.append(c.constant(role, full, "[pixel][channel]"))
    return Constants(tuple(symbols), given.channels if varied else 0)


def laid_out(given: TensorType, value: Array, varied: bool) -> Array:
    """A constant as [pixel][channel]: of all pixels where they differ, else of one."""
    if not varied:
        return np.broadcast_to(value, per_channel(given)).reshape(1, given.channels)
    return layout.in_memory(given, np.broadcast_to(value, given.shape))
