"""The curves: accuracy against firing and against cost, a condition each."""

from __future__ import annotations

import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

from benchmarks.study import analysis
from benchmarks.study.analysis import Final, Position
from benchmarks.study.plan import ARMS, CONDITIONS, OTHERS, SEEDS, SIMPLE
from benchmarks.study.runs import Row

AXES: tuple[tuple[str, Position, float], ...] = (
    ("NASFR", analysis.firing, 1.0),
    ("everything executed, µJ a recording", analysis.executed, 1e6),
    ("device total, µJ a recording", analysis.device, 1e6),
)


def draw(found: Final, target: Path) -> bool:
    """Draw the means over seeds of all conditions that have final runs; whether there are any."""
    conditions = [name for name in CONDITIONS if any(key[0] == name for key in found)]
    if not conditions:
        return False
    figure, panels = plt.subplots(
        len(conditions), len(AXES), figsize=(12, 3.2 * len(conditions)), squeeze=False
    )
    for condition, row in zip(conditions, panels, strict=True):
        for (title, position, unit), axes in zip(AXES, row, strict=True):
            _panel(axes, found, condition, position, unit)
            axes.set_xlabel(title)
            axes.set_ylabel(f"{condition}: accuracy, %")
    panels[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(target, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return True


def _panel(axes: Axes, found: Final, condition: str, position: Position, unit: float) -> None:
    means = {arm: _mean(found, condition, arm, position) for arm in ARMS}
    line = sorted((*point, arm) for arm in SIMPLE if (point := means[arm]) is not None)
    places, heights = [x / unit for x, _, _ in line], [y for _, y, _ in line]
    axes.plot(places, heights, "o-", label="vanilla, by threshold")
    for x, y, (_, _, arm) in zip(places, heights, line, strict=True):
        name = arm.removeprefix("vanilla-")
        axes.annotate(name, (x, y), (0, 5), textcoords="offset points", ha="center", fontsize=7)
    for arm in OTHERS:
        point = means[arm]
        if point is not None:
            axes.plot(point[0] / unit, point[1], "x", label=arm)
    axes.margins(y=0.12)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())


def _mean(found: Final, condition: str, arm: str, position: Position) -> tuple[float, float] | None:
    rows: list[Row] = [
        found[condition, arm, seed] for seed in SEEDS if (condition, arm, seed) in found
    ]
    if not rows:
        return None
    places = [position(row) for row in rows]
    accuracies = [100 * row["test"]["accuracy"] for row in rows]
    return statistics.fmean(places), statistics.fmean(accuracies)
