"""Instructions of one layer on the microcontroller cores: conv 64→128, 3×3, 32×32, and its LIF.

    python benchmarks/cores.py [--target cortex-m4]... [--density 0.045] [--cmsis-nn DIR]
                               [--json FILE]

The layer stands inside an ordinary network with random weights: a convolution of events before it
supplies its spikes, by a threshold at which the wanted share of its neurons fires. One step, batch
norm none, int8, built for each target and run in QEMU under the counting plugin, next to the dense
build of the same network; the scores must be those of the integer reference. --cmsis-nn adds Arm's
kernel for the convolution, of a checkout in DIR or of PyPI's bakenn, without a neuron.
"""

from __future__ import annotations

import argparse
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.bench.densities import fire_at
from snnc.bench.target.cmsis_nn import Library, library_at
from snnc.bench.target.on_target import Recordings, measure
from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import target_named, targets
from snnc.compiler.frontend.torch_fx import import_module
from snnc.models.networks import OverTime, TimeMean
from snnc.models.neurons import LIF

SIZE, IN_C, OUT_C, KERNEL = 32, 64, 128, 3
EVENTS = 1500
STEP_US = 50_000


class OneLayer(nn.Module):
    """Events, a convolution that supplies spikes, the layer under test, and scores."""

    def __init__(self) -> None:
        super().__init__()
        supply = nn.Conv2d(2, IN_C, KERNEL, padding=1, bias=False)
        layer = nn.Conv2d(IN_C, OUT_C, KERNEL, padding=1, bias=False)
        nn.init.normal_(supply.weight)
        nn.init.normal_(layer.weight, std=0.05)
        pooled = OUT_C * (SIZE // 8) ** 2
        head = OrderedDict(pool=nn.MaxPool2d(8), flatten=nn.Flatten(), linear=nn.Linear(pooled, 10))
        self.supply, self.spikes = OverTime(OrderedDict(conv=supply)), LIF()
        self.layer, self.neuron = OverTime(OrderedDict(conv=layer)), LIF()
        self.head, self.out = OverTime(head), LIF()
        self.mean = TimeMean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores of frames [T, N, 2, H, W]."""
        x = self.neuron(self.layer(self.spikes(self.supply(x))))
        scores: torch.Tensor = self.mean(self.out(self.head(x)))
        return scores


def recording(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random events of one step, and their counts [1, 2, H, W]."""
    rng = np.random.default_rng(seed)
    events = np.zeros(EVENTS, EVENT_DTYPE)
    events["x"], events["y"] = rng.integers(0, SIZE, (2, EVENTS))
    events["polarity"] = rng.integers(0, 2, EVENTS)
    frames = np.zeros((1, 2, SIZE, SIZE), np.uint16)
    np.add.at(frames[0], (events["polarity"], events["y"], events["x"]), 1)
    return events, frames


def measured(name: str, density: float, cmsis_nn: Library | None) -> dict[str, Any]:
    """The layer's figures on one core."""
    torch.manual_seed(0)
    events, frames = recording(0)
    x = torch.from_numpy(frames.astype(np.float32))[:, None]
    forced = fire_at(OneLayer().eval(), x, density)
    graph = import_module(forced.module, (2, SIZE, SIZE), 1, name="net")
    recordings = Recordings(
        Framing(SIZE, SIZE, STEP_US, 1),
        [frames],
        lambda compilation: [firmware.vector(compilation, frames, events)],
        [frames],
    )
    result = measure(graph, target_named(name), recordings, cmsis_nn=cmsis_nn)
    return {
        "target": name,
        "compiler": result["compiler"],
        "input_density": forced.reached["spikes"],
        "event": layer_of(result),
        "dense": layer_of(result["dense"]),
        "cmsis_nn": cmsis_nn and peer_of(result["cmsis_nn"]),
    }


def peer_of(result: dict[str, Any]) -> dict[str, Any]:
    layers = {entry["name"]: entry["instructions"] for entry in result["layers"]}
    return {"version": result["version"], "conv": layers["layer_conv"]}


def layer_of(result: dict[str, Any]) -> dict[str, Any]:
    layers = {entry["name"]: entry for entry in result["instructions"]["layers"]}
    conv, neuron = layers["layer_conv"], layers["neuron"]
    return {
        "conv": conv["instructions"],
        "neuron": neuron["instructions"],
        "total": conv["instructions"] + neuron["instructions"],
        "synaptic_operations": conv["synaptic_operations"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", action="append", choices=list(targets()))
    parser.add_argument("--density", type=float, default=0.045)
    parser.add_argument("--cmsis-nn", metavar="DIR", help="its checkout, or bakenn")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    library = library_at(options.cmsis_nn) if options.cmsis_nn else None
    results = []
    columns = ("conv", "LIF", "both", "dense", *(("CMSIS-NN conv",) if library else ()))
    print(f"{'target':12} {'density':>8}", *(f"{column:>12}" for column in columns))
    for name in options.target or list(targets()):
        arm = target_named(name).family == "cortex_m"
        result = measured(name, options.density, library if arm else None)
        results.append(result)
        event, peer = result["event"], result["cmsis_nn"]
        numbers = [event["conv"], event["neuron"], event["total"], result["dense"]["total"]]
        cells = " ".join(f"{number:12,}" for number in numbers)
        beside = f" {peer['conv']:12,} (CMSIS-NN {peer['version']})" if peer else ""
        print(f"{name:12} {result['input_density']:8.4f} {cells}{beside}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
