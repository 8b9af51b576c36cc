"""Rules of what works number by number, of layers on a batch, of copies and of fresh tensors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.reroll.calls import Call, Rule, Traced, bound, sequences
from snnc.compiler.frontend.reroll.sequences import Part, Place, Seq
from snnc.compiler.frontend.reroll.steps import Ref

aten = torch.ops.aten


def elementwise(call: Call) -> Traced:
    """The same at every step; a tensor of the model is the same at every step too, or a table."""
    given = sequences(call.arguments)
    if not given:
        return call.as_it_stands()
    first = max(given, key=lambda seq: len(seq.shape))
    if any(not seq.matches(first) for seq in given):
        raise call.refused("it combines tensors whose time stands at different places")
    place = Place(
        first.axis + len(call.shape) - len(first.shape), first.place.outer, first.place.inner
    )
    whole = Seq(first.steps, call.shape, place)

    def at(step: int) -> Ref:
        taken = pytree.tree_map(
            lambda item: at_step(call, item, whole, step),
            call.arguments,
            is_leaf=lambda item: isinstance(item, Seq | Part | Ref),
        )
        return call.emit(taken, whole.step_shape)

    return whole.each(at, call.shape)


def at_step(call: Call, item: Any, whole: Seq, step: int) -> Any:
    """An argument at one step of a result: a sequence's step, a constant's part, or what it is."""
    if isinstance(item, Seq):
        return item.steps[step]
    if not isinstance(item, Ref):
        return item
    if not call.graph.is_static(item):
        raise call.refused("a value of one step is combined with all steps")
    value = call.graph.value(item)
    axis = value.ndim - (len(whole.shape) - whole.axis)
    if axis < 0:
        return item
    place = whole.place
    if value.shape[axis] == 1:
        return call.graph.constant(value.squeeze(axis), call.source) if place.alone else item
    if not place.alone:
        folded = (place.outer, len(whole.steps), place.inner)
        unfolded = value.reshape(*value.shape[:axis], *folded, *value.shape[axis + 1 :])
        taken = unfolded.select(axis + 1, step).flatten(axis, axis + 1)
    else:
        taken = value.select(axis, step)
    return call.graph.constant(taken, call.source)


def batched(name: str) -> Rule:
    """A layer that treats the entries of axis 0 of its argument ``name`` alike."""

    def rule(call: Call) -> Traced:
        x = call[name]
        others = [value for key, value in call.arguments.items() if key != name]
        if sequences(others):
            raise call.refused("its weights depend on the input at more than one step")
        if not isinstance(x, Seq):
            return call.as_it_stands()
        if x.axis != 0 or x.place.alone:
            raise call.refused(
                "time is neither folded into the batch nor taken step by step",
                "Fold time into the batch axis, or loop over time.",
            )
        place = Place(0, x.place.outer, x.place.inner)
        return call.each(x, lambda step: {name: step}, place)

    return rule


def batched_pair(first: str, second: str) -> Rule:
    """A product of two batches whose entries of axis 0 belong together."""

    def rule(call: Call) -> Traced:
        pair = (call[first], call[second])
        if not any(isinstance(value, Seq) for value in pair):
            return call.as_it_stands()
        found = [value for value in pair if isinstance(value, Seq)]
        folded = all(seq.axis == 0 and not seq.place.alone for seq in found)
        if len(found) < 2 or not folded or not found[0].matches(found[1]):
            raise call.refused(
                "time is not folded into the batch of both factors alike",
                "Fold time into the batch axis, or loop over time.",
            )
        one, two = found
        whole = Seq(one.steps, call.shape, Place(0, one.place.outer, one.place.inner))
        return whole.each(
            lambda t: call.emit({first: one.steps[t], second: two.steps[t]}, whole.step_shape),
            call.shape,
        )

    return rule


def normed(call: Call) -> Traced:
    """Layer norm, over axes behind time."""
    x = call["input"]
    if not isinstance(x, Seq):
        return call.as_it_stands()
    if len(x.shape) - len(call["normalized_shape"]) <= x.axis:
        raise call.refused("it normalises over time")
    return call.each(x, lambda step: {"input": step}, x.place)


def group_normed(call: Call) -> Traced:
    """Group norm of a batch that time is folded into."""
    x = call["input"]
    if not isinstance(x, Seq):
        return call.as_it_stands()
    if x.axis != 0 or x.place.alone:
        raise call.refused("time is not folded into the batch", "Fold time into the batch axis.")
    samples = x.step_shape[0]
    return call.each(x, lambda step: {"input": step, "N": samples}, x.place)


def same(call: Call) -> Traced:
    """Copies: the value itself."""
    return call["self"]


def converted(call: Call) -> Traced:
    """A copy in another type; in the same type the value itself."""
    x = call["self"]
    first = x.steps[0] if isinstance(x, Seq) else x
    if isinstance(x, Seq | Ref) and call.graph[first].dtype == call.dtype:
        return x
    return elementwise(call)


def overwritten(call: Call) -> Traced:
    """copy(self, src): src, as large as self and of its type."""
    x = call["src"]
    if tuple(call.shape_of(x)) != tuple(call.shape):
        raise call.refused(f"it copies {list(call.shape_of(x))} into {list(call.shape)}")
    given = call.graph[x.steps[0] if isinstance(x, Seq) else x]
    if given.dtype == call.dtype:
        return x
    arguments = bound(aten._to_copy.default, [x], {"dtype": call.dtype})
    return elementwise(
        Call(call.graph, aten._to_copy.default, arguments, call.shape, call.dtype, call.source)
    )


def fresh(fill: Any) -> Rule:
    """A new tensor as large as another: of one number, or (``fill`` a name) of an argument's."""

    def rule(call: Call) -> Traced:
        number = call[fill] if isinstance(fill, str) else fill
        if isinstance(number, Ref):
            return call.as_it_stands()
        if math.isnan(number) and call.dtype is not None and not call.dtype.is_floating_point:
            number = 0
        made = torch.full(call.shape, number, dtype=call.dtype)
        return call.graph.constant(made, call.source)

    return rule


