"""Write docs/reference/errors.md, the list of every error a user can meet, from ``snnc.errors``."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from snnc import limits
from snnc.errors import CODES, EXIT_BUG, EXIT_NO, EXIT_USAGE, ErrorCode

PAGE = Path(__file__).parents[1] / "reference" / "errors.md"

HEAD = """\
# Errors

Written by `make docs` from `snnc/errors.py`; change that file, not this one.

An error is one sentence: its code, where it happened (module path, file or byte), what is wrong
and what to do. Codes are stable: a code keeps its meaning and is never used again for another.
"""

GROUPS = {
    "1": "The model",
    "2": "The data",
    "3": "Compiling",
    "4": "Running the C",
    "5": "Optional parts",
    "6": "Limits",
    "9": "Our fault",
}

STATUSES = {
    EXIT_NO: "the answer is no",
    EXIT_USAGE: "wrong usage or unreadable input",
    EXIT_BUG: "our fault",
}


def group_of(entry: ErrorCode) -> str:
    """Heading that an error stands under: the hundreds of its number decide."""
    return GROUPS[entry.code.removeprefix("SNNC-E")[0]]


def section(entry: ErrorCode) -> str:
    """One error as Markdown."""
    return f"""
### {entry.code}: {entry.title}

- Exit status: {entry.status} ({STATUSES[entry.status]})
- Cause: {entry.cause}
- Mend: {entry.hint}
"""


def table_of_limits() -> str:
    """The limits as Markdown."""
    rows = [f"| `{name}` | {each.most:,} | {each.counts} |" for name, each in limits.LIMITS.items()]
    table = "\n".join(["| name | at most | of |", "| --- | ---: | --- |", *rows])
    return f"""
Written from `snnc/limits.py`. They are checked before memory is taken. The environment variable
`{limits.VARIABLE}` changes them, as in `{limits.VARIABLE}=time_steps=100000,events=1000000000`.

{table}
"""


def render() -> str:
    """Return the whole page, in the order of the codes."""
    entries = sorted(CODES.values(), key=lambda entry: entry.code)
    parts = [HEAD]
    for group, members in groupby(entries, key=group_of):
        parts.append(f"\n## {group}\n")
        parts.extend(section(entry) for entry in members)
        if group == GROUPS["6"]:
            parts.append(table_of_limits())
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE}")
