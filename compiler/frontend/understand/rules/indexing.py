"""Rules of what takes some entries of a value, in an order that is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from snnc.compiler.frontend.understand.body_values import FIRST, Lowered, Operation, understood
from snnc.compiler.frontend.understand.rules.arithmetic import affine
from snnc.compiler.frontend.understand.rules.composed import as_large_as, computed
from snnc.compiler.frontend.understand.rules.wiring import arranged
from snnc.compiler.ops import Concat

aten = torch.ops.aten

MOST_RUNS = 64
"""Most pieces that a value is put together from."""


def entries(o: Operation, value: Lowered, axis: int, indices: Sequence[int]) -> Lowered:
    """Entries of a value along one of its axes, in any order: evenly spaced ones as one piece.

    Raises:
        SnncError: UNSUPPORTED_LAYER for more than :data:`MOST_RUNS` pieces, and for none.
    """
    size = value.shape[axis]
    if any(not -size <= index < size for index in indices):
        raise o.refused(f"an index is outside of the {size} entries")
    pieces = list(_runs([index % size for index in indices]))
    if not pieces:
        raise o.refused("nothing is left of it")
    if len(pieces) > MOST_RUNS:
        raise o.refused(
            f"the order of {len(indices)} entries falls into {len(pieces)} evenly spaced pieces, "
            f"and at most {MOST_RUNS} are joined",
            "Reorder the weights of the layers before and after it instead.",
        )
    parts = [_piece(o, value, axis, piece) for piece in pieces]
    if len(parts) == 1:
        return parts[0]
    shape = (*value.shape[:axis], len(indices), *value.shape[axis + 1 :])
    inner = as_large_as(o, value)
    nodes = [inner.shaped(part) for part in parts]
    return inner.add(Concat(axis=axis), nodes, shape=shape)


def _piece(o: Operation, value: Lowered, axis: int, piece: tuple[int, int, int]) -> Lowered:
    if piece == (0, 1, value.shape[axis]):
        return value
    shape = (*value.shape[:axis], piece[2], *value.shape[axis + 1 :])
    inner, order = as_large_as(o, value), range(len(value.shape))
    return arranged(inner, value, order, parts={axis: piece}, shape=shape)


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(start, step, length) of evenly spaced pieces, in order."""
    begin = 0
    while begin < len(indices):
        end, step = begin + 1, 1
        if end < len(indices) and indices[end] != indices[begin]:
            step = indices[end] - indices[begin]
            while end < len(indices) and indices[end] - indices[end - 1] == step:
                end += 1
        yield indices[begin], step if end - begin > 1 else 1, end - begin
        begin = end


def _constant_indices(o: Operation, given: object) -> torch.Tensor:
    if not isinstance(given, torch.Tensor):
        raise o.refused("which entries it takes depends on the input")
    return given.nonzero().squeeze(1) if given.dtype is torch.bool and given.ndim == 1 else given


def sample_axis(o: Operation, value: Lowered, dim: int) -> int:
    """An axis of PyTorch's tensor as one of a sample's. Raises SnncError (UNSUPPORTED_LAYER) for
    one that holds samples."""
    axis = value.axis(dim)
    if axis is None or (value.folded and axis == 0):
        raise o.refused("it changes the batch axis", FIRST)
    return axis


@understood(aten.index_select.default, arguments="self dim index", folds=True)
def index_select(o: Operation) -> Lowered:
    """Entries along an axis."""
    value, indices = o.value("self"), _constant_indices(o, o["index"])
    return entries(o, value, sample_axis(o, value, int(o["dim"])), indices.flatten().tolist())


@understood(aten.index.Tensor, arguments="self indices", folds=True)
def index(o: Operation) -> Lowered:
    """Entries along one axis, as ``x[:, order]`` takes them."""
    value, given = o.value("self"), list(o["indices"])
    places = [place for place, each in enumerate(given) if each is not None]
    if len(places) != 1:
        raise o.refused("it indexes several axes at once", "Index one axis after the other.")
    indices = _constant_indices(o, given[places[0]])
    if indices.dtype is torch.bool:
        raise o.refused("it chooses over several axes at once", "Index one axis after the other.")
    axis = sample_axis(o, value, places[0])
    taken = entries(o, value, axis, indices.flatten().tolist())
    return Lowered(taken.name, o.shape, o.folded, o.batch)


