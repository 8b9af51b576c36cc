"""Importers of what looks at axes: indexing, stacking, reshaping, reducing over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from snnc.compiler.frontend.fx.traced_calls import Call, refused
from snnc.compiler.frontend.fx.values import Layout, Memory, Opaque, Traced, Value
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops import Flatten


def getitem(call: Call) -> Traced:
    """x[t] of a sequence; an item of a tuple."""
    source, index = call.args
    if isinstance(source, tuple | list):
        return source[index]
    if isinstance(source, Opaque):
        return Opaque(source.what)
    if isinstance(source, Value) and source.layout is Layout.SEQUENCE and isinstance(index, int):
        return Value(source.name, Layout.STEP, index % call.walk.importing.time_steps)
    raise refused(
        "it takes a part of a tensor", "Index time only, as x[t], with time as first axis."
    )


def unbind(call: Call) -> Traced:
    """The steps of a sequence."""
    source = call.tensor()
    if source.layout is not Layout.SEQUENCE or call.argument(1, "dim", 0) != 0:
        raise refused("only time, as first axis, can be unbound")
    steps = range(call.walk.importing.time_steps)
    return tuple(Value(source.name, Layout.STEP, step) for step in steps)


def stack(call: Call) -> Traced:
    """The steps of one value, in order, as a sequence again."""
    parts = list(call.argument(0, "tensors"))
    if call.argument(1, "dim", 0) != 0:
        raise refused("steps can only be stacked along axis 0")
    if all(isinstance(part, Memory) for part in parts):
        return Opaque("membrane potentials")
    wanted = list(range(call.walk.importing.time_steps))
    steps = [part.step if isinstance(part, Value) else None for part in parts]
    if steps != wanted or len({part.name for part in parts}) != 1:
        raise refused(
            f"it stacks something else than the {len(wanted)} steps of one value, in order",
            "Run the loop over every step, and append one value at each.",
        )
    return Value(parts[0].name, Layout.SEQUENCE)


def reshape(call: Call) -> Traced:
    """Flattening the features of a step; time and batch merged or split."""
    value = call.argument(0, "input")
    if not isinstance(value, Value):
        return value if isinstance(value, Opaque | Memory) else _no_meaning()
    out = tuple(call.node.meta["shape"])
    if value.layout is Layout.STILL and out == (1, *_shape_before(call)):
        return Value(value.name, Layout.REPEATED_ONCE)
    g = call.walk.importing
    given, steps = g.type_of(value.name), g.time_steps
    samples = call.walk.samples
    leads: dict[Layout, tuple[int, ...]] = {value.layout: (samples,)}
    if value.layout in (Layout.SEQUENCE, Layout.MERGED):
        leads = {Layout.SEQUENCE: (steps, samples), Layout.MERGED: (steps * samples,)}
    elif value.layout is Layout.BATCH_FIRST:
        leads = {value.layout: (samples, steps)}
    for layout in sorted(leads, key=lambda layout: layout is not value.layout):
        lead = leads[layout]
        rest = out[len(lead) :]
        if out[: len(lead)] != lead or rest not in (given.shape, (given.size,)):
            continue
        moved = Value(value.name, layout, value.step)
        return moved if rest == given.shape else call.emit(Flatten(), [moved])
    raise refused(
        f"reshaping [{', '.join(map(str, call.node.args[0].meta['shape']))}] to {list(out)} is not "  # type: ignore[union-attr]
        "flattening all features of a step",
        "Flatten from the channel axis to -1.",
    )


def repeat(call: Call) -> Traced:
    """One image at every step: x.unsqueeze(0).repeat(T, ...), or the same with expand."""
    value, out = call.tensor(), tuple(call.node.meta["shape"])
    before, steps = _shape_before(call), call.walk.importing.time_steps
    if out == before:
        return value
    if value.layout is not Layout.REPEATED_ONCE or out[1:] != before[1:]:
        raise refused("it repeats a value", "Only a still image may be repeated, over time.")
    if out[0] != steps:
        raise refused(
            f"it repeats the image {out[0]} times, and there are {steps} time steps",
            f"Give --time-steps {out[0]}.",
        )
    return Value(value.name, Layout.SEQUENCE)


def _shape_before(call: Call) -> tuple[int, ...]:
    return tuple(call.node.args[0].meta["shape"])  # type: ignore[union-attr]


def permute(call: Call) -> Traced:
    """Time and batch may change places; nothing else may move."""
    value = call.tensor()
    rank = len(call.node.args[0].meta["shape"])  # type: ignore[union-attr]
    order = [axis % rank for axis in _flat(call.args[1:])]
    if call.node.target in (torch.transpose, "transpose"):
        first, second = order
        order = list(range(rank))
        order[first], order[second] = order[second], order[first]
    if order == list(range(rank)):
        return value
    other = {
        Layout.SEQUENCE: Layout.BATCH_FIRST,
        Layout.BATCH_FIRST: Layout.SEQUENCE,
    }.get(value.layout)
    if other is None or order != [1, 0, *range(2, rank)]:
        raise refused("it reorders axes", "Only time and batch may change places.")
    return Value(value.name, other)


def _flat(values: Any) -> list[int]:
    return [n for value in values for n in (value if isinstance(value, Sequence) else [value])]


def _no_meaning() -> Traced:
    raise refused("it reshapes something that is no value of the network")


def same(call: Call) -> Traced:
    """What changes nothing: copies, and conversions to float32."""
    dtype = call.node.meta.get("dtype")
    if dtype not in (None, torch.float32):
        raise refused(
            f"a conversion to {str(dtype).removeprefix('torch.')} changes numbers",
            "Leave the conversion out, and check the accuracy again.",
        )
    return call.argument(0, "input")


def dropout(call: Call) -> Traced:
    """Dropout that is told that the model does not train."""
    if call.argument(2, "training", True):
        raise refused(
            "dropout draws random numbers also in evaluation mode", "Pass training=self.training."
        )
    return call.argument(0, "input")


def over_time(op: Operation) -> Callable[[Call], Traced]:
    """Mean or sum over time as ``op``."""

    def reduce(call: Call) -> Traced:
        value, axis = call.tensor(), call.argument(1, "dim")
        axes = tuple(axis) if isinstance(axis, Sequence) else (axis,)
        time = {Layout.SEQUENCE: (0,), Layout.BATCH_FIRST: (1,)}.get(value.layout)
        if axes != time or call.argument(2, "keepdim"):
            raise refused(
                "only means and sums over time, the first axis, are supported",
                "Write .mean(0) or .sum(0) of a [T, N, ...] tensor.",
            )
        return call.emit(op, [value])

    return reduce
