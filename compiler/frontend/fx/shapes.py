"""Computing the shapes of values without their numbers, for tracing.

torch's meta device has no numbers, and refuses tensors that have some. Here they mix: an operation
on a value without numbers gives one without numbers, and everything else is computed as ever, so
that a constant stays a constant and a layer may ask for the number in a parameter.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode


class Shapes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, tensors with and without numbers mix.

    Raises:
        NotImplementedError, RuntimeError: something needs numbers that are not there.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operation."""
        given = [*args, *(kwargs or {}).values()]
        tensors = [tensor for value in given for tensor in _tensors(value)]
        if any(tensor.is_meta for tensor in tensors):
            if func._schema.is_mutable and not tensors[0].is_meta:
                raise NotImplementedError(f"{func} writes unknown numbers into a known value")
            args = tuple(_bare(value) for value in args)
            kwargs = {name: _bare(value) for name, value in (kwargs or {}).items()}
        return func(*args, **(kwargs or {}))


def _tensors(value: Any) -> list[torch.Tensor]:
    """The tensors in an argument of an operation."""
    if isinstance(value, list | tuple):
        return [item for item in value if isinstance(item, torch.Tensor)]
    return [value] if isinstance(value, torch.Tensor) else []


def _bare(value: Any) -> Any:
    """An argument without its numbers."""
    if isinstance(value, list | tuple):
        return type(value)(map(_bare, value))
    if not isinstance(value, torch.Tensor) or value.is_meta:
        return value
    return torch.empty_like(value, device="meta")


def without_state(module: nn.Module) -> nn.Module:
    """A copy with a state of its own and the same parameters."""
    memo: dict[int, Any] = {id(parameter): parameter for parameter in module.parameters()}
    return copy.deepcopy(module, memo)
