"""Rules of what moves axes: views, permutations, indexing, splitting."""

from __future__ import annotations

from typing import Any

import torch

from snnc.compiler.frontend.reroll.calls import Call, Rule, Traced
from snnc.compiler.frontend.reroll.sequences import Part, Place, Seq, reshaped
from snnc.compiler.frontend.reroll.steps import Ref

aten = torch.ops.aten


def view(call: Call) -> Traced:
    """Any reshape that leaves time whole."""
    x = call["self"]
    if not isinstance(x, Seq):
        return call.other(aten.view.default, [x, list(call.shape)], call.shape)
    place = reshaped(x.shape, x.place, len(x.steps), call.shape)
    if place is None:
        raise call.refused(
            f"reshaping {list(x.shape)} to {list(call.shape)} mixes time with other axes"
        )
    whole = Seq(x.steps, call.shape, place)
    if whole.step_shape == x.step_shape:
        return whole
    return whole.each(
        lambda t: call.other(
            aten.view.default, [x.steps[t], list(whole.step_shape)], whole.step_shape
        ),
        call.shape,
    )


def permute(call: Call) -> Traced:
    """permute, transpose and t, all as permute."""
    x = call["self"]
    rank = len(call.shape_of(x))
    if "dims" in call.arguments:
        order = [dim % rank for dim in call["dims"]]
    else:
        order = list(range(rank))
        first, second = (
            (call["dim0"] % rank, call["dim1"] % rank)
            if "dim0" in call.arguments
            else (0, rank - 1)
        )
        order[first], order[second] = order[second], order[first]
    if not isinstance(x, Seq):
        return _permuted(call, x, order, call.shape)
    place = Place(order.index(x.axis), x.place.outer, x.place.inner)
    steps = [x.step_axis(dim) for dim in order if not (x.place.alone and dim == x.axis)]
    whole = Seq(x.steps, call.shape, place)
    return whole.each(lambda t: _permuted(call, x.steps[t], steps, whole.step_shape), call.shape)


def _permuted(call: Call, x: Ref, order: list[int], shape: tuple[int, ...]) -> Ref:
    if order == sorted(order):
        return x
    return call.other(aten.permute.default, [x, order], shape)


def select(call: Call) -> Traced:
    """x[..., index, ...]: a step where the axis is time, else the same part of each step."""
    x = call["self"]
    if not isinstance(x, Seq | Part):
        return _selected(call, x, int(call["dim"]), int(call["index"]), call.shape)
    axis = call.axis("dim", x.shape)
    if isinstance(x, Part):
        return _part(call, x, axis)
    if axis == x.axis and x.place.alone:
        return x.steps[int(call["index"])]
    if axis == x.axis:
        raise call.refused("it takes a part of an axis that holds time and more")
    place = Place(x.axis - (axis < x.axis), x.place.outer, x.place.inner)
    step_axis = x.step_axis(axis)
    return call.each(x, lambda step: {"self": step, "dim": step_axis}, place)


def _selected(call: Call, x: Ref, dim: int, index: int, shape: tuple[int, ...]) -> Ref:
    made = call.graph[x]
    dim %= len(made.shape)
    same_axis = int(made.arguments.get("dim") or 0) % max(1, len(made.shape)) == dim
    if made.op is aten.unsqueeze.default and same_axis:
        return made.arguments["self"]  # type: ignore[no-any-return]
    if made.op is aten.stack.default and same_axis:
        return made.arguments["tensors"][index]  # type: ignore[no-any-return]
    return call.other(aten.select.int, [x, dim, index], shape)


def _part(call: Call, x: Part, axis: int) -> Ref:
    step = int(call["index"]) % x.shape[x.axis]
    if axis != x.axis:
        raise call.refused("it reads a buffer of which some steps are not written yet")
    if step in x.written:
        return x.written[step]
    return call.other(aten.select.int, [x.base, axis, step], call.shape)


def unsqueeze(call: Call) -> Traced:
    """A new axis of length 1."""
    x = call["self"]
    axis = call.axis("dim", call.shape_of(x), 1)
    if not isinstance(x, Seq):
        return call.as_it_stands()
    place = Place(x.axis + (axis <= x.axis), x.place.outer, x.place.inner)
    step_axis = axis - (x.place.alone and axis > x.axis)
    return call.each(x, lambda step: {"self": step, "dim": step_axis}, place)


def slice_(call: Call) -> Traced:
    """x[a:b:c]; all of an axis is the value itself."""
    x = call["self"]
    shape = call.shape_of(x)
    axis = call.axis("dim", shape)
    if call.shape == tuple(shape):
        return x
    if isinstance(x, Seq) and axis != x.axis:
        step_axis = x.step_axis(axis)
        return call.each(x, lambda step: {"self": step, "dim": step_axis}, x.place)
    if isinstance(x, Seq | Part):
        raise call.refused("it takes some of the steps", "Run every step through the network.")
    return call.as_it_stands()


def expand(call: Call) -> Traced:
    """Repetition along axes of length 1, not over time."""
    x = call["self"]
    if call.shape == tuple(call.shape_of(x)):
        return x
    if not isinstance(x, Seq):
        return call.as_it_stands()
    moved = len(call.shape) - len(x.shape)
    place = Place(x.axis + moved, x.place.outer, x.place.inner)
    if moved and x.place.axis + moved != place.axis:
        raise call.refused("it repeats time")
    whole = Seq(x.steps, call.shape, place)
    return call.each(x, lambda step: {"self": step, "size": list(whole.step_shape)}, place)


