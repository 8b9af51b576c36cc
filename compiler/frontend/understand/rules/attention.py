"""The rule of scaled dot product attention, made of what it is: products, and shares of them."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from snnc.compiler.frontend.understand.body_values import Lowered, Operation, understood
from snnc.compiler.frontend.understand.rules.arithmetic import affine, constant
from snnc.compiler.frontend.understand.rules.layers import product
from snnc.compiler.frontend.understand.rules.norms import shares
from snnc.compiler.frontend.understand.rules.wiring import arranged
from snnc.compiler.ops import Cell, Softmax
from snnc.compiler.ops.cells.writing import Writing

aten = torch.ops.aten

ONE_BLOCK = 512
"""Most keys that PyTorch's kernel takes in one block; it rounds more often for more."""

EXP_ULPS = 20.0
"""Error of that kernel's own exponential (``exp_u20``), as PyTorch states it."""

MASKED = -1e30
"""A score whose share is 0 in any arithmetic."""


@understood(
    aten._scaled_dot_product_flash_attention_for_cpu.default,
    arguments="query key value dropout_p is_causal attn_mask scale",
)
def attention(o: Operation) -> Lowered:
    """softmax(q k^T scale + mask) v, for each head of [N, heads, tokens, features]."""
    if o["dropout_p"]:
        raise o.refused("dropout draws random numbers")
    query, key, value = (o.value(name) for name in ("query", "key", "value"))
    heads, tokens, features = query.shape
    keys = key.shape[1]
    if keys > ONE_BLOCK:
        raise o.refused(f"its rounding for {keys} keys, more than {ONE_BLOCK}, is not known")
    scores = replace(o, call=replace(o.call, shape=(o.g.samples, heads, tokens, keys)))
    turned = arranged(scores, key, (0, 2, 1), shape=(heads, features, keys))
    made = product(scores, query, turned)
    scale = o["scale"] or 1.0 / math.sqrt(features)
    made = _masked(scores, affine(scores, made, scale, 0.0))
    return product(o, shares(scores, made, 2, Softmax(exp_ulps=EXP_ULPS)), value)


def _masked(o: Operation, scores: Lowered) -> Lowered:
    """Scores with those that a token must not see far below all others, or with a mask added."""
    mask = o.tensor("attn_mask")
    if o["is_causal"]:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is None:
        return scores
    hidden = ~mask if mask.dtype is torch.bool else mask == -torch.inf
    shift = torch.zeros_like(hidden, dtype=torch.float32)
    if mask.dtype is not torch.bool:
        shift = mask.masked_fill(hidden, 0.0)
    scores = affine(o, scores, 1.0, constant(o, shift))
    if not bool(hidden.any()):
        return scores
    if bool(hidden.all(-1).any()):
        raise o.refused("a token that sees nothing has no shares")
    writing = Writing("x", params=["hidden"])
    chosen = writing("where", writing("ne", "hidden", 0.0), MASKED, "x")
    full = hidden.expand(scores.shape).to(torch.float32)
    name = o.shaped(scores)
    return o.add(Cell(program=writing.program(chosen)), [name], {"hidden": full})
