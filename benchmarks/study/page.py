"""Writes docs/study.md from the rows: the answer, what ran and what did not, every figure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.study import analysis
from benchmarks.study.analysis import Estimate, Final, Position
from benchmarks.study.data import ROOT
from benchmarks.study.figure import draw
from benchmarks.study.plan import ARMS, CONDITIONS, OTHERS, SEEDS, SIMPLE, runs
from benchmarks.study.runs import Row

PAGE = ROOT / "docs" / "study.md"
PICTURE = ROOT / "docs" / "images" / "study.png"
PRIMARY = "asa1"
AXES: dict[str, Position] = {
    "equal firing": analysis.firing,
    "equal energy by everything executed": analysis.executed,
    "equal energy by the device total": analysis.device,
}
MATTERS = 0.02
"""The difference below which the plan says that ASA does not pay."""


def write(rows_file: Path) -> None:
    """Write the page, and the picture where there is something to draw."""
    rows = [json.loads(line) for line in rows_file.read_text().splitlines()]
    found = analysis.final(rows)
    drawn = draw(found, PICTURE)
    PAGE.write_text(text(rows, picture=drawn), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} from {len(rows)} rows")


def text(rows: Sequence[Row], *, picture: bool = False) -> str:
    """The page."""
    found = analysis.final(rows)
    lines = [
        "# Study: does attention pay for itself?",
        "",
        "Written by `python -m benchmarks.study page` from docs/study/rows.jsonl; change those "
        "files, not this one.",
        "Question, test, arms, budget and data were fixed in the [plan](study/plan.md) before the "
        "first run.",
        "",
        "## The answer",
        "",
        *answer(found),
        "",
        "## What ran",
        "",
        *what_ran(rows),
        "",
        *comparisons(found),
        *([] if not picture else ["![Accuracy against firing and cost](images/study.png)", ""]),
        "## Every arm",
        "",
        *final_table(found),
        "## What was chosen on validation",
        "",
        *chosen_table(rows),
        "## The bundled models",
        "",
        *bundled(found),
    ]
    return "\n".join(lines) + "\n"


def comparable(found: Final, arms: Sequence[str]) -> tuple[list[str], list[int]]:
    """Conditions for which all arms have final runs, and the seeds that all of those have."""
    seeds = {name: analysis.complete_seeds(found, name, arms) for name in CONDITIONS}
    there = {name: set(own) for name, own in seeds.items() if own}
    common = set.intersection(*there.values()) if there else set()
    return list(there), sorted(common)


def of_arm(found: Final, arm: str, position: Position) -> Estimate | None:
    """An arm against vanilla at its place, over what is there; None for less than two seeds."""
    conditions, seeds = comparable(found, [arm, *SIMPLE])
    if len(seeds) < 2:
        return None
    tables = [analysis.differences(found, name, arm, seeds, position) for name in conditions]
    return analysis.estimate(tables)


def answer(found: Final) -> list[str]:
    """The paragraph that people read."""
    conditions, seeds = comparable(found, [PRIMARY, *SIMPLE])
    whole = len(conditions) == len(CONDITIONS) and len(seeds) == len(SEEDS)
    missing = (
        f"**Not answered yet.** The primary question needs {len(CONDITIONS)} conditions and "
        f"{len(SEEDS)} seeds; there are {len(conditions)} conditions with {len(seeds)} seeds of "
        "the arms that it compares."
    )
    found_now = of_arm(found, PRIMARY, analysis.firing)
    if found_now is None:
        return [missing, "", "Nothing below decides it.", "", *what_would_change()]
    where = f"over {', '.join(conditions)} with {len(seeds)} seeds"
    said = (
        "At equal firing ASA-1's accuracy differs from a vanilla network's with a fitting "
        f"threshold by {points(found_now)} ({where}; p = {found_now.p:.2g}). {verdict(found_now)}"
    )
    return [*([] if whole else [missing, ""]), said, "", *what_would_change()]


def verdict(found: Estimate) -> str:
    """What the plan says that an interval means."""
    if found.low > 0:
        return "By the plan's rule it pays for itself at equal firing."
    if found.high < MATTERS:
        return "By the plan's rule it does not pay for itself at equal firing."
    return "By the plan's rule the data do not say whether it pays for itself at equal firing."


def what_would_change() -> list[str]:
    """What would change the page's mind."""
    return [
        "What would change our mind: an interval above 0 in the primary comparison (it pays), or "
        f"one below {100 * MATTERS:.0f} points (it does not). Five seeds are few, so intervals are "
        "somewhat too narrow; one network, small data and sixteen epochs are not the paper's.",
    ]


def points(found: Estimate) -> str:
    """A difference with its interval in percentage points."""
    low, high = 100 * found.low, 100 * found.high
    return f"{100 * found.mean:+.1f} points ({low:+.1f} to {high:+.1f})"


