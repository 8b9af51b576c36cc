"""Rules of what works along axes of a step and does not know time."""

from __future__ import annotations

from typing import Any

import torch

from snnc.compiler.frontend.reroll.calls import Call, Rule, Traced, bound
from snnc.compiler.frontend.reroll.rules.elementwise import batched
from snnc.compiler.frontend.reroll.rules.moved_axes import along
from snnc.compiler.frontend.reroll.rules.reductions import reduced
from snnc.compiler.frontend.reroll.sequences import Place, Seq

aten = torch.ops.aten


def running_sum(call: Call) -> Traced:
    """cumsum; over time a sum that each step adds to."""
    x = call["self"]
    if not isinstance(x, Seq) or call.axis("dim", x.shape) != x.axis or not x.place.alone:
        return along(call)
    if call["dtype"] not in (None, call.dtype):
        raise call.refused("it adds in another type", "Leave dtype out.")
    total = call.graph.constant(torch.zeros(x.step_shape), call.source)
    sums = []
    for step in x.steps:
        total = call.other(aten.add.Tensor, [total, step], x.step_shape)
        sums.append(total)
    return Seq(tuple(sums), call.shape, x.place)


def least(call: Call) -> Traced:
    """amin; over time what is least is the largest of the negative."""
    x = call["self"]
    if not isinstance(x, Seq) or [dim % len(x.shape) for dim in call["dim"]] != [x.axis]:
        return reduced(None)(call)
    turned = x.each(lambda t: call.other(aten.neg.default, [x.steps[t]], x.step_shape), x.shape)
    arguments = bound(aten.amax.default, [turned, call["dim"], call["keepdim"]], {})
    most = Call(call.graph, aten.amax.default, arguments, call.shape, call.dtype, call.source)
    return call.other(aten.neg.default, [reduced("max")(most)], call.shape)


def indexed(call: Call) -> Traced:
    """x[:, order]: entries along axes that are not time."""
    x, given = call["self"], list(call["indices"])
    if not isinstance(x, Seq):
        return call.as_it_stands()
    if any(isinstance(index, Seq) for index in given):
        raise call.refused("which entries it takes depends on the input")
    given += [None] * (len(x.shape) - len(given))
    if given[x.axis] is not None:
        raise call.refused("it takes some of the steps", "Run every step through the network.")
    chosen = [axis for axis, index in enumerate(given) if index is not None]
    if len(chosen) != 1:
        raise call.refused("it indexes several axes at once", "Index one axis after the other.")
    more = len(call.shape) - len(x.shape)
    place = Place(x.axis + more * (chosen[0] < x.axis), x.place.outer, x.place.inner)
    rest = given[: x.axis] + given[x.axis + x.place.alone :]
    return call.each(x, lambda step: {"self": step, "indices": rest}, place)


def chosen_along(call: Call) -> Traced:
    """index_select."""
    if isinstance(call["index"], Seq):
        raise call.refused("which entries it takes depends on the input")
    return along(call)


def attended(call: Call) -> Traced:
    """Attention of a batch that time is folded into."""
    parts = [call[name] for name in ("query", "key", "value")]
    if not any(isinstance(part, Seq) for part in parts):
        return call.as_it_stands()
    if any(not isinstance(part, Seq) or part.axis or part.place.alone for part in parts):
        raise call.refused("time is not folded into the batch", "Fold time into the batch axis.")
    if any(not part.matches(parts[0]) for part in parts) or isinstance(call["attn_mask"], Seq):
        raise call.refused("it combines tensors whose time stands at different places")
    first = parts[0]
    whole = Seq(first.steps, call.shape, first.place)
    names = ("query", "key", "value")
    return whole.each(
        lambda t: call.emit(
            {name: part.steps[t] for name, part in zip(names, parts, strict=True)},
            whole.step_shape,
        ),
        call.shape,
    )


def behind_time(*names: str) -> Rule:
    """What works on as many last axes as the setting ``names[0]`` has pairs, or on two."""

    def rule(call: Call) -> Traced:
        x = call["self"]
        if not isinstance(x, Seq):
            return call.as_it_stands()
        axes = len(call[names[0]]) // 2 if names else 2
        if len(x.shape) - axes <= x.axis:
            raise call.refused("it works along time", "Leave the order of steps as it is.")
        return call.each(x, lambda step: {"self": step}, x.place)

    return rule


RULES: dict[Any, Rule] = {
    aten.var.correction: reduced(None),
    aten.std.correction: reduced(None),
    aten.var_mean.correction: reduced(None),
    aten.std_mean.correction: reduced(None),
    aten.linalg_vector_norm.default: reduced(None),
    aten.amin.default: least,
    aten._log_softmax.default: along,
    aten._safe_softmax.default: along,
    aten._scaled_dot_product_flash_attention_for_cpu.default: attended,
    aten.cumsum.default: running_sum,
    aten.glu.default: along,
    aten.roll.default: along,
    aten.index_select.default: chosen_along,
    aten.index.Tensor: indexed,
    aten.reflection_pad1d.default: behind_time("padding"),
    aten.reflection_pad2d.default: behind_time("padding"),
    aten.replication_pad1d.default: behind_time("padding"),
    aten.replication_pad2d.default: behind_time("padding"),
    aten.tril.default: behind_time(),
    aten.triu.default: behind_time(),
    aten.pixel_shuffle.default: batched("self"),
    aten.pixel_unshuffle.default: batched("self"),
    aten.channel_shuffle.default: batched("self"),
    aten.mv.default: batched("self"),
    aten.adaptive_max_pool2d.default: batched("self"),
}
