"""Running a model over a window: from rest, in eval mode, and leaving it as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.capture.snapshot import Snapshot
from snnc.compiler.frontend.state import reset_states
from snnc.errors import BAD_OPTION, BAD_SHAPE, SnncError

Reset = Callable[[], object]


@contextmanager
def at_rest(model: nn.Module, reset: Reset | None, given: Snapshot | None = None) -> Iterator[None]:
    """The model from rest, in eval mode; whatever it does to its attributes is undone afterwards.

    A model that is in eval mode as a whole keeps the modes of its parts. Writes into parameters are
    the caller's to undo. ``given``: what the model is put back to, for who runs it many times;
    default: what it holds now.
    """
    given = given or Snapshot(model)
    try:
        if model.training:
            model.eval()
        bring_to_rest(model, reset)
        with _uncompiled():
            yield
    finally:
        given.put_back()


@contextmanager
def _uncompiled() -> Iterator[None]:
    """What torch.compile made runs as it was written. Where its machinery was never loaded, it made
    nothing, and loading it takes a second."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def bring_to_rest(model: nn.Module, reset: Reset | None) -> None:
    """Forget what the model remembers of earlier windows.

    ``reset`` decides, if it is given. Otherwise modules are reset as :func:`reset_states` does; a
    model that knows no way starts from what it holds now.
    """
    if reset is not None:
        reset()
    else:
        reset_states(model)


def arguments_of(inputs: Any) -> tuple[Any, ...]:
    """The arguments of forward: a tuple holds them, anything else is the only one."""
    return inputs if isinstance(inputs, tuple) else (inputs,)


def steps_of(inputs: Any, per_step: bool, steps: int | None) -> int | None:
    """T: what was declared, or the first axis of what a per-step model is given.

    Raises:
        SnncError: BAD_OPTION where the two differ, or inputs have different lengths.
    """
    if not per_step:
        return steps
    shapes = [tuple(x.shape) for x in pytree.tree_leaves(inputs) if isinstance(x, Tensor)]
    lengths = {shape[0] if shape else 0 for shape in shapes} | ({steps} if steps else set())
    if len(lengths) != 1 or 0 in lengths:
        raise SnncError(
            BAD_OPTION,
            f"a model that is called for each step needs inputs [T, N, ...] of one T; they are "
            f"{', '.join(map(str, shapes)) or 'no tensors'}" + (f", T is {steps}" if steps else ""),
            hint="Stack what forward takes at each step along a first axis.",
        )
    return lengths.pop()


def run(
    model: nn.Module,
    inputs: tuple[Any, ...],
    steps: int | None,
    after_call: Callable[[int], None] = lambda call: None,
) -> Any:
    """What the model gives for a window.

    Args:
        steps: call forward for each of so many steps ``x[t]`` and stack what it gives, time
            first; None calls it once.
        after_call: called after each call with its number.

    Raises:
        SnncError: BAD_SHAPE where the steps of a per-step model give different things.
    """
    if steps is None:
        given = model(*inputs)
        after_call(0)
        return given
    results, structure = [], None
    for step in range(steps):
        leaves, found = pytree.tree_flatten(model(*_step(inputs, step)))
        after_call(step)
        if structure not in (None, found):
            raise SnncError(
                BAD_SHAPE,
                f"call {step} gives {found}, and the calls before gave {structure}",
                hint="Let forward give the same for every step.",
            )
        structure = found
        results.append(leaves)
    assert structure is not None
    return pytree.tree_unflatten([_stacked(leaf) for leaf in zip(*results, strict=True)], structure)


def _step(inputs: tuple[Any, ...], step: int) -> Any:
    return pytree.tree_map_only(Tensor, lambda x: x[step], inputs)


def _stacked(values: tuple[Any, ...]) -> Any:
    if isinstance(values[0], Tensor):
        return torch.stack(values)
    if any(value != values[0] for value in values):
        raise SnncError(
            BAD_SHAPE,
            f"the steps give the numbers {values[0]!r} and others",
            hint="Let forward give tensors.",
        )
    return values[0]