UNSET = math.nan
"""What a tensor without given content holds: so that nothing that reads it passes unnoticed."""

RULES: dict[Any, Rule] = {
    aten.clone.default: same,
    aten.detach.default: same,
    aten.alias.default: same,
    aten.lift_fresh_copy.default: same,
    aten._to_copy.default: converted,
    aten.copy.default: overwritten,
    aten.zeros_like.default: fresh(0),
    aten.ones_like.default: fresh(1),
    aten.full_like.default: fresh("fill_value"),
    aten.empty_like.default: fresh(UNSET),
    aten.new_zeros.default: fresh(0),
    aten.new_ones.default: fresh(1),
    aten.new_full.default: fresh("fill_value"),
    aten.new_empty.default: fresh(UNSET),
    aten.empty.memory_format: fresh(UNSET),
    aten.empty_strided.default: fresh(UNSET),
    aten.fill.Scalar: fresh("value"),
    aten.zero.default: fresh(0),
    aten.max_pool2d_with_indices.default: batched("self"),
    aten.avg_pool2d.default: batched("self"),
    aten._adaptive_avg_pool2d.default: batched("self"),
    aten.upsample_nearest1d.default: batched("self"),
    aten.upsample_nearest2d.default: batched("self"),
    aten._upsample_nearest_exact1d.default: batched("self"),
    aten._upsample_nearest_exact2d.default: batched("self"),
    aten.upsample_bilinear2d.default: batched("self"),
    aten.upsample_linear1d.default: batched("self"),
    aten.native_layer_norm.default: normed,
    aten.native_group_norm.default: group_normed,
    aten.bmm.default: batched_pair("self", "mat2"),
}
