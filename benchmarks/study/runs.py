"""Trains and measures one run, and writes its row."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.study.arms import (
    as_asa1,
    change_of,
    making_masks,
    mask_nodes,
    without_gains,
)
from benchmarks.study.data import Part, parts
from benchmarks.study.plan import (
    ARMS,
    CONDITIONS,
    FIRST_SEED,
    Run,
    Setting,
    choosing,
)
from snnc.atomic import write_atomically
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.estimator.activity import Network, Values, observe
from snnc.estimator.conventions import EXECUTED
from snnc.estimator.energy import Estimate
from snnc.estimator.layers import Layer
from snnc.estimator.survey import Survey
from snnc.estimator.tables import DEFAULT, load
from snnc.estimator.views import views_of
from snnc.models import networks
from snnc.models.checkpoints import InputDescription
from snnc.models.networks import Network as Model
from snnc.models.training import TrainConfig
from snnc.models.training.evaluation import evaluate, to_input
from snnc.models.training.loop import Run as Training

SCHEMA = "snnc-study/1"
NETWORK = "three-layer-narrow"
HYPER: dict[str, Any] = {
    "votes": 10,
    "fc_batch_norm": True,
    "beta": 0.5,
    "surrogate_width": 0.5,
}
CLASSES = {"nmnist": 10, "gesture": 11}
BATCH = 16

Row = dict[str, Any]
Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Size:
    """How much of the study is done: all of it, or a toy for a test."""

    epochs: int = 16
    counted: int = 50


WHOLE = Size()


class _FixedMasks(Network):
    """A network whose masks are constants: what makes them is in no layer, and costs nothing."""

    @cached_property
    def executed_layers(self) -> tuple[Layer, ...]:
        gone = making_masks(self.executed)
        return tuple(
            dataclasses.replace(
                layer,
                nodes=tuple(name for name in layer.nodes if name not in gone),
                attention=layer.attention - gone,
            )
            for layer in super().executed_layers
        )


def perform(run: Run, folder: Path, size: Size = WHOLE) -> Row:
    """Train and measure a run; write its row, and give it."""
    data = parts(CONDITIONS[run.condition], folder)
    seed = FIRST_SEED if run.phase == "choose" else run.number
    place = run.number if run.phase == "choose" else chosen(run, folder)
    row = measured(run, ARMS[run.arm].settings[place], seed, data, size) | {"setting_number": place}
    write_atomically(folder / f"{run.name}.json", (json.dumps(row) + "\n").encode())
    return row


def measured(run: Run, setting: Setting, seed: int, data: Mapping[str, Part], size: Size) -> Row:
    """The row of a run: what it was, and what came of it."""
    started = time.perf_counter()
    model = trained(run, setting, seed, data, size)
    seconds = time.perf_counter() - started
    row: Row = {
        "schema": SCHEMA,
        **dataclasses.asdict(run),
        "setting": dataclasses.asdict(setting),
        "seed": seed,
        "epochs": size.epochs,
        "torch": str(torch.__version__),
        "validation": accuracy_and_rate(model, data["validation"]),
        "training_seconds": round(seconds, 1),
    }
    if run.phase == "final":
        row["test"] = accuracy_and_rate(model, data["test"])
        row["recordings"] = len(data["test"])
        row["right"] = packed(right(model, data["test"]))
        row["cost_pj"] = cost(run, model, data["test"], size.counted)
        row["counted"] = min(size.counted, len(data["test"]))
    return row


def trained(run: Run, setting: Setting, seed: int, data: Mapping[str, Part], size: Size) -> Model:
    """The network of a run after its last epoch."""
    condition, arm = CONDITIONS[run.condition], ARMS[run.arm]
    torch.set_num_threads(1)
    config = TrainConfig(
        network=NETWORK,
        out=Path(f"{run.name}.pt"),  # never written
        hyper=HYPER | {"v_threshold": setting.threshold},
        attention="none" if change_of(run.arm) else arm.attention,
        epochs=size.epochs,
        batch_size=BATCH,
        learning_rate=setting.learning_rate,
        weight_decay=1e-4,
        seed=seed,
        shift=1,
        event_drop=0.2,
        spike_penalty=setting.penalty,
    )
    classes = CLASSES[run.condition.partition("-")[0]]
    height, width = (side * condition.downsample for side in data["train"].frames.shape[-2:])
    given = InputDescription(
        height, width, condition.time_steps, condition.dt_us, condition.downsample
    )
    with torch.random.fork_rng(devices=[]):
        training = Training(config, given, classes, change_of(run.arm))
        training.load_data(data["train"], data["validation"])
        while training.state.epoch < config.epochs:
            training.train_epoch(lambda *_: None)
    return training.state.model.eval()


def accuracy_and_rate(model: Model, part: Part) -> dict[str, float]:
    """Accuracy and NASFR."""
    found = evaluate(model, part, BATCH)
    return {"accuracy": found.accuracy, "nasfr": found.nasfr}


@torch.no_grad()
def right(model: Model, part: Part) -> Bits:
    """Which recordings are classified correctly, [N]."""
    found = []
    for start in range(0, len(part), BATCH):
        frames = torch.from_numpy(part.frames[start : start + BATCH].astype(np.int32))
        found.append(model(to_input(frames)).argmax(dim=1).numpy())
    return np.asarray(np.concatenate(found) == part.labels)


def packed(bits: Bits) -> str:
    """Bits as hexadecimal digits, the first the highest bit."""
    return np.packbits(bits).tobytes().hex()


def unpacked(text: str, number: int) -> Bits:
    """The bits again."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8))[:number].astype(bool)


