"""Rules of what only moves numbers: views, permutations, slices, joining, padding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from snnc.compiler.frontend.understand.body_values import (
    FIRST,
    Joined,
    Lowered,
    Operation,
    understood,
)
from snnc.compiler.ops import Arrange, Concat, Pad
from snnc.compiler.ops.wiring import arrange
from snnc.compiler.ops.wiring.arrange import REPEATED

aten = torch.ops.aten


@understood(
    aten.view.default, aten._unsafe_view.default, aten.reshape.default,
    arguments="self size shape", moves=True,
)  # fmt: skip
def view(o: Operation) -> Lowered:
    """Another view of a step's features; the batch may be folded into them."""
    return seen(o, o.value("self"))


@understood(
    aten.squeeze.dim, aten.squeeze.dims, aten.squeeze.default, arguments="self dim", moves=True
)
def squeeze(o: Operation) -> Lowered:
    """Axes of length 1 go."""
    return seen(o, o.value("self"))


@understood(aten.unsqueeze.default, arguments="self dim", moves=True)
def unsqueeze(o: Operation) -> Lowered:
    """A new axis of length 1."""
    return seen(o, o.value("self"))


def seen(o: Operation, value: Lowered) -> Lowered:
    """The same numbers in the shape of the result; the batch keeps what stands before it."""
    samples, shape = o.g.samples, o.call.shape
    before = math.prod(value.shape[: value.batch])
    after = math.prod(value.shape) // max(before, 1)
    for axis, size in enumerate(shape):
        left, right = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        if left == before and size % samples == 0 and after == size // samples * right:
            o.batch = axis
            if axis and size != samples:
                break
            made = Lowered(value.name, o.shape, o.folded, axis)
            flat = len(o.shape) == 1 and not o.folded and not axis
            return Lowered(o.node_of(made), o.shape) if flat else made
    raise o.refused("it mixes the samples of a batch")


def arranged(
    o: Operation,
    value: Lowered,
    source: Sequence[int],
    *,
    parts: Mapping[int, tuple[int, int, int]] | None = None,
    repeats: Sequence[int] = (),
    shape: tuple[int, ...] | None = None,
) -> Lowered:
    """A value whose axes are taken in another order, in part, or repeated.

    Args:
        o: the operation.
        value: what it moves.
        source: for each axis that is taken the axis of the value, or -1.
        parts: (start, step, length) of axes that are not taken whole.
        repeats: lengths of the repeated axes, in order.
        shape: of the result; default: that of the operation.
    """
    shape = o.shape if shape is None else shape
    if 0 in shape:
        raise o.refused("nothing is left of it")
    name = o.node_of(value)
    given = o.g.type_of(name)
    op = arrange.taken(
        given.shape, source, parts=parts, repeats=repeats, shape=shape, packed=len(shape) - 1
    )
    return o.add(replace(op, packed=_packed(op, given.packed)), [name], shape=shape)


def _packed(op: Arrange, packed: int) -> int:
    """The axis of an output that holds what the input is packed along, if it is one of them."""
    where = op.source.index(packed)
    before = 1
    for length in op.length[:where]:
        before *= length
    size = 1
    for axis, length in enumerate(op.shape):
        if size == before and length == op.length[where] and length > 1:
            return axis
        size *= length
    return len(op.shape) - 1


@understood(aten.permute.default, arguments="self dims", moves=True)
def permute(o: Operation) -> Lowered:
    """Axes in another order; what the batch is folded into stays."""
    value, rank = o.value("self"), len(o.call.shape)
    order = [int(dim) % rank for dim in o["dims"]]
    o.batch = order.index(value.batch)
    if not value.folded:
        axes = [_axis(o, value, dim) for dim in order if dim != value.batch]
        return arranged(o, value, axes)
    if order[0] != 0:
        raise o.refused("it moves the batch axis", FIRST)
    return arranged(o, value, order)


@understood(aten.select.int, arguments="self dim index", moves=True)
def select(o: Operation) -> Lowered:
    """One entry along an axis."""
    value = o.value("self")
    axis = _axis(o, value)
    _removed(o, value)
    start = int(o["index"]) % value.shape[axis]
    return arranged(o, value, range(len(value.shape)), parts={axis: (start, 1, 1)})


def _removed(o: Operation, value: Lowered) -> None:
    """The batch's place where the operation's axis goes."""
    o.batch = value.batch - (int(o["dim"]) % value.rank < value.batch)


@understood(aten.slice.Tensor, arguments="self dim start end step", moves=True)
def slice_(o: Operation) -> Lowered:
    """Some entries along an axis."""
    value = o.value("self")
    axis, o.batch = _axis(o, value), value.batch
    begin, _, step = slice(o["start"], o["end"], o["step"]).indices(value.shape[axis])
    part = (begin, step, o.shape[axis])
    return arranged(o, value, range(len(value.shape)), parts={axis: part})


@understood(aten.flip.default, arguments="self dims", moves=True)
def flip(o: Operation) -> Lowered:
    """Axes backwards."""
    value = o.value("self")
    o.batch = value.batch
    axes = [_axis(o, value, dim) for dim in o["dims"]]
    parts = {axis: (value.shape[axis] - 1, -1, value.shape[axis]) for axis in axes}
    return arranged(o, value, range(len(value.shape)), parts=parts)


def _axis(o: Operation, value: Lowered, dim: Any = None) -> int:
    """The axis argument as one of a sample's, not that of the batch."""
    axis = value.axis(int(o["dim"] if dim is None else dim))
    if axis is None:
        raise o.refused("it changes the batch axis", FIRST)
    return axis


