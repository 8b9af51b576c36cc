"""Rules of reductions: over other axes step by step, over time after the last step."""

from __future__ import annotations

from typing import Any

import torch

from snnc.compiler.frontend.reroll.calls import Call, Rule, Traced
from snnc.compiler.frontend.reroll.sequences import Place, Seq
from snnc.compiler.frontend.reroll.steps import REDUCE

aten = torch.ops.aten


def reduced(function: str | None) -> Rule:
    """mean, sum or max over axes; None for what is not known over time."""

    def rule(call: Call) -> Traced:
        x = call["self"]
        if not isinstance(x, Seq):
            return call.as_it_stands()
        given = call["dim"]
        rank = len(x.shape)
        dims = [given] if isinstance(given, int) else list(given or range(rank))
        dims = sorted(dim % rank for dim in dims)
        keep = bool(call["keepdim"])
        if x.axis in dims and function is None:
            raise call.refused("it works along time")
        if x.axis in dims and function is not None:
            return _over_time(call, x, dims, keep, function)
        place = Place(
            x.axis if keep else x.axis - sum(dim < x.axis for dim in dims),
            x.place.outer,
            x.place.inner,
        )
        steps = [x.step_axis(dim) for dim in dims]
        dim = steps[0] if isinstance(given, int) else steps
        return call.each(x, lambda step: {"self": step, "dim": dim}, place)

    return rule


def _over_time(call: Call, x: Seq, dims: list[int], keep: bool, function: str) -> Traced:
    if not x.place.alone or dims != [x.axis]:
        raise call.refused("it reduces time together with other axes", "Reduce time by itself.")
    if call.arguments.get("dtype") not in (None, call.dtype):
        raise call.refused("it reduces in another type", "Leave dtype out.")
    arguments = {"function": function, "steps": list(x.steps)}
    graph = call.graph
    made = graph.emit(REDUCE, arguments, call.source, x.step_shape, call.dtype, step=graph.late)
    if keep:
        made = call.other(aten.unsqueeze.default, [made, x.axis], call.shape)
    return [made] if call.op is aten.max.dim else made


RULES: dict[Any, Rule] = {
    aten.mean.dim: reduced("mean"),
    aten.sum.dim_IntList: reduced("sum"),
    aten.amax.default: reduced("max"),
    aten.max.dim: reduced("max"),
}