def cost(run: Run, model: Model, part: Part, counted: int) -> dict[str, float]:
    """View → energy of a recording in pJ, over the first recordings."""
    network, forced = counted_network(run, model)
    survey = Survey(network, [EXECUTED], memory=True)

    def interpret(graph: Graph, inputs: Values, known: Values) -> Values:
        return reference.run(graph, inputs, forced={**known, **forced})

    for activity in observe(network, part.frames[:counted], interpret):
        survey.add(activity)
    estimates = {EXECUTED.name: Estimate(survey.tallies[EXECUTED.name], load(DEFAULT))}
    views = views_of(estimates, survey.accesses, EXECUTED.name)
    assert views is not None
    return {view.name: view.energy_pj / views.samples for view in views}


def counted_network(run: Run, model: Model) -> tuple[Network, dict[str, torch.Tensor]]:
    """The compiled graph of a network, and values to be put into it."""
    forced: dict[str, torch.Tensor] = {}
    if run.arm == "gain":
        without_gains(model)
    masks = {}
    if run.arm == "asa1-random":
        plain = networks.build(NETWORK, **{**model.hyper, "attention": "asa1"}).eval()
        masks, model = as_asa1(model, plain), plain
    graph = import_module(model, model.input_size, model.time_steps)
    lowered, optimised = pipeline.lowered(graph), pipeline.optimised(graph)
    if not masks:
        return Network(lowered, optimised), forced
    nodes = mask_nodes(optimised)
    forced = {nodes[layer]: mask for layer, mask in masks.items()}
    return _FixedMasks(lowered, optimised), forced


def chosen(run: Run, folder: Path) -> int:
    """The number of the setting that an arm is to be run with: the highest validation accuracy, of
    equals the lower NASFR, of equals the first.

    Raises:
        FileNotFoundError: while one of the runs that choose is missing.
    """
    rows = [read(each, folder) for each in choosing(run.condition, run.arm)]
    scores = [(-row["validation"]["accuracy"], row["validation"]["nasfr"]) for row in rows]
    return scores.index(min(scores))


def read(run: Run, folder: Path) -> Row:
    """The row of a finished run."""
    row: Row = json.loads((folder / f"{run.name}.json").read_text())
    return row
