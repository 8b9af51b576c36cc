"""The results of ablation.py, for the page that ablation_page.py writes."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Result = dict[str, Any]
Results = dict[tuple[str, str, int], Result]

NAMES = {"none": "vanilla", "sa": "SA", "tcsa": "TCSA", "asa1": "ASA-1", "asa2": "ASA-2"}
DATA = {"nmnist": "N-MNIST", "gesture-sim": "gesture-sim"}
ABSENT = "n/a"


def read(folder: Path) -> Results:
    """All results, by data set, attention and seed. Refuses a mix of settings."""
    results: Results = {}
    settings: dict[str, Any] = {}
    for path in sorted(folder.glob("*/result.json")):
        result: Result = json.loads(path.read_text())
        run = result["run"]
        used = (result["setting"], result["hyper"], result["torch"])
        if settings.setdefault(run["data"], used) != used:
            sys.exit(f"{path}: trained with other settings than the other runs of {run['data']}")
        results[run["data"], run["attention"], run["seed"]] = result
    return results


@dataclass(frozen=True)
class Delta:
    """A run against the vanilla run of its seed, a recording: Eq. 11 under one rule."""

    mac: float
    ac: float
    energy_pj: float
    relative: float

    @classmethod
    def of(cls, model: Result, baseline: Result, rule: str) -> Delta:
        """Δ_MAC is what the model adds, Δ_AC what it saves."""
        ours, theirs = model["operations"][rule], baseline["operations"][rule]
        energy = ours["energy_pj"] - theirs["energy_pj"]
        return cls(
            mac=(ours["mac"] - theirs["mac"]) / model["samples"],
            ac=(theirs["ac"] - ours["ac"]) / model["samples"],
            energy_pj=energy / model["samples"],
            relative=energy / theirs["energy_pj"],
        )


@dataclass(frozen=True)
class Whole:
    """A run against the vanilla run of its seed, a recording: everything executed."""

    whole_pj: float
    whole_relative: float

    @classmethod
    def of(cls, model: Result, baseline: Result) -> Whole:
        """Weighted sums and what is outside them, from runs that kept both."""
        ours, theirs = (
            run["operations"]["executed"]["energy_pj"]
            + run["operations"]["executed"]["other_energy_pj"]
            for run in (model, baseline)
        )
        return cls((ours - theirs) / model["samples"], (ours - theirs) / theirs)


def of(results: Results, data: str, attention: str) -> list[Result]:
    """The runs of one row, by seed."""
    return [result for (d, a, _), result in sorted(results.items()) if (d, a) == (data, attention)]


def pairs(results: Results, data: str, attention: str) -> list[tuple[Result, Result]]:
    """Runs with the vanilla run of the same seed."""
    seeds = [seed for d, a, seed in sorted(results) if (d, a) == (data, attention)]
    return [
        (results[data, attention, seed], results[data, "none", seed])
        for seed in seeds
        if (data, "none", seed) in results
    ]


def mean_ptd(result: Result) -> float:
    """Peak-to-threshold distance averaged over the convolution layers (Definition 6)."""
    layers = [layer for name, layer in result["layers"].items() if name.startswith("layer")]
    return statistics.fmean(layer["ptd"] for layer in layers)


def spread(values: Sequence[float], form: str, unit: str = "") -> str:
    """Mean ± standard deviation; the value alone of one run; "n/a" of none."""
    if not values:
        return ABSENT
    mean = form.format(statistics.fmean(values))
    if len(values) == 1:
        return mean + unit
    return f"{mean} ± {form.replace('+', '').format(statistics.stdev(values))}{unit}"
