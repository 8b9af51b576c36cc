"""What the dispatcher says about an operator: is it a view, does it write, is it random.

Everything is read from the operator's schema and tags, so that an operator nobody has thought of is
treated as what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

aten = torch.ops.aten

_SWITCHES = {"dropout_p": 0.0, "training": False, "train": False}
"""Arguments whose value makes a random operator a deterministic one."""

_METADATA = frozenset(
    {"is_same_size", "_has_compatible_shallow_copy_type", "is_pinned", "is_set_to", "dim", "numel"}
)
"""Operators that give a number or a truth value and look at no element."""

_ALONE: dict[str, OpOverload] = {
    **dict.fromkeys(("zeros_like", "new_zeros"), aten.zeros.default),
    **dict.fromkeys(("ones_like", "new_ones"), aten.ones.default),
    **dict.fromkeys(("full_like", "new_full"), aten.full.default),
    **dict.fromkeys(("empty_like", "new_empty", "new_empty_strided"), aten.empty_strided.default),
}
"""Operators that take from their first argument its shape, type and device, and no element, with
those that are told."""

_FUNCTIONAL = {
    "aten::_native_batch_norm_legit": aten._native_batch_norm_legit_functional.default,
    "aten::native_batch_norm": aten._native_batch_norm_legit_functional.default,
    "aten::_batch_norm_with_update": aten._batch_norm_with_update_functional.default,
    "aten::rrelu_with_noise": aten.rrelu_with_noise_functional.default,
}
"""Functional forms that are not found by their name."""

_SECRETLY_VIEWS = frozenset(
    {"_unsafe_view", "unsafe_split", "unsafe_split_with_sizes", "lift_fresh", "_reshape_alias"}
)
"""Operators whose results share memory with their argument, though the schema of some hides it."""


@dataclass(frozen=True)
class Facts:
    """What the schema of one overload says.

    Attributes:
        written: places of the arguments that it writes: an index, or the name of a keyword.
        is_view: whether results share memory with the first argument.
        moves_view: whether it changes which numbers a tensor stands for, and writes none
            (``transpose_``).
        gives_numbers: whether a result is a Python number, made of elements of its arguments, or
            it gives nothing and checks them.
        shape_only: whether no element of its first argument matters.
    """

    name: str
    written: tuple[int | str, ...]
    is_view: bool
    moves_view: bool
    gives_numbers: bool
    shape_only: bool
    is_random: bool
    dynamic_shape: bool


@cache
def facts(func: OpOverload) -> Facts:
    """The facts of an overload."""
    schema = func._schema
    written = tuple(
        argument.name if argument.kwarg_only else place
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    aliased = any(returned.alias_info is not None for returned in schema.returns)
    name = schema.name.split("::")[1]
    numbers = any("Tensor" not in str(returned.type) for returned in schema.returns)
    effect = not schema.returns and not written
    return Facts(
        name=name,
        written=written,
        is_view=(aliased and not written) or name in _SECRETLY_VIEWS,
        moves_view=torch.Tag.inplace_view in func.tags,
        gives_numbers=(numbers or effect) and name not in _METADATA,
        shape_only=name in _ALONE,
        is_random=torch.Tag.nondeterministic_seeded in func.tags,
        dynamic_shape=torch.Tag.dynamic_output_shape in func.tags,
    )


def bound(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """All arguments of a call by name, with the defaults of those that were left out."""
    values = {}
    for place, argument in enumerate(func._schema.arguments):
        if place < len(args):
            values[argument.name] = args[place]
        elif argument.name in kwargs:
            values[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            values[argument.name] = argument.default_value
    return values


def switched_off(values: dict[str, Any]) -> bool:
    """Whether a random operator was told not to be random."""
    switches = [name for name in _SWITCHES if name in values]
    return bool(switches) and any(values[name] == _SWITCHES[name] for name in switches)


def alone(
    func: OpOverload, out: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[OpOverload, tuple[Any, ...], dict[str, Any]]:
    """``zeros_like(x)`` as ``zeros(shape)``: the call that gives ``out`` without the first
    argument, whose elements it does not read."""
    plain = _ALONE[facts(func).name]
    size: list[Any] = [list(out.shape)]
    if plain is aten.empty_strided.default:
        return plain, (*size, list(out.stride())), {"dtype": out.dtype}
    if not out.is_contiguous():
        return func, args, kwargs
    if plain is aten.full.default:
        size.append(bound(func, args, kwargs)["fill_value"])
    return plain, tuple(size), {"dtype": out.dtype}


@cache
def functional(func: OpOverload) -> OpOverload | None:
    """The overload that computes what ``func`` writes, and writes nothing; None without one.

    ``add_.Tensor`` and ``add.out`` give ``add.Tensor``. The results come in the order of the
    arguments that are written, behind all others.
    """
    name = func._schema.name
    if name in _FUNCTIONAL:
        return _FUNCTIONAL[name]
    takes = _signature(func)
    namespace, plain = name.split("::")
    for candidate in dict.fromkeys((plain, plain.removesuffix("_"))):
        packet = getattr(getattr(torch.ops, namespace), candidate, None)
        for overload in packet.overloads() if packet is not None else ():
            found = getattr(packet, overload)
            if not found._schema.is_mutable and _signature(found) == takes:
                return found  # type: ignore[no-any-return]
    return None


def moved(func: OpOverload) -> OpOverload | None:
    """The view of an operator that moves a tensor's own view: ``transpose.int`` of
    ``transpose_``; None for those that also take other memory (``set_``, ``resize_``)."""
    name = func._schema.name.split("::")[1]
    packet = getattr(aten, name.removesuffix("_"), None) if name != "set_" else None
    if packet is None or name in ("resize_", "resize_as_"):
        return None
    takes = _signature(func)
    overloads = (getattr(packet, overload) for overload in packet.overloads())
    return next((found for found in overloads if _signature(found) == takes), None)


def _signature(func: OpOverload) -> tuple[tuple[str, str], ...]:
    return tuple(
        (argument.name, str(argument.type))
        for argument in func._schema.arguments
        if not argument.is_out
    )


@cache
def is_composite(func: OpOverload) -> bool:
    """Whether the operator is made of others, which autograd would see (inference mode hides
    them)."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(_name(func), "CompositeImplicitAutograd")


def implemented_in_python(func: OpOverload, key: str) -> bool:
    """Whether the implementation of an operator for a dispatch key was registered from Python."""
    namespace, name = _name(func).split("::")
    return f"{namespace}/{name}/{key}" in torch.library._impls


def _name(func: OpOverload) -> str:
    return str(func.name())  # type: ignore[no-untyped-call]
