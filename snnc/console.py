"""What people read in a terminal: plain text in tables that fit 80 columns.

Names of files, models and modules are the user's and may hold anything. So no text is markup
(style is said apart, by :func:`styled`), and characters that would steer the terminal are shown
as escapes (:func:`printable`).
"""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from snnc.messages import printable

GOOD, BAD = "bold green", "bold red"
"""Styles of an answer."""


def styled(text: str, style: str) -> Text:
    """A piece of text in a style of rich."""
    return Text(printable(text), style=style)


class Terminal(Console):
    """A console for which text is text: no markup, no guesses at colours, no control codes."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """Text as rich shows it, made printable."""
        return super().render_str(printable(text), **how)


def slim_table(*names: str, numbers: tuple[str, ...] = (), title: str = "", gap: int = 2) -> Table:
    """A table without vertical lines.

    Args:
        names: columns of text; a long word is folded, never cut.
        numbers: columns of numbers, to the right, which keep their width.
        title: what it shows.
        gap: blanks between columns, at least 1.
    """
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, gap - 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        title=title or None,
        title_justify="left",
        caption_justify="left",
    )
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def progress_bar() -> Progress:
    """A bar on standard error with what, how far, and how long to go."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Terminal(stderr=True),
        transient=True,
    )
