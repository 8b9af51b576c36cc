"""Train and measure the ablation: five attentions, three seeds, two data sets (`make ablation`).

Everything but the attention is the same in all runs of a data set. One folder a run, under
``--out``: ``model.pt`` and ``model.csv`` (the last epoch's model, and the curve), ``state.train``
while it trains, and ``result.json`` once it is measured. Killed, it goes on from the last whole
epoch when started again; finished runs are not repeated. Then ``ablation_page.py`` beside it writes
the page from the results, whether all runs are there or not.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from snnc.atomic import write_atomically
from snnc.compiler.frontend.source import load_source
from snnc.compiler.ir.graph import Graph
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.errors import InternalError
from snnc.estimator.activity import Network, Values, observe
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.energy import Estimate
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.analysis import redundancy_json, summary
from snnc.estimator.redundancy.records import LayerRecord
from snnc.estimator.survey import Survey
from snnc.estimator.tables import DEFAULT, load
from snnc.models.checkpoints import InputDescription
from snnc.models.datasets.dataset import SPLITS, FramedDataset, Split, frame_dataset
from snnc.models.datasets.spec import open_data
from snnc.models.training import TrainConfig, TrainResult, train

ROOT = Path(__file__).resolve().parents[2]
NMNIST = os.environ.get("SNNC_NMNIST", "../shared/data/nmnist")
ATTENTIONS = ("none", "asa1", "sa", "tcsa", "asa2")
SEEDS = (0, 1, 2)
SCHEMA = "snnc-ablation/1"
MODEL, STATE, RESULT = "model.pt", "state.train", "result.json"
COUNTED = ("executed", "paper")


@dataclass(frozen=True)
class Setting:
    """How the networks of one data set are trained and their input framed.

    Attributes:
        data: DATA.
        dt_us, time_steps, downsample: framing.
        epochs, learning_rate, shift, event_drop: training.
    """

    data: str
    dt_us: int
    time_steps: int
    downsample: int
    epochs: int
    learning_rate: float = 3e-3
    shift: int = 1
    event_drop: float = 0.2


SETTINGS = {
    "nmnist": Setting(f"nmnist:{NMNIST}", 30_000, 10, 1, epochs=10),
    "gesture-sim": Setting("gesture-sim", 90_000, 10, 4, epochs=10, shift=2),
}
NETWORK = "three-layer-narrow"
WEIGHT_DECAY = 1e-4
HYPER: dict[str, object] = {
    "votes": 10,
    "fc_batch_norm": True,
    "beta": 0.5,
    "surrogate_width": 0.5,
}
"""What the networks have that the paper's have not: without it, so few epochs do not suffice."""


@dataclass(frozen=True)
class Run:
    """One training: a data set of :data:`SETTINGS`, an attention and a seed."""

    data: str
    attention: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.data}-{self.attention}-{self.seed}"


def runs(seeds: tuple[int, ...] = SEEDS) -> Iterator[Run]:
    """All runs: whole seeds first, and in each vanilla and ASA-1 before the others."""
    for seed in seeds:
        for attentions in (ATTENTIONS[:2], ATTENTIONS[2:]):
            for data in SETTINGS:
                for attention in attentions:
                    yield Run(data, attention, seed)


