"""Views backwards: the parent's new value when one of its views was written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch._ops import OpOverload

from snnc.compiler.frontend.capture.tensors.memory import Alias, Geometry

aten = torch.ops.aten

_SCATTERS: dict[OpOverload | None, OpOverload] = {
    aten.select.int: aten.select_scatter.default,
    aten.slice.Tensor: aten.slice_scatter.default,
    aten.diagonal.default: aten.diagonal_scatter.default,
    aten.as_strided.default: aten.as_strided_scatter.default,
}
"""Views of a part, with the operator that puts a new part in its place."""

IDENTITIES = frozenset({aten.detach.default, aten.alias.default, aten.lift_fresh.default})
"""Views of everything, as it lies."""

_SAME_ORDER = frozenset(
    {
        *(aten.view.default, aten._unsafe_view.default, aten._reshape_alias.default),
        *(aten.squeeze.default, aten.squeeze.dim, aten.squeeze.dims, aten.unsqueeze.default),
        *IDENTITIES,
    }
)
"""Views of all elements in the parent's order."""


def is_part(view: OpOverload | None) -> bool:
    """Whether a view shows a part of its parent, so that how a new part lies does not matter."""
    return view in _SCATTERS


def written_back(
    alias: Alias, parent: fx.Node, value: fx.Node, add: Callable[..., fx.Node]
) -> fx.Node | None:
    """The value of a view's parent after the view took ``value``; None where that is not known.

    ``parent`` is the parent's value before; ``add`` makes nodes, as ``Recorder.add`` does.
    """
    assert alias.parent is not None
    geometry = alias.parent.geometry
    if alias.view in _SCATTERS:
        scatter = _SCATTERS[alias.view]
        return add(scatter, (parent, value, *alias.args), alias.kwargs, holds=geometry)
    same_size = math.prod(alias.geometry.shape) == math.prod(geometry.shape)
    if alias.view in _SAME_ORDER or (alias.view is aten.expand.default and same_size):
        return _reshaped(value, alias.geometry, geometry, add)
    if alias.view in (aten.transpose.int, aten.t.default):
        return add(alias.view, (value, *alias.args), holds=geometry)
    if alias.view is aten.permute.default:
        axes = [axis % len(geometry.shape) for axis in alias.args[0]]
        back = [axes.index(axis) for axis in range(len(axes))]
        return add(aten.permute.default, (value, back), holds=geometry)
    return None


def _reshaped(
    value: fx.Node, now: Geometry, then: Geometry, add: Callable[..., fx.Node]
) -> fx.Node:
    if now.shape == then.shape:
        return value
    return add(aten.view.default, (value, list(then.shape)), holds=then)


def pieces(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], parts: Sequence[Tensor]
) -> Iterator[tuple[OpOverload | None, tuple[Any, ...]]]:
    """For each result of an operator that cuts a tensor up, the view that gives it alone, with its
    arguments behind the tensor; (None, ()) where there is none."""
    name = func._schema.name.split("::")[1]
    place_of_dim = 1 if name == "unbind" else 2
    dim = int(args[place_of_dim] if len(args) > place_of_dim else kwargs.get("dim", 0))
    start = 0
    for place, part in enumerate(parts):
        if name == "unbind":
            yield aten.select.int, (dim, place)
        elif "split" in name:
            yield aten.slice.Tensor, (dim, start, start + part.shape[dim])
            start += part.shape[dim]
        else:
            yield None, ()
