"""A captured graph cut into time steps: one call for each operation and step.

A call that depends on no input is *static*: it is evaluated at once, by PyTorch. Any other belongs
to the latest step that it reads; what is known only after the last step is *late*. Equal calls are
made once, so that a value that is computed twice is one value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from snnc.errors import UNSUPPORTED_LAYER, SnncError

STATIC = -1
"""Step of a call that depends on no input."""

INPUT, CONSTANT, REDUCE, MIX = "input", "constant", "reduce", "mix"
"""Operators of the step graph that are not ATen's: a step of an input; a tensor of the model; a
reduction over all steps; a step of a weighted sum of all steps."""


STILL = "Repeat the image itself over time, or what layers without memory make of it."


@dataclass(frozen=True)
class Ref:
    """A value: item ``item`` of what call ``index`` gives."""

    index: int
    item: int = 0


@dataclass(frozen=True)
class Source:
    """Where a call comes from: path of the module and ``file:line`` of the user's code."""

    module: str = ""
    line: str = ""

    def __str__(self) -> str:
        return self.line or self.module or "an unknown line"


@dataclass
class StepCall:
    """One operation at one step, with all arguments of its schema by name. ``value`` is what a
    static call gives."""

    op: Any
    arguments: Mapping[str, Any]
    step: int
    source: Source
    shape: tuple[int, ...] = ()
    dtype: torch.dtype | None = None
    value: Any = None

    @property
    def name(self) -> str:
        """The operator, as messages call it."""
        return self.op if isinstance(self.op, str) else str(self.op).removeprefix("aten.")


def refs_of(arguments: Any) -> list[Ref]:
    """All values in (nested) arguments, in order."""
    if isinstance(arguments, Ref):
        return [arguments]
    if isinstance(arguments, Mapping):
        arguments = arguments.values()
    elif not isinstance(arguments, list | tuple):
        return []
    return [ref for item in arguments for ref in refs_of(item)]


def refused(what: str, source: Source, hint: str) -> SnncError:
    """The error for something that has no meaning over time, with the user's line."""
    return SnncError(UNSUPPORTED_LAYER, what, where=str(source), hint=hint)


@dataclass
class StepGraph:
    """Calls in order of execution."""

    time_steps: int
    still: bool = False
    """Whether an input is the same at every step, and the model reads its first step alone."""
    calls: list[StepCall] = field(default_factory=list)
    _made: dict[Any, int] = field(default_factory=dict)

    def __getitem__(self, ref: Ref) -> StepCall:
        return self.calls[ref.index]

    @property
    def late(self) -> int:
        """Step of what is known only after the last step."""
        return self.time_steps

    def is_static(self, ref: Any) -> bool:
        """Whether a value depends on no input."""
        return isinstance(ref, Ref) and self[ref].step == STATIC

    def value(self, ref: Ref) -> torch.Tensor:
        """What a static value is."""
        given = self[ref].value
        return given[ref.item] if isinstance(given, tuple | list) else given  # type: ignore[no-any-return]

    def constant(self, tensor: torch.Tensor, source: Source) -> Ref:
        """A tensor of the model, or one that its trace made."""
        key = (CONSTANT, _content(tensor))
        if key not in self._made:
            self._made[key] = len(self.calls)
            call = StepCall(CONSTANT, {}, STATIC, source, tuple(tensor.shape), tensor.dtype)
            call.value = tensor.detach()
            self.calls.append(call)
        return Ref(self._made[key])

    def input(self, name: str, step: int, shape: tuple[int, ...], dtype: torch.dtype) -> Ref:
        """Step ``step`` of an input."""
        return self.emit(INPUT, {"name": name}, Source(), shape, dtype, step=step)

    def emit(
        self,
        op: Any,
        arguments: Mapping[str, Any],
        source: Source,
        shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        step: int | None = None,
    ) -> Ref:
        """A call, made once; its step is the latest that it reads unless ``step`` says another.

        Raises:
            SnncError: UNSUPPORTED_LAYER where a step would read what is known only after the last.
        """
        key = (str(op), _key(dict(arguments)), step)
        if key in self._made:
            return Ref(self._made[key])
        latest = max((self[ref].step for ref in refs_of(arguments)), default=STATIC)
        call = StepCall(op, arguments, latest if step is None else step, source, shape, dtype)
        if call.step == STATIC:
            call.value = self._evaluate(call)
            if isinstance(call.value, torch.Tensor):  # equal static values are one value
                return self.constant(call.value, source)
        self._made[key] = len(self.calls)
        self.calls.append(call)
        return Ref(self._made[key])

    def at_step(self, ref: Ref, step: int) -> Ref:
        """What a value of the first step is at another one, where inputs are ``still``.

        Raises:
            SnncError: UNSUPPORTED_LAYER for a value that depends on other steps.
        """
        call = self[ref]
        if call.step == STATIC or call.step == step:
            return ref
        if call.step != 0:
            raise refused("it repeats a value of a later step over time", call.source, STILL)
        if call.op == INPUT:
            name, dtype = call.arguments["name"], call.dtype or torch.float32
            return self.input(name, step, call.shape, dtype)
        arguments = pytree.tree_map_only(Ref, lambda r: self.at_step(r, step), dict(call.arguments))
        made = self.emit(call.op, arguments, call.source, call.shape, call.dtype)
        return Ref(made.index, ref.item)

    def _evaluate(self, call: StepCall) -> Any:
        arguments = pytree.tree_map_only(Ref, self.value, dict(call.arguments))
        with torch.no_grad():
            return call.op(**arguments)


def _content(tensor: torch.Tensor) -> Any:
    dense = tensor.detach().contiguous()
    digest = hashlib.blake2b(
        np.ascontiguousarray(dense.view(-1).view(torch.uint8).numpy()).data
    ).digest()
    return tuple(dense.shape), str(dense.dtype), digest


def _key(argument: Any) -> Any:
    if isinstance(argument, Ref):
        return argument
    if isinstance(argument, list | tuple):
        return tuple(_key(item) for item in argument)
    if isinstance(argument, dict):
        return tuple((name, _key(item)) for name, item in sorted(argument.items()))
    return type(argument).__name__, repr(argument)
