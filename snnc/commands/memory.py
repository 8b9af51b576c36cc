"""Options that say what memory a compiled model may take, and what it holds events in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])


class Size(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    """A number of bytes, with an optional K or M (of 1024)."""

    name = "BYTES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse 65536, 64K or 1M."""
        found = re.fullmatch(r"(\d+)([KM]?)", str(value).upper())
        if not found or int(found[1]) < 1:
            self.fail(f"{value!r} is not a number of bytes such as 65536, 64K or 1M", param, ctx)
        return int(found[1]) * {"": 1, "K": 2**10, "M": 2**20}[found[2]]


_BUFFERING = (
    click.option(
        "--max-events",
        type=click.IntRange(1),
        help="Hold a window as at most N packed events instead of frames.",
    ),
    click.option(
        "--max-frames",
        type=click.IntRange(1),
        help="Hold N frames, from the step at hand on (nets without attention); default: all.",
    ),
    click.option(
        "--overrun",
        type=click.Choice(["drop", "carry"]),
        default="drop",
        show_default=True,
        help="What becomes of an event of a step that has no frame any more, or not yet.",
    ),
)


def buffering_options(function: F) -> F:
    """--max-events, --max-frames and --overrun, given as one Buffering called ``buffering``."""

    @wraps(function)
    def command(
        *args: Any, max_events: int | None, max_frames: int | None, overrun: str, **others: Any
    ) -> Any:
        from snnc.compiler.buffering import Buffering

        choice = Buffering(max_frames, max_events, overrun == "carry")
        return function(*args, buffering=choice, **others)

    decorated: Any = command
    for decorate in reversed(_BUFFERING):
        decorated = decorate(decorated)
    return cast("F", decorated)
