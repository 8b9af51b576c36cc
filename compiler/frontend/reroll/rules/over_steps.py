"""Rules of layers that look at time as at an axis of space, or as at channels.

A convolution over time gives each step a weighted sum of the steps around it. Its taps are the same
sequence, moved: steps before are read as they are (a delay), steps to come by an operator that has
all steps (MIX). What is moved lies side by side as channels of one layer without the axis of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from snnc.compiler.frontend.reroll.calls import Call, Traced, sequences
from snnc.compiler.frontend.reroll.rules.elementwise import batched
from snnc.compiler.frontend.reroll.sequences import Seq
from snnc.compiler.frontend.reroll.steps import MIX, Ref

aten = torch.ops.aten

_AXES = ("stride", "padding", "dilation", "output_padding")
"""Settings of a convolution with one entry for each axis of space."""

CAUSAL = "Let a step depend on itself and on steps before, or fold time into the batch."


def convolution(call: Call) -> Traced:
    """A convolution of each step, over time, or with steps as channels."""
    x = call["input"]
    others = [call[name] for name in ("weight", "bias")]
    spatial = isinstance(x, Seq) and x.place.alone and x.axis and not sequences(others)
    if not spatial:
        return batched("input")(call)
    if call["transposed"] or not all(map(call.graph.is_static, filter(None, others))):
        raise call.refused("a transposed convolution over time has no operator", CAUSAL)
    return _of_channels(call, x) if x.axis == 1 else _along_time(call, x)


# time as an axis of space -----------------------------------------------------------------


def _along_time(call: Call, x: Seq) -> Seq:
    weight, place = call.graph.value(call["weight"]), x.axis - 2
    stride, padding, dilation, _ = (int(call[name][place]) for name in _AXES)
    if stride != 1:
        raise call.refused("a convolution that leaves steps out has no operator", CAUSAL)
    length, taps = call.shape[x.axis], weight.shape[x.axis]
    moved = [_moved(call, x, tap * dilation - padding, length) for tap in range(taps)]
    flat = weight.movedim(x.axis, 2).flatten(1, 2).contiguous()
    left = {name: [n for at, n in enumerate(call[name]) if at != place] for name in _AXES}
    steps = tuple(_tapped(call, [tap[t] for tap in moved], flat, left) for t in range(length))
    return Seq(steps, call.shape, x.place)


def _moved(call: Call, x: Seq, shift: int, length: int) -> list[Ref]:
    """At each of ``length`` steps what stands ``shift`` places on in a sequence, 0 outside."""
    graph = call.graph
    zeros = graph.constant(torch.zeros(x.step_shape), call.source)
    within = range(len(x.steps))
    moved = [x.steps[t + shift] if t + shift in within else zeros for t in range(length)]
    lead = next((at for at, ref in enumerate(x.steps) if not graph.is_static(ref)), 0)
    ahead = shift - lead
    return moved if ahead <= 0 else _from_later(call, x.steps[lead:], moved, ahead)


def _from_later(call: Call, steps: Sequence[Ref], moved: list[Ref], ahead: int) -> list[Ref]:
    """Values of later steps as weighted sums of all steps, whose weights are 0 and 1."""
    count, graph = call.graph.time_steps, call.graph
    weight, bias = torch.zeros(count, count), torch.zeros(count)
    fits = len(moved) == count and all(graph[steps[t]].step == t for t in range(count))
    for t, ref in enumerate(moved if fits else []):
        if not graph.is_static(ref):
            weight[t, t + ahead] = 1.0
            continue
        border = graph.value(ref)
        fits &= bool((border == border.flatten()[0]).all())
        bias[t] = border.flatten()[0]
    if not fits:
        raise call.refused("it reads steps to come in a way that has no operator", CAUSAL)
    constants = {name: graph.constant(value, call.source)
                 for name, value in (("weight", weight), ("bias", bias))}  # fmt: skip
    return [mixed(call, steps[t], t, constants) for t in range(count)]


def mixed(call: Call, of_step: Ref, step: int, constants: dict[str, Ref]) -> Ref:
    """A step, said to be of its own step: what else it needs, the operator says."""
    arguments = {"self": of_step, **constants}
    shape = call.graph[of_step].shape
    return call.graph.emit(MIX, arguments, call.source, shape, call.dtype, step=step)


def _tapped(call: Call, taps: list[Ref], weight: torch.Tensor, left: dict[str, list[int]]) -> Ref:
    """One step of the layer on all taps, which lie behind each channel."""
    graph, given = call.graph, call.graph[taps[0]].shape
    joined = taps[0]
    if len(taps) > 1:
        stacked = (*given[:2], len(taps), *given[2:])
        joined = call.other(aten.stack.default, [taps, 2], stacked)
        flat = (given[0], given[1] * len(taps), *given[2:])
        joined = call.other(aten.view.default, [joined, list(flat)], flat)
    shape = (call.shape[0], weight.shape[0])
    if not left["stride"]:
        return _dense(call, joined, _blocks(weight, int(call["groups"])), shape)
    constant = graph.constant(weight, call.source)
    space = (_length(call, given[2 + at], weight.shape[2 + at], left, at)
             for at in range(len(given) - 2))  # fmt: skip
    return call.emit({"input": joined, "weight": constant, **left}, (*shape, *space))


def _length(call: Call, given: int, kernel: int, left: dict[str, list[int]], at: int) -> int:
    stride, padding, dilation = (int(left[name][at]) for name in _AXES[:3])
    return (given + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _blocks(weight: torch.Tensor, groups: int) -> torch.Tensor:
    """Weights [O, I / groups] as those [O, I] of a layer that connects all."""
    rows = weight.chunk(groups)
    width = weight.shape[1]
    return torch.cat(
        [F.pad(part, (at * width, (groups - 1 - at) * width)) for at, part in enumerate(rows)]
    )


def _dense(call: Call, x: Ref, weight: torch.Tensor, shape: tuple[int, ...]) -> Ref:
    matrix = call.graph.constant(weight.t().contiguous(), call.source)
    if call["bias"] is None:
        return call.other(aten.mm.default, [x, matrix], shape)
    return call.other(aten.addmm.default, [call["bias"], x, matrix], shape)


# time as channels -------------------------------------------------------------------------


def _of_channels(call: Call, x: Seq) -> Seq:
    """A convolution along one axis whose channels are steps: for each tap the entries moved along
    the axis, then every step a weighted sum of all steps."""
    weight, count = call.graph.value(call["weight"]), call.graph.time_steps
    square = weight.shape[:2] == (count, count) == call.shape[1:2] * 2
    if not square or weight.ndim != 3 or int(call["stride"][0]) != 1 or len(x.steps) != count:
        raise call.refused("steps as channels are known of a plain Conv1d with as many outputs")
    padding, dilation = int(call["padding"][0]), int(call["dilation"][0])
    total: list[Ref] = []
    for tap in range(weight.shape[2]):
        bias = call.graph.value(call["bias"]) if call["bias"] and not tap else torch.zeros(count)
        constants = {
            "weight": call.graph.constant(weight[:, :, tap], call.source),
            "bias": call.graph.constant(bias, call.source),
        }
        before = padding - tap * dilation
        found = [
            mixed(call, _slid(call, step, before, call.shape[2]), t, constants)
            for t, step in enumerate(x.steps)
        ]
        total = [_sum(call, pair) for pair in zip(total, found, strict=True)] if total else found
    return Seq(tuple(total), call.shape, x.place)


def _slid(call: Call, step: Ref, before: int, length: int) -> Ref:
    """Entries along the last axis with so many zeros before, cut or filled to a length."""
    given = call.graph[step].shape
    after = length - given[-1] - before
    if not before and not after:
        return step
    shape = (*given[:-1], length)
    return call.other(aten.constant_pad_nd.default, [step, [before, after], 0.0], shape)


def _sum(call: Call, terms: tuple[Ref, Ref]) -> Ref:
    return call.other(aten.add.Tensor, list(terms), call.graph[terms[0]].shape)


# pools and norms over maps whose depth is time ---------------------------------------------


def pooled(flat: Any) -> Any:
    """A pool over maps and their depth, where the depth is time or is not pooled."""

    def rule(call: Call) -> Traced:
        x, sizes = call["self"], ("kernel_size", "stride", "padding", "dilation")
        if not isinstance(x, Seq) or len(x.shape) != 5:
            return call.as_it_stands()
        neutral = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
        given = {name: list(call[name]) for name in sizes if call.arguments.get(name)}
        whole = any(n[0] != neutral[name] for name, n in given.items() if len(n) == 3)
        cubes = any(len(n) == 1 and n[0] != neutral[name] for name, n in given.items())
        if whole or cubes or not x.place.alone or x.axis > 2:
            raise call.refused("a pool over time, or over the depth of a map, has no operator")
        changes = {name: n[-2:] if len(n) > 1 else n * 2 for name, n in given.items()}
        shape = x.step_shape[:2] + call.shape[3:]
        arguments = {**call.arguments, **changes}

        def at(step: int) -> Ref:
            taken = {**arguments, "self": x.steps[step]}
            return call.graph.emit(flat, taken, call.source, shape, call.dtype)

        return Seq(x.steps, call.shape, x.place).each(at, call.shape)

    return rule


def normed(call: Call) -> Traced:
    """Batch norm of a batch, or of maps whose depth is time: each step alike."""
    x = call["input"]
    if not isinstance(x, Seq) or not x.place.alone or x.axis < 2:
        return batched("input")(call)
    if call.arguments.get("training"):
        raise call.refused("batch norm depends on the batch and on all steps")
    return call.each(x, lambda step: {"input": step}, x.place)


RULES = {
    aten.convolution.default: convolution,
    aten.native_batch_norm.default: normed,
    aten._native_batch_norm_legit_no_training.default: normed,
    aten.max_pool3d_with_indices.default: pooled(aten.max_pool2d_with_indices.default),
    aten.avg_pool3d.default: pooled(aten.avg_pool2d.default),
}
"""Of what has three axes of space as well as two."""