def split(call: Call) -> Traced:
    """split, chunk and unbind: steps where the axis is time, else the same parts of each step."""
    x = call["self"]
    axis = call.axis("dim", call.shape_of(x))
    if isinstance(x, Ref) and call.op is aten.unbind.int:
        shape = call.shape_of(x)
        rest = shape[:axis] + shape[axis + 1 :]
        return [_selected(call, x, axis, item, rest) for item in range(shape[axis])]
    if not isinstance(x, Seq):
        made = call.as_it_stands()
        return [Ref(made.index, item) for item in range(_parts(call, call.shape_of(x)[axis]))]
    if axis == x.axis:
        if call.op is aten.unbind.int and x.place.alone:
            return list(x.steps)
        raise call.refused("it splits time")
    if call.op is aten.unbind.int:
        raise call.refused("it takes an axis apart that is not time")
    made_steps = [
        call.emit({"self": step, "dim": x.step_axis(axis)}, x.step_shape) for step in x.steps
    ]
    size = int(call["split_size"]) if "split_size" in call.arguments else None
    if size is None:
        raise call.refused("it splits an axis")
    parts = []
    for item in range(_parts(call, x.shape[axis])):
        length = min(size, x.shape[axis] - item * size)
        shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
        steps = tuple(Ref(step.index, item) for step in made_steps)
        parts.append(Seq(steps, shape, x.place))
    return parts


def _parts(call: Call, length: int) -> int:
    arguments: dict[str, Any] = call.arguments
    if "split_size" in arguments:
        return -(-length // int(arguments["split_size"]))
    if "split_sizes" in arguments:
        return len(arguments["split_sizes"])
    return min(length, int(arguments["chunks"])) if "chunks" in arguments else length


def stack(call: Call) -> Traced:
    """T values of one step each are a sequence; values of one step stay one step."""
    parts, steps = list(call["tensors"]), call.graph.time_steps
    if len(parts) == 1 and isinstance(parts[0], Ref):
        shape = call.shape
        axis = int(call["dim"]) % len(shape)
        stacked = call.op is aten.stack.default
        if steps == 1 and stacked and not call.graph.is_static(parts[0]):
            return Seq((parts[0],), shape, Place(axis))
        return call.other(aten.unsqueeze.default, [parts[0], axis], shape) if stacked else parts[0]
    if not _are_steps(call, parts):
        return call.as_it_stands()
    if len(parts) != steps:
        raise call.refused(f"it puts {len(parts)} values of {steps} steps together")
    axis = int(call["dim"]) % len(call.shape)
    if call.op is aten.stack.default:
        return Seq(tuple(parts), call.shape, Place(axis))
    if call.shape[axis] == steps:  # each has an axis of length 1 for time
        shape = call.shape[:axis] + call.shape[axis + 1 :]
        taken = tuple(_selected(call, part, axis, 0, shape) for part in parts)
        return Seq(taken, call.shape, Place(axis))
    return Seq(tuple(parts), call.shape, Place(axis, 1, call.shape[axis] // steps))


def _are_steps(call: Call, parts: list[Traced]) -> bool:
    if any(isinstance(part, Seq | Part) for part in parts):
        raise call.refused("it joins sequences", "Join the values of each step.")
    found = {call.graph[part].step for part in parts} - {-1}
    return len(found) > 1


def scatter(call: Call) -> Traced:
    """out[t] = value: the steps of a buffer, one by one; all written, a sequence."""
    base, axis = call["self"], call.axis("dim", call.shape)
    steps = call.graph.time_steps
    if isinstance(base, Ref) and call.shape[axis] == steps and call.graph.is_static(base):
        base = Part(base, call.shape, axis)
    if not isinstance(base, Part) or base.axis != axis or not isinstance(call["src"], Ref):
        return call.as_it_stands()
    written = {**base.written, int(call["index"]) % steps: call["src"]}
    if len(written) == steps and all(map(call.graph.is_static, written.values())):
        rows = [call.graph.value(written[t]) for t in range(steps)]
        return call.graph.constant(torch.stack(rows, axis), call.source)
    if len(written) == steps:
        return Seq(tuple(written[t] for t in range(steps)), call.shape, Place(axis))
    return Part(base.base, base.shape, axis, written)


RULES: dict[Any, Rule] = {
    aten.view.default: view,
    aten._unsafe_view.default: view,
    aten.reshape.default: view,
    aten.squeeze.default: view,
    aten.squeeze.dim: view,
    aten.squeeze.dims: view,
    aten.permute.default: permute,
    aten.transpose.int: permute,
    aten.t.default: permute,
    aten.select.int: select,
    aten.unsqueeze.default: unsqueeze,
    aten.slice.Tensor: slice_,
    aten.expand.default: expand,
    aten.unbind.int: split,
    aten.split.Tensor: split,
    aten.split_with_sizes.default: split,
    aten.chunk.default: split,
    aten.stack.default: stack,
    aten.cat.default: stack,
    aten.select_scatter.default: scatter,
}
