"""Options that say what memory a compiled model may take, and what it holds events in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from itertools import zip_longest
from typing import Any, TypeVar, cast

import click
from rich.console import Console

from snnc.console import slim_table

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
        from snnc.compiler.plan.input_buffer import Buffering

        choice = Buffering(max_frames, max_events, overrun == "carry")
        return function(*args, buffering=choice, **others)

    decorated: Any = command
    for decorate in reversed(_BUFFERING):
        decorated = decorate(decorated)
    return cast("F", decorated)


def show_memory(console: Console, memory: dict[str, Any]) -> None:
    """Print where flash and RAM go, and the trade-off between storing and recomputing."""
    ram = memory["ram"]
    table = slim_table("flash", "KiB", "RAM", "KiB")
    for place in (1, 3):
        table.columns[place].justify = "right"
    flash = [(part, memory[part]) for part in ("weights", "tables", "code")]
    flash.append(("in all", memory["flash"]))
    parts = [(part, ram[part]) for part in ("states", "input", "stored", "values", "scratch")]
    parts += [("arena, shared", ram["arena"]), ("stack", ram["stack"])]
    for left, right in zip_longest(flash, parts, fillvalue=("", "")):
        table.add_row(left[0], _kib(left[1]), right[0], _kib(right[1]))
    for column in (1, 3):
        table.columns[column].justify = "right"
    console.print(table)
    bound = memory["arena_lower_bound"]
    console.print(
        f"arena {ram['arena']:,} bytes; the least of any plan by what is alive at once: {bound:,}"
    )
    if len(memory["choices"]) > 1:
        _show_choices(console, memory["choices"])


def _show_choices(console: Console, choices: list[dict[str, Any]]) -> None:
    columns = ("more runs a step", "arena", "least possible")
    table = slim_table("recomputed instead of stored", numbers=columns)
    for choice in choices:
        names = ", ".join(choice["recomputed"]) or "nothing"
        numbers = (choice["executions"], choice["arena"], choice["arena_lower_bound"])
        style = "bold green" if choice["chosen"] else None
        table.add_row(names, *(f"{number:,}" for number in numbers), style=style)
    console.print(table)


def _kib(size: int | str | None) -> str:
    if isinstance(size, str):
        return size
    return "not measured" if size is None else f"{size / 1024:,.1f}"
