"""A page of figures written again where only some parts were measured: the others stay."""

from __future__ import annotations

from collections.abc import Sequence

SECTIONS = (
    "Against dense peers",
    "Layers and the roofline",
    "Choosing kernels",
    "Growth",
    "Threads",
    "Temporal redundancy",
    "Compile time and size",
)
"""Headings of the page, in order."""

MARK = "\n## "


def merged(new: str, old: str, parts: Sequence[str]) -> str:
    """The new page with what only the old one has: sections, and lines about the machines that
    measured them.

    Args:
        new: the page as made of what was measured.
        old: the page that is there.
        parts: what the first cells of the machines' table may be, in order.
    """
    head, sections = _split(new)
    old_head, old_sections = _split(old)
    together = {**old_sections, **sections}
    known = [title for title in SECTIONS if title in together]
    unknown = [title for title in together if title not in SECTIONS]
    head = _with_machines(head, old_head, parts)
    return head + "".join(MARK + together[title] for title in [*known, *unknown])


def _split(page: str) -> tuple[str, dict[str, str]]:
    """What stands before the sections, and each section by its heading."""
    head, *sections = page.split(MARK)
    return head, {section.split("\n", 1)[0]: section.rstrip() + "\n" for section in sections}


def _with_machines(head: str, old: str, parts: Sequence[str]) -> str:
    """The head with the old one's rows of parts that the new one lacks."""
    rows, kept = _rows(head, parts), _rows(old, parts)
    if not rows:
        return head
    cells = next(iter(rows.values())).count(" | ")
    for part, row in kept.items():
        missing = cells - row.count(" | ")
        if part not in rows and missing >= 0:  # the first pages had no cells for the processor
            name, processor, *rest = row.split(" | ")
            rows[part] = " | ".join([name, processor, *[""] * missing, *rest])
    lines = [line for line in head.split("\n") if line not in set(_rows(head, parts).values())]
    at = next(i for i, line in enumerate(lines) if set(line) == set("| -")) + 1
    return "\n".join([*lines[:at], *(rows[part] for part in parts if part in rows), *lines[at:]])


def _rows(head: str, parts: Sequence[str]) -> dict[str, str]:
    """The machines' rows by their first cell."""
    lines = [line for line in head.split("\n") if line.startswith("| ")]
    return {part: line for part in parts for line in lines if line.startswith(f"| {part} | ")}
