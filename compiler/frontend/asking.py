"""Asking a model of someone else's what it takes and gives: its first layer, and by calling it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from snnc.compiler.frontend.outputs import SCORES, named_outputs
from snnc.compiler.frontend.state import reset_states
from snnc.errors import BAD_OPTION, SnncError

STEPS = ("time_steps", "timesteps", "num_steps", "n_steps", "T")
"""What models call the length of their window."""

DEFAULT_STEPS = 10
SIDES = (34, 28, 32, 128, 64, 16, 48, 8, *range(4, 161))
"""Sides of square maps, in the order in which they are tried: those of common data first."""

SCALES = (1.0, 0.3, 3.0, 0.1, 10.0, 30.0, 100.0) * 3
"""Of the inputs that a model is asked with: a network that stays silent, or fires always, says
nothing about time."""


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Attributes:
        input_shape: of one time step.
        layer: path and class of the layer that said it.
        others: sides of maps that would fit as well.
        time_steps: T.
        said_steps: whether the model says T itself.
        per_step: forward takes one step.
        readout: "mean" where the output has a value for each step; else None.
    """

    input_shape: tuple[int, ...]
    layer: str
    others: tuple[int, ...]
    time_steps: int
    said_steps: bool
    per_step: bool
    readout: str | None


def ask(
    model: nn.Module, input_shape: tuple[int, ...] | None = None, time_steps: int | None = None
) -> Answer:
    """Ask a model.

    Args:
        model: in evaluation mode; it is called, and left at rest.
        input_shape: of one step, where it is known.
        time_steps: T, where it is known.

    Raises:
        SnncError: BAD_OPTION where it has no first layer, takes nothing that its first layer takes,
            or does not show whether its forward takes a window or a step.
    """
    said = next((getattr(model, name) for name in STEPS if _whole(model, name)), None)
    steps = time_steps or said or DEFAULT_STEPS
    layer = ""
    if input_shape is None:
        layer, first = _first_layer(model)
        fitting = list(_fitting(model, first, steps))
        if not fitting:
            raise _unclear(f"forward takes nothing of what its first layer {layer} takes")
    else:
        fitting = [tuple(input_shape)]
    shape = fitting[0]
    same = tuple(other[-1] for other in fitting[1:] if len(other) == 3 == len(shape))
    per_step, reduces = _time(model, shape, steps)
    readout = None if reduces else "mean"
    return Answer(shape, layer, same, steps, bool(time_steps or said), per_step, readout)


def _whole(model: nn.Module, name: str) -> bool:
    value = getattr(model, name, None)
    return isinstance(value, int) and not isinstance(value, bool) and value > 1


def _first_layer(model: nn.Module) -> tuple[str, nn.Linear | nn.Conv2d]:
    for path, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            return f"{path} ({type(module).__name__})", module
    raise _unclear("it has neither a Linear nor a Conv2d layer")


def _fitting(
    model: nn.Module, first: nn.Linear | nn.Conv2d, steps: int
) -> Iterator[tuple[int, ...]]:
    """Shapes of one step that forward takes, the likeliest first."""
    shapes: list[tuple[int, ...]]
    if isinstance(first, nn.Linear):
        side = round((first.in_features / 2) ** 0.5)
        flat = (first.in_features,)
        shapes = [(2, side, side), flat] if 2 * side * side == first.in_features else [flat]
    else:
        shapes = [(first.in_channels, side, side) for side in dict.fromkeys(SIDES)]
    for shape in shapes:
        for axes in ((steps, 1), (1,)):
            if _called(model, torch.zeros((*axes, *shape))) is not None:
                yield shape
                break


Heard = dict[str, Tensor]
"""What the modules of a model gave when they were called last, by path; the model's own is ""."""


def _called(model: nn.Module, x: Tensor) -> Heard | None:
    """What a call from rest gives; None where forward cannot take this."""
    reset_states(model)
    try:
        return _heard(model, x)
    except Exception:  # whatever a forward does with a shape that it was not made for
        return None
    finally:
        reset_states(model)


def _heard(model: nn.Module, x: Tensor) -> Heard:
    """Call the model, and listen to every module in it: its outputs may be silent."""
    heard: Heard = {}

    def listen(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def keep(module: nn.Module, inputs: Any, given: Any) -> None:
            found = _first_tensor(given)
            if found is not None:
                heard[path] = found.detach().clone()

        return keep

    hooks = [each.register_forward_hook(listen(path)) for path, each in model.named_modules()]
    try:
        with torch.no_grad():
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    if "" not in heard:
        raise _unclear("its forward gives no tensor")
    return heard


def _first_tensor(given: Any) -> Tensor | None:
    """The tensor, or the first of a tuple or dict of outputs."""
    named = named_outputs(given) if given is not None else {}
    first = named.get(SCORES, next(iter(named.values()), None))
    return first if isinstance(first, Tensor) and first.ndim else None


def _time(model: nn.Module, shape: tuple[int, ...], steps: int) -> tuple[bool, bool]:
    """Whether forward takes one step, and whether it reduces over a window itself."""
    random = torch.Generator().manual_seed(0)
    for scale in SCALES:
        x = scale * torch.rand((steps, 1, *shape), generator=random)
        unprepared = x.clone()
        unprepared[:-1] = 0
        whole, other = _called(model, x), _called(model, unprepared)
        if whole is not None and other is not None:
            if whole[""].shape[0] == 1 < steps:
                return False, True
            if _differ(whole, other, steps):
                return False, False
        if _keeps_state(model, x):
            return True, False
    raise _unclear("calls do not show whether its forward takes a window or one time step")


def _differ(one: Heard, other: Heard, steps: int) -> bool:
    """Whether the last step differs anywhere."""

    def last(given: Tensor) -> Tensor:
        return given[-1] if given.shape[0] == steps else given

    return any(
        path in other and not torch.equal(last(given), last(other[path]))
        for path, given in one.items()
    )


def _keeps_state(model: nn.Module, x: Tensor) -> bool:
    """Whether calls with the first steps change what the last one gives."""
    fresh = _called(model, x[-1])
    if fresh is None:
        return False
    reset_states(model)
    for step in x[:-1]:
        _heard(model, step)
    after = _heard(model, x[-1])
    reset_states(model)
    return _differ(fresh, after, 0)


def _unclear(what: str) -> SnncError:
    return SnncError(
        BAD_OPTION,
        what,
        hint="Give --input-shape, or write the file by hand (docs/bring-your-own-model.md).",
    )
