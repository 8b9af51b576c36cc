"""The growth part of docs/performance.md: time against density, steps, width and size, plotted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # the backend is chosen first
from markdown_table import table_lines


def growth_lines(part: dict[str, Any], plots: Path) -> list[str]:
    """The section, with a plot for each axis written to the folder ``plots``."""
    lines = ["## Growth", ""]
    if part.get("left_out"):
        lines += [f"Left out, as the run's time was up: {', '.join(part['left_out'])}.", ""]
    plots.mkdir(exist_ok=True)
    for axis in (key for key in part if isinstance(part[key], dict) and "rows" in part[key]):
        title, rows = part[axis]["title"], part[axis]["rows"]
        names = list(dict.fromkeys(name for row in rows for name in row["peers"]))
        _plot(plots / f"{axis}.svg", title, rows, names)
        heads = [
            axis,
            "snnc f32, ms",
            "snnc int8, ms",
            *(f"{name}, ms" for name in names),
            "ratio f32",
            "by processor time",
        ]
        body = [
            [
                f"{row['value']:g}",
                f"{row['ours']['f32']:.2f}",
                milliseconds(row["ours"].get("int8")),
                *(f"{row['peers'][n]:.1f}" if n in row["peers"] else "-" for n in names),
                f"{row['ratio']['f32']:.1f}",
                f"{row['ratio_processor']['f32']:.1f}",
            ]
            for row in rows
        ]
        lines += [f"Against the {title}:", "", *table_lines(heads, body), ""]
        lines += [f"![time against {axis}]({plots.name}/{axis}.svg)", ""]
    return lines


def _plot(file: Path, title: str, rows: Sequence[dict[str, Any]], names: Iterable[str]) -> None:
    plt.rcParams["svg.hashsalt"] = file.stem
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    values = [row["value"] for row in rows]
    for dtype in ("f32", "int8"):
        times = [row["ours"].get(dtype) for row in rows]
        if any(times):
            axes.plot(values, times, "o-", label=f"snnc {dtype}", linewidth=2)
    for name in names:
        found = [(row["value"], row["peers"][name]) for row in rows if name in row["peers"]]
        axes.plot(*zip(*found, strict=True), ".--", label=name)
    axes.set(xscale="log", yscale="log", ylabel="ms a window", title=title)
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()
    axes.title.set_fontsize(9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def milliseconds(time: float | None) -> str:
    """A time to two digits, - where there is none."""
    return "-" if time is None else f"{time:.2f}"