def main() -> None:
    """Frame the data once, then one process a run."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "ablation")
    options.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    options.add_argument("--only", default="*", help="runs with such names: gesture-sim-asa1-*")
    options.add_argument("--epochs", type=int, help="another number, into a folder of its own")
    options.add_argument("--run", metavar="NAME", help="this run alone, in this process")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in SETTINGS if given.epochs else ():
        SETTINGS[name] = dataclasses.replace(SETTINGS[name], epochs=given.epochs)
    if given.run is not None:
        named = {run.name: run for run in runs()}
        if given.run not in named:
            options.error(f"there is no run called {given.run}; choose one of {', '.join(named)}")
        return perform(named[given.run], given.out)
    wanted = [run for run in runs() if fnmatch(run.name, given.only)]
    for name in dict.fromkeys(run.data for run in wanted):
        for split in SPLITS:
            framed(name, split, given.out)
    left = [run for run in wanted if not (given.out / run.name / RESULT).exists()]
    options_of_each = ["--out", str(given.out)]
    if given.epochs:
        options_of_each += ["--epochs", str(given.epochs)]
    with ThreadPoolExecutor(given.jobs) as pool:
        codes = list(pool.map(partial(in_a_process, options=options_of_each), left))
    failed = [run.name for run, code in zip(left, codes, strict=True) if code != 0]
    if failed:
        sys.exit(f"{len(failed)} of {len(left)} runs failed: {', '.join(failed)}")


def in_a_process(run: Run, options: Sequence[str]) -> int:
    """Perform a run in a process of its own; gives its exit code."""
    print(f"{time.strftime('%H:%M:%S')} {run.name}", flush=True)
    command = [sys.executable, __file__, *options, "--run", run.name]
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.run(command, env=os.environ | threads, check=False).returncode


def perform(run: Run, out: Path) -> None:
    """Train, from where an earlier process left off; measure; write ``result.json`` last."""
    folder = out / run.name
    folder.mkdir(exist_ok=True)
    trained = trained_network(run, folder, out)
    setting = SETTINGS[run.data]
    result = {
        "schema": SCHEMA,
        "run": dataclasses.asdict(run),
        "setting": dataclasses.asdict(setting) | {"data": run.data},
        "hyper": HYPER,
        "torch": str(torch.__version__),
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        "accuracy": trained.history[-1].test_accuracy,
        "seconds": sum(metrics.seconds for metrics in trained.history),
        **measured(folder / MODEL, framed(run.data, "test", out)),
    }
    write_atomically(folder / RESULT, (json.dumps(result, indent=1) + "\n").encode())
    (folder / STATE).unlink(missing_ok=True)


def trained_network(
    run: Run, folder: Path, out: Path, *, spike_penalty: float = 0.0
) -> TrainResult:
    """Train a run's network into ``folder``, from where an earlier process left off."""
    torch.set_num_threads(1)
    setting = SETTINGS[run.data]
    data = {split: framed(run.data, split, out) for split in SPLITS}
    height, width = open_data(setting.data).sensor
    config = TrainConfig(
        network=NETWORK,
        out=folder / MODEL,
        hyper=HYPER,
        attention=run.attention,
        data=setting.data,
        epochs=setting.epochs,
        learning_rate=setting.learning_rate,
        weight_decay=WEIGHT_DECAY,
        seed=run.seed,
        shift=setting.shift,
        event_drop=setting.event_drop,
        spike_penalty=spike_penalty,
        checkpoint=folder / STATE,
    )
    return train(
        config,
        data["train"],
        data["test"],
        InputDescription(height, width, setting.time_steps, setting.dt_us, setting.downsample),
        len(data["train"].class_names),
        console=Console(width=100),
    )


def measured(model: Path, data: FramedDataset) -> dict[str, Any]:
    """Operations by both rules, and redundancy, of a model file on framed recordings."""
    graph = load_source(str(model)).graph()
    network = Network(pipeline.lowered(graph), pipeline.optimised(graph))
    survey = Survey(network, [CONVENTIONS[name] for name in COUNTED], redundancy=True)

    def interpret(graph: Graph, inputs: Values, forced: Values) -> Values:
        return reference.run(graph, inputs, forced=forced)

    for activity in observe(network, data.frames, interpret):
        survey.add(activity)
    if survey.redundancy is None:
        raise InternalError("the survey recorded no spikes")
    table = load(DEFAULT)
    found = redundancy_json(survey.redundancy)
    records = survey.redundancy.layers.values()
    return {
        "samples": survey.redundancy.samples,
        "nasfr": found["nasfr"],
        "quantization_error": found["quantization_error"],
        "operations": {name: tally_json(Estimate(survey.tallies[name], table)) for name in COUNTED},
        "layers": {record.name: layer_json(record) for record in records},
    }


def layer_json(record: LayerRecord) -> dict[str, float]:
    """A layer's measures; *null* features never fire, *noise* features have their peak at or
    above the threshold (shares of the spike features, one a channel and step)."""
    rates, distance = measures.c_sfr(record), measures.ptd(record)
    return {
        **summary(record),
        "neurons": record.neurons,
        "mean_potential": float(measures.mean_potential(record).mean()),
        "null": float((rates == 0).mean()),
        "noise": float((distance >= 0).mean()),
    }


def tally_json(estimate: Estimate) -> dict[str, float]:
    """Counts over all samples, and their energy by Eq. 11 and beside it, in pJ."""
    return {
        **estimate.total,
        "energy_pj": estimate.energy_pj,
        "other_energy_pj": estimate.other_energy_pj,
    }


def framed(name: str, split: Split, out: Path) -> FramedDataset:
    """The frames of a data set, kept in ``out`` so that 30 runs do not simulate them again."""
    setting = SETTINGS[name]
    dataset = open_data(setting.data, split)
    kept = out / f"{name}-{split}-{setting.time_steps}x{setting.dt_us}us.npz"
    if not kept.exists():
        frames = frame_dataset(
            dataset,
            dt_us=setting.dt_us,
            time_steps=setting.time_steps,
            downsample=setting.downsample,
            progress=True,
        )
        content = io.BytesIO()
        np.savez_compressed(content, frames=frames.frames, labels=frames.labels)
        write_atomically(kept, content.getvalue())
    with np.load(kept) as arrays:
        frames, labels = arrays["frames"], arrays["labels"]
    names = tuple(f"{name} {split} {index}" for index in range(len(labels)))
    return FramedDataset(frames, labels, names, dataset.class_names, dropped=0)


if __name__ == "__main__":
    main()