@understood(aten.roll.default, arguments="self shifts dims", folds=True)
def roll(o: Operation) -> Lowered:
    """Entries moved along axes; those that leave at one end come back at the other."""
    value = o.value("self")
    if len(o["dims"]) != len(o["shifts"]):
        raise o.refused("it rolls the flattened batch", "Name the axis that it rolls.")
    for dim, shift in zip(o["dims"], o["shifts"], strict=True):
        axis = sample_axis(o, value, int(dim))
        size = value.shape[axis]
        value = entries(o, value, axis, [(place - shift) % size for place in range(size)])
    return value


@understood(
    aten.reflection_pad1d.default, aten.reflection_pad2d.default, arguments="self padding",
    folds=True,
)  # fmt: skip
def reflected(o: Operation) -> Lowered:
    """A border that mirrors what is inside of it."""
    return _bordered(o, lambda place, size: size - 1 - abs(size - 1 - abs(place)))


@understood(
    aten.replication_pad1d.default, aten.replication_pad2d.default, arguments="self padding",
    folds=True,
)  # fmt: skip
def replicated(o: Operation) -> Lowered:
    """A border of the outermost entries."""
    return _bordered(o, lambda place, size: min(max(place, 0), size - 1))


def _bordered(o: Operation, source: Callable[[int, int], int]) -> Lowered:
    """A value with more entries along its last axes, each a copy of one inside."""
    value, amounts = o.value("self"), [int(n) for n in o["padding"]]
    for place in range(len(amounts) // 2):
        axis = len(value.shape) - 1 - place
        if axis < value.folded:
            raise o.refused("it changes the batch axis", FIRST)
        before, after = amounts[2 * place], amounts[2 * place + 1]
        size = value.shape[axis]
        value = entries(o, value, axis, [source(at, size) for at in range(-before, size + after)])
    return value


@understood(aten.glu.default, arguments="self dim", folds=True)
def gated(o: Operation) -> Lowered:
    """The first half of an axis times the shares that the second gives."""
    value = o.value("self")
    axis = sample_axis(o, value, int(o["dim"]))
    half = value.shape[axis] // 2
    first, second = (_piece(o, value, axis, (begin, 1, half)) for begin in (0, half))
    return computed(o, lambda c, x, y: c("mul", x, c("sigmoid", y)), first, second)


@understood(aten.pixel_shuffle.default, arguments="self upscale_factor")
def pixel_shuffle(o: Operation) -> Lowered:
    """Channels become pixels."""
    value, by = o.value("self"), int(o["upscale_factor"])
    channels, height, width = value.shape
    parts = Lowered(value.name, (channels // by**2, by, by, height, width), value.folded)
    return arranged(o, parts, (0, 3, 1, 4, 2))


@understood(aten.pixel_unshuffle.default, arguments="self downscale_factor")
def pixel_unshuffle(o: Operation) -> Lowered:
    """Pixels become channels."""
    value, by = o.value("self"), int(o["downscale_factor"])
    channels, height, width = value.shape
    parts = (channels, height // by, by, width // by, by)
    return arranged(o, Lowered(value.name, parts, value.folded), (0, 2, 4, 1, 3))


@understood(aten.channel_shuffle.default, arguments="self groups")
def channel_shuffle(o: Operation) -> Lowered:
    """Channels of each group in turn."""
    value, groups = o.value("self"), int(o["groups"])
    channels, *pixels = value.shape
    parts = Lowered(value.name, (groups, channels // groups, *pixels), value.folded)
    return arranged(o, parts, (1, 0, *range(2, 2 + len(pixels))))


@understood(aten.tril.default, aten.triu.default, arguments="self diagonal", folds=True)
def triangle(o: Operation) -> Lowered:
    """What stands on one side of a diagonal of the last two axes, and zeros."""
    value = o.value("self")
    if len(value.shape) - value.folded < 2:
        raise o.refused("it changes the batch axis", FIRST)
    mask = o.call.op(torch.ones(value.shape[-2:]), diagonal=o["diagonal"])
    return affine(o, value, mask.numpy(), 0.0)
