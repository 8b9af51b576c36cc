"""Cutting a captured graph into steps: every call by the rule of its overload."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from snnc.compiler.frontend.reroll.calls import SEPARATE, Call, Rule, Traced, bound
from snnc.compiler.frontend.reroll.rules import (
    along_axes,
    elementwise,
    mixing,
    moved_axes,
    over_steps,
    reductions,
    writes,
)
from snnc.compiler.frontend.reroll.sequences import Part, Place, Seq
from snnc.compiler.frontend.reroll.steps import Ref, Source, StepGraph, refused

RULES: dict[Any, Rule] = {
    **elementwise.RULES,
    **moved_axes.RULES,
    **reductions.RULES,
    **mixing.RULES,
    **along_axes.RULES,
    **over_steps.RULES,
    **writes.RULES,
}

aten = torch.ops.aten

POINTWISE = {
    aten.masked_fill.Scalar,
    aten.masked_fill.Tensor,
    aten.bitwise_and.Tensor,
    aten.bitwise_or.Tensor,
    aten.bitwise_not.default,
    aten.hardswish.default,
    aten.log_sigmoid_forward.default,
    aten._prelu_kernel.default,
    aten.floor_divide.default,
    aten.floor_divide.Scalar,
}
"""Work number by number, though PyTorch does not tag them so."""


@dataclass(frozen=True)
class Origin:
    """A value of one step in the captured graph: all that ``node`` gives, or its step ``step``."""

    node: fx.Node
    place: Place | None = None
    step: int = 0

    def of(self, given: torch.Tensor, time_steps: int) -> torch.Tensor:
        """The value in what the node gives, [N, ...]."""
        if self.place is None:
            return given
        axis, outer, inner = self.place.axis, self.place.outer, self.place.inner
        if self.place.alone:
            return given.select(axis, self.step)
        shape = (*given.shape[:axis], outer, time_steps, inner, *given.shape[axis + 1 :])
        return given.reshape(shape).select(axis + 1, self.step).flatten(axis, axis + 1)


class Expander:
    """Cuts one captured graph into steps.

    Args:
        graph: ATen calls; ``meta`` of a node holds ``shape``, ``dtype``, ``source``.
        constants: tensors by target of the nodes that get them.
        time_steps: T, the first axis of every input.
        still: whether an input is the same at every step, and the model repeats its first itself.
    """

    def __init__(
        self,
        graph: fx.Graph,
        constants: Mapping[str, torch.Tensor],
        time_steps: int,
        still: bool = False,
    ) -> None:
        self.steps = StepGraph(time_steps, still)
        self.constants = constants
        self.values: dict[fx.Node, Traced] = {}
        self.origins: dict[Ref, Origin] = {}
        self.inputs: dict[str, fx.Node] = {}
        self.outputs: Traced = None
        for node in graph.nodes:
            self.values[node] = self._visit(node)
            self._note(node, self.values[node])

    def _note(self, node: fx.Node, value: Traced) -> None:
        """Remember where the value of each step stands in the captured graph."""
        if isinstance(value, Ref):
            self.origins.setdefault(value, Origin(node))
        elif isinstance(value, Seq):
            for step, ref in enumerate(value.steps):
                self.origins.setdefault(ref, Origin(node, value.place, step))

    def _visit(self, node: fx.Node) -> Traced:
        if node.op == "placeholder":
            return self._input(node)
        if node.op == "get_attr":
            return self.steps.constant(self.constants[str(node.target)], source_of(node))
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda at: self.values[at])
        if node.op == "output":
            self.outputs = args[0]
            return None
        if node.target is operator.getitem:
            return _item(args[0], int(node.args[1]), node)  # type: ignore[arg-type]
        return self._call(node, args, kwargs)

    def _check_length(self, call: Call) -> None:
        """Raise SnncError (UNSUPPORTED_LAYER) for a sequence with borders where steps count."""
        for value in [] if call.op in OF_ANY_LENGTH else _flat(call.arguments):
            if isinstance(value, Seq) and len(value.steps) != self.steps.time_steps:
                raise call.refused(
                    f"it works on {len(value.steps)} steps where the network has "
                    f"{self.steps.time_steps}",
                    "Cut the sequence to its own steps before.",
                )

    def _input(self, node: fx.Node) -> Seq:
        shape, dtype = shape_of(node), dtype_of(node)
        steps = range(self.steps.time_steps)
        name = str(node.target)
        self.inputs[name] = node
        refs = tuple(self.steps.input(name, t, shape[1:], dtype or torch.float32) for t in steps)
        return Seq(refs, shape, Place(0))

    def _call(self, node: fx.Node, args: Any, kwargs: Any) -> Traced:
        op, source = node.target, source_of(node)
        if op is aten.as_strided.default and _lies_the_same(node):
            return args[0]
        arguments = bound(op, args, kwargs)
        call = Call(self.steps, op, arguments, shape_of(node), dtype_of(node), source)
        rule = RULES.get(op)
        if rule is None and (torch.Tag.pointwise in op.tags or op in POINTWISE):  # type: ignore[union-attr]
            rule = elementwise.elementwise
        if rule is not None:
            self._check_length(call)
            return rule(call)
        if any(isinstance(value, Seq | Part) for value in _flat(arguments)):
            raise refused(
                f"what {call.name} does with a sequence of time steps is not known",
                source,
                SEPARATE,
            )
        return call.as_it_stands()


OF_ANY_LENGTH = {
    *(aten.convolution.default, aten.slice.Tensor, aten.constant_pad_nd.default),
    *(aten.clone.default, aten.detach.default, aten.alias.default),
}
"""Take sequences of more or fewer steps than the network has."""


def _lies_the_same(node: fx.Node) -> bool:
    """Whether as_strided gives its argument as it lies: an axis of length 1 has no stride."""
    given, size, stride = node.args[:3]
    offset = node.args[3] if len(node.args) > 3 else node.kwargs.get("storage_offset")
    meta = given.meta  # type: ignore[union-attr]
    if offset or tuple(size) != tuple(meta["shape"]):  # type: ignore[arg-type]
        return False
    pairs = zip(size, stride, meta["stride"], strict=True)  # type: ignore[arg-type]
    return all(length < 2 or ours == theirs for length, ours, theirs in pairs)


def _flat(arguments: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for value in arguments.values():
        found.extend(value if isinstance(value, list | tuple) else [value])
    return found


def _item(value: Traced, item: int, node: fx.Node) -> Traced:
    if isinstance(value, Ref):
        return Ref(value.index, item)
    if isinstance(value, Seq):
        return Seq(tuple(Ref(ref.index, item) for ref in value.steps), value.shape, value.place)
    if item >= len(value):
        raise refused(
            "it needs where over time a maximum is", source_of(node), "Take the values only."
        )
    return value[item]


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """Shape of what a node gives, or of its first item."""
    return tuple(_described(node).meta.get("shape", ()))


def dtype_of(node: fx.Node) -> torch.dtype | None:
    """Type of what a node gives, or of its first item."""
    return _described(node).meta.get("dtype")


def _described(node: fx.Node) -> fx.Node:
    """The node that says what a node gives: of several results the first."""
    if "shape" in node.meta:
        return node
    items = [user for user in node.users if user.target is operator.getitem]
    return min(items, key=lambda item: int(item.args[1]), default=node)  # type: ignore[arg-type]


def source_of(node: fx.Node) -> Source:
    """Module and user's line of a node."""
    return Source(str(node.meta.get("module", "")), str(node.meta.get("source", "")))
