"""Constants of an op that differ from channel to channel or from neuron to neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
    return (given.channels, *[1] * (len(given.shape) - 1))


def check_shapes(node: Node, given: TensorType, params: Mapping[str, Array]) -> None:
    """Raise SnncError (BAD_SHAPE) unless each parameter is per channel or per element."""
    for role, value in params.items():
        if value.shape not in (per_channel(given), given.shape):
            raise shape_error(
                node, f"{role} has shape {value.shape}, and its input is {given}: one value per "
                "channel or per neuron is needed"
            )  # fmt: skip


def constants(node: Node, c: Emitter, roles: Sequence[str]) -> Constants:
    """Emit an array for each role, from the node's parameter or, repeated, its attribute."""
    given = node.type
    values = {
        role: c.param(role) if role in node.params else np.array(float(node.attrs[role]))
        for role in roles
    }
    varied = any(value.size > given.channels for value in values.values())
    shape = given.shape if varied else per_channel(given)
    symbols = []
    for role, value in values.items():
        full = np.broadcast_to(value, shape).reshape(given.channels, -1)
        symbols.append(c.constant(role, full.T, "[pixel][channel]"))
    return Constants(tuple(symbols), given.channels if varied else 0)
