"""Rules of what moves axes: views, permutations, indexing, splitting."""

from __future__ import annotations

from collections.abc import Sequence
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
    if isinstance(x, Seq) and x.place.alone and len(x.steps) != call.graph.time_steps:
        taken = x.steps[slice(call["start"], call["end"], call["step"])]
        return Seq(taken, call.shape, x.place)  # the borders of padded time
    if isinstance(x, Seq | Part):
        raise call.refused("it takes some of the steps", "Run every step through the network.")
    return call.as_it_stands()


def expand(call: Call) -> Traced:
    """Repetition along axes of length 1; of a still image over time."""
    x = call["self"]
    given = tuple(call.shape_of(x))
    if call.shape == given:
        return x
    moved = len(call.shape) - len(given)
    if not isinstance(x, Seq):
        full = (1,) * moved + given
        times = [n // m for n, m in zip(call.shape, full, strict=True)]
        return _over_time(call, x, times) or call.as_it_stands()
    place = Place(x.axis + moved, x.place.outer, x.place.inner)
    if moved and x.place.axis + moved != place.axis:
        raise call.refused("it repeats time")
    whole = Seq(x.steps, call.shape, place)
    return call.each(x, lambda step: {"self": step, "size": list(whole.step_shape)}, place)


def repeat(call: Call) -> Traced:
    """Copies along axes; of a still image over time."""
    x, times = call["self"], [int(n) for n in call["repeats"]]
    if not isinstance(x, Seq):
        return _over_time(call, x, times) or call.as_it_stands()
    moved = len(times) - len(x.shape)
    axis = x.axis + moved
    if times[axis] != 1:
        raise call.refused("it repeats time")
    place = Place(axis, x.place.outer, x.place.inner)
    left = times[:axis] + times[axis + 1 :] if x.place.alone else times
    return call.each(x, lambda step: {"self": step, "repeats": left}, place)


def _over_time(call: Call, x: Ref, times: Sequence[int]) -> Seq | None:
    """A still image repeated over a time axis, as a sequence; None for anything else."""
    steps = call.graph.time_steps
    axes = [axis for axis, n in enumerate(times) if n > 1]
    if not call.graph.still or axes != [0] or times[0] != steps or call.graph.is_static(x):
        return None
    shape = call.shape_of(x)
    if len(shape) == len(times):
        x = _selected(call, x, 0, 0, shape[1:])
    return Seq(tuple(call.graph.at_step(x, t) for t in range(steps)), call.shape, Place(0))


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
        return _unbound(call, x, axis)
    made_steps = [
        call.emit({"self": step, "dim": x.step_axis(axis)}, x.step_shape) for step in x.steps
    ]
    parts = []
    for item, length in enumerate(_lengths(call, x.shape[axis])):
        shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
        steps = tuple(Ref(step.index, item) for step in made_steps)
        parts.append(Seq(steps, shape, x.place))
    return parts


def _unbound(call: Call, x: Seq, axis: int) -> Traced:
    """Each entry along an axis that is not time, as a sequence."""
    rest = x.shape[:axis] + x.shape[axis + 1 :]
    place = Place(x.axis - (axis < x.axis), x.place.outer, x.place.inner)
    step_axis = x.step_axis(axis)
    parts = []
    for item in range(x.shape[axis]):
        whole = Seq(x.steps, rest, place)
        taken = [_selected(call, step, step_axis, item, whole.step_shape) for step in x.steps]
        parts.append(Seq(tuple(taken), rest, place))
    return parts


def _lengths(call: Call, length: int) -> list[int]:
    """Lengths of the parts of an axis."""
    if "split_sizes" in call.arguments:
        return [int(size) for size in call["split_sizes"]]
    size = int(call["split_size"]) if "split_size" in call.arguments else 0
    if not size:
        size = -(-length // int(call["chunks"]))
    return [min(size, length - at) for at in range(0, length, size)]


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
    if _is_still(call, parts):
        axis = int(call["dim"]) % len(call.shape)
        made = tuple(call.graph.at_step(part, t) for t, part in enumerate(parts))
        return Seq(made, call.shape, Place(axis))
    if all(isinstance(part, Seq) for part in parts):
        return _joined(call, parts)
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


def _joined(call: Call, parts: list[Seq]) -> Seq:
    """Sequences joined step by step, along an axis that is not time."""
    first, rank = parts[0], len(call.shape)
    stacked = call.op is aten.stack.default
    axis = int(call["dim"]) % rank
    if any(not part.matches(first) for part in parts) or (not stacked and axis == first.axis):
        raise call.refused("it joins sequences along time, or whose time stands elsewhere")
    place = Place(
        first.axis + (stacked and axis <= first.axis), first.place.outer, first.place.inner
    )
    whole = Seq(first.steps, call.shape, place)
    step_axis = whole.step_axis(axis)
    return whole.each(
        lambda t: call.emit(
            {"tensors": [part.steps[t] for part in parts], "dim": step_axis}, whole.step_shape
        ),
        call.shape,
    )


def along(call: Call) -> Traced:
    """What works along axes that are not time: softmax, flip."""
    x = call["self"]
    if not isinstance(x, Seq):
        return call.as_it_stands()
    name = "dims" if "dims" in call.arguments else "dim"
    given = call[name]
    axes = [int(d) % len(x.shape) for d in (given if isinstance(given, list | tuple) else [given])]
    if x.axis in axes:
        raise call.refused("it works along time", "Leave the order of steps as it is.")
    steps = [x.step_axis(axis) for axis in axes]
    taken = steps if isinstance(given, list | tuple) else steps[0]
    return call.each(x, lambda step: {"self": step, name: taken}, x.place)


def padded(call: Call) -> Traced:
    """Padding of axes behind time, and of time: a sequence with constants around its steps."""
    x = call["self"]
    if not isinstance(x, Seq):
        return call.as_it_stands()
    amounts = [int(n) for n in call["pad"]]
    place = 2 * (len(x.shape) - 1 - x.axis)
    before, after = (*amounts[place : place + 2], 0, 0)[:2]
    if (before or after) and (not x.place.alone or min(before, after) < 0):
        raise call.refused("it pads time")
    if x.place.alone:
        amounts = amounts[:place] + amounts[place + 2 :]
    inner = Seq(
        x.steps, (*call.shape[: x.axis], x.shape[x.axis], *call.shape[x.axis + 1 :]), x.place
    )
    if any(amounts):
        inner = inner.each(
            lambda t: call.emit({"self": x.steps[t], "pad": amounts}, inner.step_shape), inner.shape
        )
    border = call.graph.constant(torch.full(inner.step_shape, float(call["value"])), call.source)
    steps = (border,) * before + inner.steps + (border,) * after
    return Seq(steps, call.shape, x.place)


def _is_still(call: Call, parts: list[Traced]) -> bool:
    """Whether it stacks one still image for all steps."""
    image = parts[0]
    if not call.graph.still or call.op is not aten.stack.default or not isinstance(image, Ref):
        return False
    same = all(part == image for part in parts) and len(parts) == call.graph.time_steps
    return same and not call.graph.is_static(image)


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
    aten.repeat.default: repeat,
    aten._softmax.default: along,
    aten.flip.default: along,
    aten.constant_pad_nd.default: padded,
    aten.unbind.int: split,
    aten.split.Tensor: split,
    aten.split_with_sizes.default: split,
    aten.chunk.default: split,
    aten.stack.default: stack,
    aten.cat.default: stack,
}