def what_ran(rows: Sequence[Row]) -> list[str]:
    """How many of the planned runs there are, by condition and arm."""
    done = {(row["condition"], row["arm"], row["phase"], row["number"]) for row in rows}
    planned = list(runs())
    there = [run for run in planned if (run.condition, run.arm, run.phase, run.number) in done]
    lines = [
        f"{len(there)} of {len(planned)} runs. Each cell: settings tried of 4, seeds run of "
        f"{len(SEEDS)}.",
        "",
        f"| arm | {' | '.join(CONDITIONS)} |",
        f"| --- |{' --: |' * len(CONDITIONS)}",
    ]
    for arm in ARMS:
        cells = []
        for condition in CONDITIONS:
            own = [run for run in there if (run.condition, run.arm) == (condition, arm)]
            phases = [run.phase for run in own]
            cells.append(f"{phases.count('choose')}, {phases.count('final')}")
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return lines


def comparisons(found: Final) -> list[str]:
    """Every arm against vanilla on each axis, with Holm's correction; then the random masks."""
    lines: list[str] = []
    for title, position in AXES.items():
        results = {arm: of_arm(found, arm, position) for arm in OTHERS}
        known = {arm: result for arm, result in results.items() if result is not None}
        if not known:
            continue
        adjusted = analysis.holm({arm: result.p for arm, result in known.items()})
        lines += [f"## At {title}", "", "| arm | accuracy against vanilla | p | p, Holm |"]
        lines += ["| --- | --: | --: | --: |"]
        for arm, result in known.items():
            lines.append(f"| {arm} | {points(result)} | {result.p:.2g} | {adjusted[arm]:.2g} |")
        lines += ["", *absent(results), ""]
    return lines + random_masks(found)


def absent(results: dict[str, Estimate | None]) -> list[str]:
    """Which arms a table lacks."""
    gone = [arm for arm, result in results.items() if result is None]
    if not gone:
        return ["Holm over all seven arms."]
    return [
        f"Without {', '.join(gone)}, which have too few runs: Holm over {7 - len(gone)} of seven."
    ]


def random_masks(found: Final) -> list[str]:
    """ASA-1 against ASA-1 with random fixed masks."""
    pair = (PRIMARY, "asa1-random")
    conditions, seeds = comparable(found, pair)
    if len(seeds) < 2:
        return []
    result = analysis.estimate([analysis.direct(found, name, pair, seeds) for name in conditions])
    return [
        "## Does the choice of the groups matter?",
        "",
        f"ASA-1 against ASA-1 with random fixed masks, both as they are: {points(result)}, "
        f"p = {result.p:.2g}, over {', '.join(conditions)} with {len(seeds)} seeds.",
        "",
    ]


def final_table(found: Final) -> list[str]:
    """Test accuracy, firing and energies of each arm, means over seeds."""
    lines = []
    for condition in CONDITIONS:
        own = {
            arm: [found[condition, arm, seed] for seed in SEEDS if (condition, arm, seed) in found]
            for arm in ARMS
        }
        if not any(own.values()):
            continue
        lines += [
            f"### {condition}",
            "",
            "| arm | seeds | accuracy, % | NASFR | energy, Eq. 11, µJ "
            "| energy, everything executed, µJ | energy, memory traffic, µJ "
            "| energy, device total, µJ |",
            "| --- | --: | --: | --: | --: | --: | --: | --: |",
        ]
        lines += [final_row(arm, rows) for arm, rows in own.items() if rows]
        lines.append("")
    return lines or ["No final run yet.", ""]


def final_row(arm: str, rows: Sequence[Row]) -> str:
    """One arm of one condition."""
    cells = [
        arm,
        str(len(rows)),
        spread([100 * row["test"]["accuracy"] for row in rows], ".1f"),
        spread([row["test"]["nasfr"] for row in rows], ".4f"),
        *(
            spread([row["cost_pj"][view] / 1e6 for row in rows], ".2f")
            for view in ("eq11", "executed", "memory", "device")
        ),
    ]
    return f"| {' | '.join(cells)} |"


def spread(values: Sequence[float], form: str) -> str:
    """Mean ± standard deviation over seeds; the value alone of one."""
    mean = format(statistics.fmean(values), form)
    return mean if len(values) == 1 else f"{mean} ± {format(statistics.stdev(values), form)}"


def chosen_table(rows: Sequence[Row]) -> list[str]:
    """Validation accuracy and NASFR of every setting tried, seed 0."""
    tried = [row for row in rows if row["phase"] == "choose"]
    if not tried:
        return ["No run yet.", ""]
    lines = [
        "Seed 0. Validation accuracies choose settings; they do not compare arms, which differ in "
        "firing.",
        "",
        "| condition | arm | learning rate | threshold | penalty | validation accuracy, % "
        "| NASFR |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for row in tried:
        setting, found = row["setting"], row["validation"]
        lines.append(
            f"| {row['condition']} | {row['arm']} | {setting['learning_rate']:g} "
            f"| {setting['threshold']:g} | {setting['penalty']:g} | {100 * found['accuracy']:.1f} "
            f"| {found['nasfr']:.4f} |"
        )
    return [*lines, ""]


def bundled(found: Final) -> list[str]:
    """Whether the bundled pairs are the best of the study."""
    _, seeds = comparable(found, list(ARMS))
    conditions, _ = comparable(found, list(ARMS))
    if len(seeds) == len(SEEDS) and len(conditions) == len(CONDITIONS):
        return [
            "The study is complete; the pairs in models/zoo are older and stay: they have full "
            "resolution, which the study has not.",
        ]
    return [
        "The pairs in models/zoo are those of before the study: it is not complete, and a best of "
        "it cannot be named.",
    ]
