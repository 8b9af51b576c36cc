"""Matrix products over time: every step a weighted sum of all steps."""

from __future__ import annotations

import torch

from snnc.compiler.frontend.reroll.calls import Call, Rule, Traced
from snnc.compiler.frontend.reroll.rules.elementwise import batched
from snnc.compiler.frontend.reroll.rules.over_steps import mixed
from snnc.compiler.frontend.reroll.sequences import Seq
from snnc.compiler.frontend.reroll.steps import Ref

aten = torch.ops.aten


def product(matrix: str, other: str, bias: str | None) -> Rule:
    """``matrix`` times ``other`` (and a bias): a layer on a batch, or a matrix over time."""
    layer = batched(matrix)

    def rule(call: Call) -> Traced:
        x, weight = call[other], call[matrix]
        if not isinstance(x, Seq) or isinstance(weight, Seq):
            return layer(call)
        if x.axis != 0 or not x.place.alone or not call.graph.is_static(weight):
            raise call.refused("it multiplies by values of several steps")
        offset = torch.zeros(call.shape[0]) if bias is None else _bias(call, call[bias])
        constants = {"weight": weight, "bias": call.graph.constant(offset, call.source)}
        return x.each(lambda step: mixed(call, x.steps[step], step, constants), call.shape)

    return rule


def _bias(call: Call, given: Ref) -> torch.Tensor:
    """The offset of each step."""
    steps = call.shape[0]
    alike = call.graph.is_static(given) and call["alpha"] == call["beta"] == 1
    bias = call.graph.value(given) if alike else torch.zeros(0)
    if bias.numel() not in (1, steps) or (bias.ndim and bias.shape[-1] != 1):
        raise call.refused("its offset is not one number for each step")
    return bias.reshape(-1).expand(steps).clone()


RULES = {
    aten.addmm.default: product("mat1", "mat2", "self"),
    aten.mm.default: product("self", "mat2", None),
}
