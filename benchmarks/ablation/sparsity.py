"""How far spikes can be saved, with and without ASA-1: the accuracy-NASFR-energy curve.

    python benchmarks/ablation/sparsity.py --out runs/ablation [--penalties 0.1,0.4]

Three ways, all from the runs of ablation.py in ``--out``, of seed 0: raising all thresholds of the
finished network by one factor; raising them one layer at a time for as long as the training
recordings bear it (what `snnc tune` does); and training anew with a penalty on the firing (slow: a
whole training for each). Every point is one file in ``--out``/sparsity, and is not measured twice;
sparsity_page.py writes the page.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from ablation import MODEL, ROOT, SETTINGS, STATE, Run, framed, measured, trained_network

from snnc.atomic import write_atomically
from snnc.models.checkpoints import LoadedModel, load, save
from snnc.models.thresholds import raise_thresholds, set_thresholds, thresholds_of
from snnc.models.training.evaluation import MemoryFrames, evaluate

FACTORS = (1.0, 1.1, 1.25, 1.5)
TOLERANCES = (0.0, 0.02)
"""Shares of the training recordings that tuning may lose."""
ATTENTIONS = ("none", "asa1")


def main() -> None:
    """Every point that is not there yet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "ablation")
    options.add_argument("--penalties", default="", help="numbers, separated by commas")
    given = options.parse_args()
    torch.set_num_threads(1)
    penalties = [float(text) for text in given.penalties.split(",") if text]
    for data in SETTINGS:
        for attention in ATTENTIONS:
            run = Run(data, attention, 0)
            for factor in FACTORS:
                with_thresholds(run, factor, given.out)
            for tolerance in TOLERANCES:
                with_tuning(run, tolerance, given.out)
            for penalty in penalties:
                with_penalty(run, penalty, given.out)


def with_thresholds(run: Run, factor: float, out: Path) -> None:
    """The point of a finished network whose thresholds are all raised by one factor."""
    folder = out / "sparsity" / f"{run.name}-thresholds-{factor:g}"
    if (folder / "point.json").exists() or not (out / run.name / MODEL).exists():
        return
    loaded = load(out / run.name / MODEL)
    raised = [factor * threshold for threshold in thresholds_of(loaded.model)]
    keep_raised(loaded, raised, folder)
    write_point(run, {"thresholds": factor}, folder, out)


def with_tuning(run: Run, tolerance: float, out: Path) -> None:
    """The point of a finished network whose layers' thresholds were raised one by one."""
    folder = out / "sparsity" / f"{run.name}-tuned-{tolerance:g}"
    if (folder / "point.json").exists() or not (out / run.name / MODEL).exists():
        return
    loaded = load(out / run.name / MODEL)
    data = MemoryFrames.of(framed(run.data, "train", out), loaded.model.classes)

    def measure() -> tuple[float, float]:
        found = evaluate(loaded.model, data)
        return found.accuracy, found.nasfr

    list(raise_thresholds(loaded.model, measure, tolerance=tolerance))
    keep_raised(loaded, thresholds_of(loaded.model), folder)
    write_point(run, {"tuned": tolerance}, folder, out)


def keep_raised(loaded: LoadedModel, thresholds: list[float], folder: Path) -> None:
    """Write a network with other thresholds."""
    folder.mkdir(parents=True, exist_ok=True)
    set_thresholds(loaded.model, loaded.model.hyper, thresholds)
    save(loaded.model, folder / MODEL, input=loaded.input, card=loaded.card)


def with_penalty(run: Run, penalty: float, out: Path) -> None:
    """The point of a network that was trained with a penalty on its firing."""
    folder = out / "sparsity" / f"{run.name}-penalty-{penalty:g}"
    if (folder / "point.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    trained_network(run, folder, out, spike_penalty=penalty)
    write_point(run, {"penalty": penalty}, folder, out)
    (folder / STATE).unlink(missing_ok=True)


def write_point(run: Run, way: dict[str, float], folder: Path, out: Path) -> None:
    """Measure the model in ``folder`` on the test recordings and write its point."""
    data = framed(run.data, "test", out)
    counted = measured(folder / MODEL, data)
    point = {
        "data": run.data,
        "attention": run.attention,
        **way,
        "accuracy": evaluate(load(folder / MODEL).model, data).accuracy,
        "nasfr": counted["nasfr"],
        "samples": counted["samples"],
        "energy_pj": counted["operations"]["executed"]["energy_pj"],
    }
    write_atomically(folder / "point.json", (json.dumps(point, indent=1) + "\n").encode())
    print(json.dumps(point), flush=True)


if __name__ == "__main__":
    main()
