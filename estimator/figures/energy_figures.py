"""Figures of energy: where it goes, what a model saves, and when that holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from snnc.estimator.counts import LayerCounts
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.figures.style import COLOURS, drawing, grid, labelled
from snnc.estimator.redundancy.measures import Reals
from snnc.estimator.tables import EnergyTable
from snnc.estimator.units import energy_unit

WIDTH = 5.7
"""Inches: two figures beside each other fill the page."""
_SEGMENTS = (
    ("ac", "accumulations (AC)"),
    ("mac", "multiply-accumulates (MAC)"),
    ("attention", "MAC of attention"),
    ("other", "outside weighted sums (not in Eq. 11)"),
)


def energy_bars(names: Sequence[str], estimates: Sequence[Estimate]) -> Markup:
    """Energy by layer and kind of operation; with two estimates the baseline above the model.

    Args:
        names: of the estimates.
        estimates: the model's, and the baseline's first if there is one.
    """
    layers = list(dict.fromkeys(e.layer.name for estimate in estimates for e in estimate.layers))
    size, unit = energy_unit(max(_per_recording(estimate) for estimate in estimates))
    thick = 0.8 / len(estimates)
    with drawing(WIDTH, 0.75 + 0.22 * (len(estimates) + 0.35) * len(layers)) as (figure, result):
        axes = figure.subplots()
        for place, estimate in enumerate(estimates):
            entries = {entry.layer.name: entry for entry in estimate.layers}
            for row, layer in enumerate(layers):
                if layer in entries:
                    at = row - 0.4 + thick * (place + 0.5)
                    end = _stack(axes, at, thick * 0.88, estimate, entries[layer], size)
                    if len(names) > 1 and row == 0:
                        _note(axes, (end, at), names[place], (4, 0), va="center")
        axes.set_yticks(range(len(layers)), layers)
        axes.set_ylim(len(layers) - 0.5, -0.5)
        axes.set_xlabel(f"{unit} per inference: Eq. 11 and what is outside it")
        grid(axes, "x")
        handles = [axes.barh(0, 0, color=COLOURS[name], label=label) for name, label in _SEGMENTS]
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return labelled(
        result[0],
        f"Energy of the operations (Eq. 11, and outside it) by layer of {' and '.join(names)}",
    )


def _stack(
    axes: Axes, at: float, thick: float, estimate: Estimate, entry: LayerCounts, size: float
) -> float:
    """Draw one bar; gives where it ends."""
    table, samples = estimate.table, estimate.tally.samples
    attention = entry.parts.get("attention", {"mac": 0})["mac"]
    energies = (
        table.ac * entry.totals["ac"],
        table.mac * (entry.totals["mac"] - attention),
        table.mac * attention,
        table.other(entry.totals),
    )
    left = 0.0
    for (name, _), energy in zip(_SEGMENTS, energies, strict=True):
        width = energy / samples / size
        axes.barh(at, width, thick, left=left, color=COLOURS[name], linewidth=0)
        left += width
    return left


def _per_recording(estimate: Estimate) -> float:
    """The largest layer's energy, for the choice of a unit."""
    table, samples = estimate.table, estimate.tally.samples
    energies = [table.weighted(e.totals) + table.other(e.totals) for e in estimate.layers]
    return max(energies) / samples


def delta_waterfall(comparison: Comparison) -> Markup:
    """How ΔE of Eq. 11 comes about: layer by layer, what spikes save and what MACs cost."""
    samples = comparison.model.tally.samples
    table = comparison.table
    layers = comparison.layer_deltas()
    steps: list[tuple[str, float, str]] = []
    for entry in layers:
        steps.append((entry["name"], -table.ac * entry["ac"] / samples, "ac"))
        steps.append((entry["name"], table.mac * entry["mac"] / samples, "mac"))
    size, unit = energy_unit(max(abs(step) for _, step, _ in steps))
    with drawing(WIDTH, 0.9 + 0.26 * (len(layers) + 1)) as (figure, result):
        axes = figure.subplots()
        reached = 0.0
        for number, (_, step, name) in enumerate(steps):
            row, upper = divmod(number, 2)
            at = row - 0.2 + 0.4 * upper
            axes.barh(at, step / size, 0.36, left=reached / size, color=COLOURS[name], linewidth=0)
            reached += step
            axes.plot([reached / size] * 2, [at, at + 0.4], color=COLOURS["muted"], linewidth=0.6)
        colour = COLOURS["save" if reached < 0 else "cost"]
        axes.barh(len(layers), reached / size, 0.6, color=colour, linewidth=0)
        axes.axvline(0, color=COLOURS["ink"], linewidth=0.8)
        axes.set_yticks(
            range(len(layers) + 1), [*(entry["name"] for entry in layers), "ΔE, Eq. 11"]
        )
        axes.set_ylim(len(layers) + 0.5, -0.6)
        axes.set_xlabel(f"{unit} per inference, added up from above; left of 0 the model saves")
        grid(axes, "x")
        labels = {"ac": "-E_AC·Δ_AC: accumulations saved", "mac": "+E_MAC·Δ_MAC: MACs added"}
        handles = [axes.barh(0, 0, color=COLOURS[key], label=text) for key, text in labels.items()]
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return labelled(result[0], "ΔE of Equation 11, added up layer by layer")