@understood(aten.expand.default, arguments="self size implicit", folds=True)
def expand(o: Operation) -> Lowered:
    """Repetition along axes of length 1."""
    return broadcast(o, o.value("self"))


def broadcast(o: Operation, value: Lowered) -> Lowered:
    """A value as large as the result of an operation, repeated along axes of length 1."""
    same = (value.folded, value.batch) == (o.folded, o.batch)
    if value.shape == o.shape and same:
        return value
    fits = same and len(value.shape) == len(o.shape)
    if not fits or any(n not in (1, m) for n, m in zip(value.shape, o.shape, strict=True)):
        raise o.refused(f"{list(value.shape)} a step does not fit {list(o.shape)}")
    source: list[int] = []
    repeats = []
    for axis, (given, wanted) in enumerate(zip(value.shape, o.shape, strict=True)):
        source.append(axis)
        if given != wanted:
            source.append(REPEATED)
            repeats.append(wanted)
    return arranged(o, value, source, repeats=repeats)


@understood(aten.repeat.default, arguments="self repeats", folds=True)
def repeat(o: Operation) -> Lowered:
    """Copies along axes."""
    value = o.value("self")
    times = [int(n) for n in o["repeats"]]
    if len(times) != len(value.shape) + (not value.folded) or times[0] != 1:
        raise o.refused("it repeats the batch axis, or adds axes", FIRST)
    times = times if value.folded else times[1:]
    source, repeats = list[int](), list[int]()
    for axis, count in enumerate(times):
        if count > 1:
            source.append(REPEATED)
            repeats.append(count)
        source.append(axis)
    return arranged(o, value, source, repeats=repeats)


@understood(aten.split.Tensor, arguments="self split_size dim", moves=True)
def split(o: Operation) -> list[Lowered]:
    """Parts of one length along an axis."""
    value = o.value("self")
    length = value.shape[_axis(o, value)]
    size = int(o["split_size"])
    return _split(o, value, [min(size, length - at) for at in range(0, length, size)])


@understood(aten.split_with_sizes.default, arguments="self split_sizes dim", moves=True)
def split_with_sizes(o: Operation) -> list[Lowered]:
    """Parts of given lengths along an axis."""
    return _split(o, o.value("self"), [int(size) for size in o["split_sizes"]])


def _split(o: Operation, value: Lowered, lengths: Sequence[int]) -> list[Lowered]:
    axis, begin, made = _axis(o, value), 0, list[Lowered]()
    o.batch = value.batch
    for length in lengths:
        shape = (*value.shape[:axis], length, *value.shape[axis + 1 :])
        part = {axis: (begin, 1, length)}
        made.append(arranged(o, value, range(len(shape)), parts=part, shape=shape))
        begin += length
    return made


@understood(aten.unbind.int, arguments="self dim", moves=True)
def unbind(o: Operation) -> list[Lowered]:
    """Each entry along an axis."""
    value = o.value("self")
    axis = _axis(o, value)
    shape = (*value.shape[:axis], *value.shape[axis + 1 :])
    _removed(o, value)
    return [
        arranged(o, value, range(len(value.shape)), parts={axis: (place, 1, 1)}, shape=shape)
        for place in range(value.shape[axis])
    ]


@understood(aten.cat.default, arguments="tensors dim", folds=True)
def cat(o: Operation) -> Lowered:
    """Values one after the other; vectors that a linear layer reads stay apart."""
    parts = o["tensors"]
    if not all(isinstance(part, Lowered) for part in parts):
        raise o.refused("it joins constants with values of the network")
    axis = _axis(o, parts[0])
    made = o.add(Concat(axis=axis), [o.shaped(part) for part in parts])
    if not o.folded and all(len(part.shape) == 1 for part in parts):
        return Joined(made.name, made.shape, parts=tuple(parts))
    return made


@understood(aten.stack.default, arguments="tensors dim", folds=True)
def stack(o: Operation) -> Lowered:
    """Values along a new axis."""
    parts = o["tensors"]
    if not all(isinstance(part, Lowered) for part in parts):
        raise o.refused("it stacks constants with values of the network")
    axis = int(o["dim"]) % len(o.call.shape) - (not o.folded)
    if axis < o.folded:
        raise o.refused("it changes the batch axis", FIRST)
    shape = (*o.shape[:axis], 1, *o.shape[axis + 1 :])
    names = [o.shaped(Lowered(part.name, shape, part.folded)) for part in parts]
    return o.add(Concat(axis=axis), names)


@understood(aten.constant_pad_nd.default, arguments="self pad value", folds=True)
def pad(o: Operation) -> Lowered:
    """Constants around a value, or a part of it where they are fewer than none."""
    value, rank = o.value("self"), len(o.shape)
    amounts = [int(n) for n in o["pad"]]
    spaces = [(0, 0)] * rank
    for place in range(len(amounts) // 2):
        axis = rank - 1 - place
        if axis < o.folded:
            raise o.refused("it changes the batch axis", FIRST)
        spaces[axis] = (amounts[2 * place], amounts[2 * place + 1])
    parts, shape = dict[int, tuple[int, int, int]](), list(value.shape)
    for axis, (before, after) in enumerate(spaces):
        cut = [max(0, -before), max(0, -after)]
        if any(cut):
            shape[axis] -= sum(cut)
            parts[axis] = (cut[0], 1, shape[axis])
    if parts:
        value = arranged(o, value, range(rank), parts=parts, shape=tuple(shape))
    op = Pad(
        before=tuple(max(0, before) for before, _ in spaces),
        after=tuple(max(0, after) for _, after in spaces),
        step=(1,) * rank,
        value=float(o["value"]),
    )
    return o.add(op, [o.shaped(value)])
