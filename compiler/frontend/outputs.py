"""What a forward gives, by name: one tensor, or several."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from snnc.compiler.ops import Op, TimeLast, TimeMax, TimeMean, TimeSum
from snnc.errors import UNSUPPORTED_LAYER, SnncError

SCORES = "scores"
"""Name of the only output of a model that gives one tensor."""

READOUTS: Mapping[str, Callable[[], Op]] = {
    "mean": TimeMean,
    "sum": TimeSum,
    "last": TimeLast,
    "max": TimeMax,
}
"""What makes one value of those of all steps, by what it is called."""


def named_outputs(result: Any, every: bool = False) -> dict[str, Any]:
    """The outputs in a forward's result, the one that the C gives as scores first.

    Args:
        result: a tensor (or what stands for one in a trace), or a tuple, list or dict of them.
        every: take each item of a tuple, named by its place, instead of the first.

    Returns:
        All items of a dict, "scores" before the others; a lone output is called "scores".

    Raises:
        SnncError: UNSUPPORTED_LAYER for a name that the C cannot have, or no output at all.
    """
    if every and isinstance(result, tuple | list):
        result = {str(place): _first(item) for place, item in enumerate(result)}
    result = _first(result)
    if not isinstance(result, Mapping):
        return {SCORES: result}
    for name in result:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_]+", name):
            raise _refused(f"the output {name!r} has no name that C allows", "a-z, 0-9 and _")
    if len({name.upper() for name in result}) < max(1, len(result)):
        raise _refused(f"the outputs {list(result)} differ in nothing but case", "different names")
    return {name: result[name] for name in sorted(result, key=lambda name: name != SCORES)}


def _first(item: Any) -> Any:
    while isinstance(item, tuple | list) and item:
        item = item[0]
    return item


def _refused(what: str, names: str) -> SnncError:
    return SnncError(UNSUPPORTED_LAYER, what, hint=f"Name the outputs in the dict with {names}.")