def break_even(comparison: Comparison) -> Markup:
    """ΔE against the model's firing rate, all layers scaled alike."""
    samples, moving = comparison.model.tally.samples, comparison.model.moving_pj
    rate, base_rate = comparison.model.nasfr, comparison.baseline.nasfr
    fixed = comparison.energy_pj - moving
    slope = moving / rate if rate else 0.0
    far = 1.25 * max(rate, base_rate, comparison.break_even_rate or 0.0) or 1.0
    rates = np.array([0.0, far])
    energies = (fixed + slope * rates) / samples
    size, unit = energy_unit(float(np.abs(energies).max()))
    with drawing(WIDTH, 2.9) as (figure, result):
        axes = figure.subplots()
        axes.axhline(0, color=COLOURS["ink"], linewidth=0.8)
        axes.plot(rates, energies / size, color=COLOURS["model"])
        axes.plot([rate], [comparison.energy_pj / samples / size], "o", color=COLOURS["model"])
        _note(axes, (rate, comparison.energy_pj / samples / size), "the model", (6, -10))
        axes.axvline(base_rate, color=COLOURS["base"], linestyle=(0, (4, 3)))
        _note(axes, (base_rate, axes.get_ylim()[0]), "baseline's rate", (-3, 4), ha="right")
        if comparison.break_even_rate is not None:
            axes.plot([comparison.break_even_rate], [0], "D", color=COLOURS["cost"], markersize=5)
            at = f"pays below {comparison.break_even_rate:.3g}"
            _note(axes, (comparison.break_even_rate, 0), at, (-6, 6), ha="right")
        axes.set_xlim(0, far)
        axes.set_xlabel("NASFR of the model, all layers scaled alike")
        axes.set_ylabel(f"ΔE of Eq. 11, {unit} per inference")
        grid(axes, "y")
    return labelled(result[0], "ΔE of Eq. 11 against the model's firing rate")


def sensitivity(comparison: Comparison, tables: Sequence[EnergyTable]) -> Markup:
    """ΔE in units of E_AC against the ratio E_MAC/E_AC, with the ratios of known tables."""
    ratios = [table.ratio for table in tables]
    ends = [*ratios, *([comparison.break_even_ratio] if comparison.break_even_ratio else [])]
    low, high = min(1.0, *ends) / 1.3, max(ends) * 1.3
    x = np.geomspace(low, high, 200)
    per_sample = comparison.model.tally.samples

    def change(ratio: Reals | float) -> Reals:
        energy = np.asarray(ratio * comparison.added_mac - comparison.saved_ac, np.float64)
        return energy / per_sample

    scale, unit = _count_unit(float(np.abs(change(x)).max()))
    with drawing(WIDTH, 2.9) as (figure, result):
        axes = figure.subplots()
        axes.axhline(0, color=COLOURS["ink"], linewidth=0.8)
        axes.plot(x, change(x) / scale, color=COLOURS["model"])
        for place, (table, ratio) in enumerate(
            sorted(zip(tables, ratios, strict=True), key=_ratio)
        ):
            axes.plot([ratio], [change(ratio) / scale], "o", color=COLOURS["model"], markersize=4)
            label = table.name.removeprefix("horowitz-")
            _note(
                axes,
                (ratio, float(change(ratio)) / scale),
                label,
                (0, (7, -13)[place % 2]),
                ha="center",
            )
        if comparison.break_even_ratio:
            axes.plot([comparison.break_even_ratio], [0], "D", color=COLOURS["cost"], markersize=5)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        marks = [mark for mark in (0.5, 1, 2, 5, 10, 20, 50, 100, 200) if low <= mark <= high]
        axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
        axes.minorticks_off()
        axes.set_xlabel("E_MAC / E_AC")
        axes.set_ylabel(f"ΔE of Eq. 11 / E_AC{unit} per inference")
        grid(axes, "y")
    return labelled(
        result[0], "ΔE of Eq. 11 against the ratio of the energies of a MAC and an accumulation"
    )


def _ratio(entry: tuple[EnergyTable, float]) -> float:
    return entry[1]


def _count_unit(largest: float) -> tuple[float, str]:
    for size, unit in ((1e9, ", G"), (1e6, ", M"), (1e3, ", k")):
        if largest >= size:
            return size, unit
    return 1.0, ","


def _note(
    axes: Axes, at: tuple[float, float], text: str, shift: tuple[float, float], **where: Any
) -> None:
    axes.annotate(
        text, at, shift, textcoords="offset points", fontsize=7.5, color=COLOURS["muted"], **where
    )
