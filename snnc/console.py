"""Where people read: a terminal of 80 columns, and tables that fit it."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnc.messages import printable


class Terminal(Console):
    """A console on which names out of users' files cannot move the cursor or forge lines."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Text with styles, control characters as escapes."""
        return super().render_str(printable(text), **options)


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
