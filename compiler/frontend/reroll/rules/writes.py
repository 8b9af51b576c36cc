"""Rules of writes into a part of a tensor, along axes that are not time."""

from __future__ import annotations

import torch

from snnc.compiler.frontend.reroll.calls import Call, Traced, bound
from snnc.compiler.frontend.reroll.rules import moved_axes
from snnc.compiler.frontend.reroll.rules.elementwise import at_step
from snnc.compiler.frontend.reroll.sequences import Place, Seq
from snnc.compiler.frontend.reroll.steps import Ref

aten = torch.ops.aten


def slice_written(call: Call) -> Traced:
    """y[:, a:b] = x."""
    pair = (call["self"], call["src"])
    found = [value for value in pair if isinstance(value, Seq)]
    if not found:
        return call.as_it_stands()
    first = found[0]
    axis = call.axis("dim", call.shape)
    if any(not value.matches(first) for value in found) or axis == first.axis:
        raise call.refused("it writes some of the steps", "Write one step, or all of them.")
    whole = Seq(first.steps, call.shape, first.place)
    step_axis = whole.step_axis(axis)

    def at(step: int) -> Ref:
        base, given = (at_step(call, value, whole, step) for value in pair)
        return call.emit({"self": base, "src": given, "dim": step_axis}, whole.step_shape)

    return whole.each(at, call.shape)


def entry_written(call: Call) -> Traced:
    """y[:, a] = x: a step of a buffer, or a slice of length 1."""
    base, given = call["self"], call["src"]
    axis = call.axis("dim", call.shape)
    if not isinstance(base, Seq) and not isinstance(given, Seq):
        return moved_axes.scatter(call)
    shape = (*call.shape[:axis], 1, *call.shape[axis + 1 :])
    if isinstance(given, Seq):
        place = Place(given.axis + (axis <= given.axis), given.place.outer, given.place.inner)
        whole = Seq(given.steps, shape, place)
        step_axis = axis - (place.alone and axis > place.axis)
        given = whole.each(
            lambda t: call.other(
                aten.unsqueeze.default, [whole.steps[t], step_axis], whole.step_shape
            ),
            shape,
        )
    else:
        given = call.other(aten.unsqueeze.default, [given, axis], shape)
    index = int(call["index"]) % call.shape[axis]
    arguments = bound(aten.slice_scatter.default, [base, given, axis, index, index + 1, 1], {})
    op = aten.slice_scatter.default
    return slice_written(Call(call.graph, op, arguments, call.shape, call.dtype, call.source))


RULES = {
    aten.slice_scatter.default: slice_written,
    aten.select_scatter.default: entry_written,
}
