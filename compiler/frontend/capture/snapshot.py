"""A model's attributes: what its tensors are called, and putting everything back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import is_
from types import FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

_REGISTERS = {"_parameters": "parameter", "_buffers": "buffer", "_modules": "module"}
_CLOSED = (type, ModuleType, FunctionType, MethodType, Tensor, torch.Generator)
_NOT_THE_MODELS = frozenset({"torch", "numpy", "builtins", "threading", "logging", "_thread"})


@dataclass(frozen=True)
class _Container:
    """Something that holds others, and what it held."""

    what: Any
    held: Any
    restore: Callable[[], None]


class Snapshot:
    """Everything that hangs on a model's attributes, as it is now.

    Modules, dicts, lists, sets, queues and the user's own objects are followed; functions with
    what they close over, and global variables, are not. What parameters hold is not kept.
    """

    def __init__(self, model: nn.Module) -> None:
        self._containers: list[_Container] = []
        self._numbers: list[tuple[Tensor, Tensor]] = []
        self.tensors: dict[str, tuple[Tensor, str]] = {}
        """Each tensor under its path, with what it is: parameter, buffer or attribute."""
        for path, kind, value in _walk(model):
            if isinstance(value, Tensor):
                self.tensors.setdefault(path, (value, kind))
                if kind != "parameter":
                    self._numbers.append((value, value.detach().clone()))
            else:
                self._containers.append(_container(value))

    def put_back(self) -> None:
        """Let every attribute be what it was, and every tensor but parameters hold what it held."""
        for container in self._containers:
            container.restore()
        with torch.no_grad():
            for tensor, before in self._numbers:
                if not torch.equal(tensor, before):  # also where there is NaN
                    tensor.detach().copy_(before)


class Names:
    """What a model calls its tensors and modules."""

    def __init__(self, model: nn.Module, snapshot: Snapshot) -> None:
        self._tensors: dict[int, tuple[str, str]] = {}
        self._kept: list[Tensor] = []
        for path, parameter in model.named_parameters():
            self._name(parameter, path, "parameter")
        for path, buffer in model.named_buffers():
            self._name(buffer, path, "buffer")
        for path, (tensor, kind) in snapshot.tensors.items():
            self._name(tensor, path, kind)
        self._modules = {id(module): path for path, module in model.named_modules()}

    def of(self, tensor: Tensor) -> tuple[str, str] | None:
        """Path and kind of one of the model's tensors. A tied parameter has its first path."""
        return self._tensors.get(id(tensor))

    def module(self, module: nn.Module) -> str | None:
        """Path of one of the model's modules; "" is the model itself."""
        return self._modules.get(id(module))

    def _name(self, tensor: Tensor, path: str, kind: str) -> None:
        if id(tensor) not in self._tensors:
            self._tensors[id(tensor)] = (path, kind)
            self._kept.append(tensor)  # an address is one tensor's for as long as that lives


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that a model's attributes hold now, by path, without its parameters."""
    return {
        path: value
        for path, kind, value in _walk(model)
        if isinstance(value, Tensor) and kind != "parameter"
    }


def _walk(model: nn.Module) -> Iterator[tuple[str, str, Any]]:
    """(path, kind, value) of each container and tensor, a container before what it holds."""
    seen: dict[int, Any] = {}
    waiting: deque[tuple[str, str, Any]] = deque([("", "module", model)])
    while waiting:
        path, kind, value = waiting.popleft()
        if isinstance(value, Tensor):
            yield path, kind, value
        elif id(value) not in seen and _is_container(value):
            seen[id(value)] = value
            yield path, kind, value
            waiting.extend(
                (_joined(path, name), inner or kind, item) for name, inner, item in _items(value)
            )


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _items(value: Any) -> Iterator[tuple[str, str, Any]]:
    """What a container holds: (name, kind or "" for the container's own, item)."""
    if isinstance(value, dict):
        yield from ((str(key), "", item) for key, item in value.items())
    elif isinstance(value, list | tuple | deque):
        yield from ((str(place), "", item) for place, item in enumerate(value))
    elif isinstance(value, set):
        yield from ()
    else:
        for name, item in vars(value).items():
            kind = _REGISTERS.get(name)
            yield ("", kind, item) if kind else (name, "attribute", item)


def _is_container(value: Any) -> bool:
    if isinstance(value, dict | list | tuple | set | deque | nn.Module):
        return True
    if isinstance(value, _CLOSED) or not hasattr(value, "__dict__"):
        return False
    return type(value).__module__.split(".")[0] not in _NOT_THE_MODELS


def _container(value: Any) -> _Container:
    if isinstance(value, dict | set):
        held: Any = value.copy()
        return _Container(value, held, lambda: _refill(value, held, value.update))
    if isinstance(value, list | deque):
        held = list(value)
        return _Container(value, held, lambda: _refill(value, held, value.extend))
    if isinstance(value, tuple):
        return _Container(value, value, lambda: None)
    held = dict(vars(value))
    return _Container(value, held, lambda: _refill(vars(value), held, vars(value).update))


def _refill(value: Any, held: Any, fill: Callable[[Any], None]) -> None:
    if _same(value, held):
        return
    value.clear()
    fill(held)


def _same(value: Any, held: Any) -> bool:
    """Whether a container holds the very same objects in the same order."""
    if len(value) != len(held) or not all(map(is_, value, held)):
        return False
    return not isinstance(value, dict) or all(map(is_, value.values(), held.values()))
