"""Tables that fit a terminal of 80 columns."""

from __future__ import annotations

from rich import box
from rich.table import Table


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
