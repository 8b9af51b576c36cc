"""Hyper-parameters of a network: plain values, checked before anything is built of them."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence

from snnc.errors import BAD_OPTION, BAD_SHAPE, SnncError
from snnc.messages import shown

Hyper = dict[str, object]
"""Names and values; a value is a number, a string, a bool, None, a list of whole numbers,
or whole numbers by name."""


def check_hyper(network: str, factory: Callable[..., object], hyper: Hyper) -> None:
    """Refuse names that ``factory`` does not take and values of another type than it takes.

    Args:
        network: the network's name, for the message.
        factory: what takes the hyper-parameters, by annotated keyword.
        hyper: names and values.

    Raises:
        SnncError: BAD_OPTION, naming the hyper-parameter.
    """
    parameters = dict(inspect.signature(factory).parameters)
    del parameters["name"]
    unknown = sorted(hyper.keys() - parameters.keys())
    if unknown:
        raise SnncError(
            BAD_OPTION,
            f"network {network} has no hyper-parameter called {', '.join(map(repr, unknown))}",
            hint=f"Choose among {', '.join(parameters)}.",
        )
    for name, value in hyper.items():
        wording, fits = _TYPES[parameters[name].annotation]
        if not fits(value):
            raise SnncError(
                BAD_OPTION, f"hyper-parameter {name} of {network} is {wording}, not {shown(value)}"
            )


def taken(factory: Callable[..., object], given: Mapping[str, object]) -> Hyper:
    """The hyper-parameters of ``factory`` among its arguments, sequences as lists.

    Args:
        factory: what takes them by keyword, and a ``name`` which is none of them.
        given: argument → value; others are left out, so ``locals()`` will do.
    """
    names = [name for name in inspect.signature(factory).parameters if name != "name"]
    return {name: _plain(given[name]) for name in names}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def check_sizes(input_size: Sequence[int], **counts: int) -> None:
    """Refuse an input size that is not (polarities, height, width), and counts below 1.

    Raises:
        SnncError: BAD_OPTION.
    """
    if len(input_size) != 3 or min(input_size) < 1:
        raise SnncError(
            BAD_OPTION,
            f"input_size is (polarities, height, width), all at least 1, not {list(input_size)}",
        )
    for name, value in counts.items():
        if value < 1:
            raise SnncError(BAD_OPTION, f"{name} must be at least 1, not {value}")


def check_channels(channels: Sequence[int], count: int) -> None:
    """Refuse anything but ``count`` numbers of at least 1.

    Raises:
        SnncError: BAD_OPTION.
    """
    if len(channels) != count or min(channels) < 1:
        raise SnncError(
            BAD_OPTION, f"channels must be {count} numbers of at least 1, not {list(channels)}"
        )


def pixels_after_pools(height: int, width: int, pools: Sequence[int]) -> int:
    """Pixels left after pools of these sides, each dropping rows and columns that do not fill it.

    Raises:
        SnncError: BAD_SHAPE where none is left.
    """
    shrink = math.prod(pools)
    pixels = (height // shrink) * (width // shrink)
    if pixels == 0:
        raise SnncError(
            BAD_SHAPE,
            f"an input of {width}x{height} pixels (width x height) is too small for pools "
            f"by {', '.join(map(str, pools))}",
            hint=f"Give at least {shrink}x{shrink} pixels, or downsample less.",
        )
    return pixels


def _whole(value: object) -> bool:
    return type(value) is int and abs(value) < 2**63


def finite(value: object) -> bool:
    """Whether it is a number that a float can hold, neither NaN nor infinity."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def _named_wholes(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        type(name) is str and _whole(number) for name, number in value.items()
    )


def _wholes(value: object) -> bool:
    return isinstance(value, list | tuple) and all(_whole(entry) for entry in value)


_TYPES: dict[object, tuple[str, Callable[[object], bool]]] = {
    "bool": ("true or false", lambda value: type(value) is bool),
    "int": ("a whole number", _whole),
    "float": ("a finite number", finite),
    "float | None": ("a finite number or None", lambda value: value is None or finite(value)),
    "str": ("a string", lambda value: type(value) is str),
    "Mapping[str, int]": ("whole numbers by name", _named_wholes),
    "Sequence[int]": ("a list of whole numbers", _wholes),
}
"""By annotation: what the type is called, and whether a value is of it."""
