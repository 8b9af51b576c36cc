"""Write docs/measured/coverage.md: what compiles of other frameworks and is proven, from the
results that ``make coverage`` measures (benchmarks/coverage)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "measured" / "coverage.md"
RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage" / "results"

HEAD = """\
# Coverage

Written by `docs/scripts/generate_coverage.py` from what `make coverage` measures; change neither by
hand.

Each row is a small network with drawn weights around one class of a framework, or a whole
network as its tutorials build it. *Proven* means compiled as float32 and verified on three drawn
windows with every link of the proof, synthetic inputs among them; what a row says nothing about
is said beside it. *Refused* gives the sentence that a user reads, and nothing is compiled.
*Not built* means that PyTorch itself does not run it so. *Wrong* would be a fault of ours.

"""

MARKS = {"proven": "proven", "refused": "refused", "not built": "not built", "wrong": "**wrong**"}


def render(results: Iterable[dict[str, Any]]) -> str:
    """The whole page."""
    found = list(results)
    parts = [HEAD, "| framework | what | proven | of |\n| --- | --- | ---: | ---: |\n"]
    for result in found:
        for part, rows in _parts(result):
            proven = sum(row["outcome"] == "proven" for row in rows)
            named = f"{result['package']} {result['version']}"
            parts.append(f"| {named} | {part} | {proven} | {len(rows)} |\n")
    parts.append(f"\n{_commits(found)}\n")
    for result in found:
        parts.append(f"\n## {result['package']} {result['version']}\n")
        for part, rows in _parts(result):
            parts += [f"\n### {part.capitalize()}\n\n", "| | | |\n| --- | --- | --- |\n"]
            parts += [
                f"| `{row['name']}` | {MARKS[row['outcome']]} | {_cell(row['why'])} |\n"
                for row in rows
            ]
    return "".join(parts)


def _commits(results: list[dict[str, Any]]) -> str:
    """How many rows were measured at which commit."""
    rows = [row for result in results for row in result["rows"]]
    counted = Counter(str(row["commit"]) for row in rows)
    named = ", ".join(f"{number} at {commit}" for commit, number in counted.most_common())
    return f"Rows measured at each commit of snnc: {named}. A + stands for changes on top of it."


def _parts(result: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    rows = sorted(result["rows"], key=lambda row: str(row["part"]))
    return [(part, list(group)) for part, group in groupby(rows, key=lambda row: str(row["part"]))]


def _cell(text: str) -> str:
    """A reason in a table, without the long ends of lists."""
    text = text.replace("|", "\\\\|")
    return text if len(text) <= 260 else f"{text[:257]}..."


if __name__ == "__main__":
    measured = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    PAGE.write_text(render(measured), encoding="utf-8")
    print(f"wrote {PAGE}")
