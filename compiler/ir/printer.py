"""Tables and attributes as text that a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def table(head: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """A line for each row below a heading, with the first two columns aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(2)] if rows else [0, 0]
    lines = [
        f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {rest}".rstrip() for name, kind, rest in rows
    ]
    return "\n".join([head, *lines])


def attributes(settings: Mapping[str, object]) -> list[str]:
    """``name=value`` of each attribute; a long value is cut."""
    found = []
    for name, value in settings.items():
        shown = " ".join(str(value).split())
        found.append(f"{name}={shown if len(shown) <= 60 else shown[:57] + '...'}")
    return found
