"""What is measured: networks with random weights, how often they fire, and how they grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import nn

from snnc.bench.contest import Frames, compiled
from snnc.bench.densities import Forced, fire_at
from snnc.compiler.calibrate import densities, kernel_costs
from snnc.compiler.passes.choose_kernels import choose_kernels
from snnc.compiler.passes.pipeline import Pass
from snnc.models.networks import build

SEED = 0


@dataclass(frozen=True)
class Wanted:
    """The least ratios of the fastest peer's time to ours: float32 to float32, int8 to int8, and
    float32 to our int8."""

    f32: float | None = None
    int8: float | None = None
    int8_to_f32: float | None = None


@dataclass(frozen=True)
class Case:
    """One network at one density, and the ratios that are wanted."""

    title: str
    network: str
    density: float
    hyper: Mapping[str, object] = field(default_factory=dict)
    wanted: Wanted = Wanted()

    @property
    def size(self) -> Sequence[int]:
        """Polarities, height and width of the input."""
        side = self.hyper.get("side", 32 if self.network.startswith("three") else 128)
        assert isinstance(side, int)
        return 2, side, side


WIDE = {"time_steps": 60}
ASA1 = WIDE | {"attention": "asa1"}

TABLE = (
    Case("three-layer wide", "three-layer", 0.045, WIDE, Wanted(20.0, 8.0, 35.0)),
    Case("three-layer wide", "three-layer", 0.2, WIDE, Wanted(5.0, 2.5, 12.0)),
    Case("three-layer wide, ASA-1", "three-layer", 0.045, ASA1, Wanted(8.0, None, 12.0)),
    Case("five-layer, 128×128", "five-layer", 0.02, {"time_steps": 20}, Wanted(8.0, 3.0, 12.0)),
    Case("three-layer wide", "three-layer", 1.0, WIDE, Wanted(0.5)),
)

GROWTH: Mapping[str, tuple[str, Sequence[tuple[float, Case]]]] = {
    "density": (
        "density of every hidden layer (three-layer wide, T 60, 32×32)",
        [(d, Case("", "three-layer", d, WIDE)) for d in (0.01, 0.023, 0.045, 0.1, 0.2, 0.5, 1.0)],
    ),
    "steps": (
        "time steps T (three-layer wide, density 0.045, 32×32)",
        [(t, Case("", "three-layer", 0.045, {"time_steps": t})) for t in (10, 30, 60, 120)],
    ),
    "width": (
        "channels C of layers C, 2C, 2C (three-layer, T 60, density 0.045, 32×32)",
        [
            (c, Case("", "three-layer", 0.045, WIDE | {"channels": (c, 2 * c, 2 * c)}))
            for c in (16, 32, 64, 128)
        ],
    ),
    "size": (
        "height and width of the image (three-layer wide, T 20, density 0.045)",
        [
            (side, Case("", "three-layer", 0.045, {"time_steps": 20, "side": side}))
            for side in (16, 32, 48, 64)
        ],
    ),
}


@dataclass(frozen=True)
class Prepared:
    """A network that fires as its case says, and the window that it fires on."""

    forced: Forced
    frames: Frames

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.forced.module


def prepare(case: Case) -> Prepared:
    """Random weights, batch norms with the statistics of the window, thresholds that give the
    density, and a window with the same density of random event counts 1 or 2."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        hyper = {key: value for key, value in case.hyper.items() if key != "side"}
        network = build(case.network, input_size=case.size, **hyper).eval()
    rng = np.random.default_rng(SEED)
    shape = (int(str(network.hyper["time_steps"])), *case.size)
    fired = rng.random(shape) < case.density
    frames = (fired * rng.integers(1, 3, shape)).astype(np.uint16)
    x = torch.from_numpy(frames.astype(np.float32))[:, None]
    return Prepared(fire_at(network, x, case.density, normalise=True), frames)


def chosen_kernels(prepared: Prepared, density: float) -> Pass:
    """The choice that ``snnc compile --density`` makes."""
    made = compiled(prepared.module, prepared.frames, None)
    stated = densities.stated(made.graph, density)
    batched = made.schedule.batched
    return partial(choose_kernels, densities=stated, costs=kernel_costs.load(), batched=batched)
