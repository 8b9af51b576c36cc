"""A page of docs/ that several scripts write, each its own section."""

from __future__ import annotations

import re
from pathlib import Path


def write_section(page: Path, name: str, text: str) -> None:
    """Put ``text`` where the page holds the section of that name, or at its end.

    A section lies between two comments that Markdown does not show. The rest of the page stays as
    it is.

    Raises:
        ValueError: the page has the beginning of the section and no end.
    """
    begin, end = _marks(name)
    section = f"{begin}\n{text.strip()}\n{end}\n"
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    found = _found(page, name, before)
    if found is None:
        after = f"{before.rstrip()}\n\n{section}" if before else section
    else:
        after = before[: found.start()] + section + before[found.end() :]
    page.write_text(after, encoding="utf-8")


def read_section(page: Path, name: str) -> str:
    """The text of a section, "" where the page has none. Raises as :func:`write_section`."""
    found = _found(page, name, page.read_text(encoding="utf-8")) if page.exists() else None
    return found[1].strip() if found else ""


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def _found(page: Path, name: str, text: str) -> re.Match[str] | None:
    begin, end = _marks(name)
    found = re.search(f"{re.escape(begin)}(.*?){re.escape(end)}\n", text, re.DOTALL)
    if found is None and begin in text:
        raise ValueError(f"{page}: {begin} has no end")
    return found
