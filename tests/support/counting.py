"""Networks to count, and how the counting tests run them."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.estimator.activity import Network, observe
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.counts import Tally, count
from snnc.models import gates, networks, neurons


def interpret(graph, inputs, forced):
    return reference.run(graph, inputs, forced=forced)


def network_of(model: nn.Module, input_size: tuple[int, ...], time_steps: int) -> Network:
    graph = import_module(model, input_size, time_steps)
    return Network(pipeline.lowered(graph), pipeline.optimised(graph))


def counted(network: Network, recordings, *names: str) -> dict[str, Tally]:
    rules = [CONVENTIONS[name] for name in names]
    return count(network, observe(network, recordings, interpret), rules)


class ByHand(nn.Module):
    """Three layers whose spikes can be followed on paper: all neurons fire at 0.5, beta 0.3.

    layer1: conv 1→2, centre tap 1, so U = event count (halved where there is attention).
    layer2: conv 2→2, centre tap 1 from its own channel, then the mean of 2×2.
    layer3: linear 8→3, all weights 1.
    """

    def __init__(self, gate: bool = False) -> None:
        super().__init__()
        self.layer1 = self.block(self.conv(1), gates.SpatialGate() if gate else None)
        self.layer2 = self.block(self.conv(2), None, nn.AvgPool2d(2))
        full = nn.Linear(8, 3, bias=False)
        nn.init.ones_(full.weight)
        self.layer3 = self.block(nn.Flatten(), None, full)
        self.mean = networks.TimeMean()
        for module in self.layer1.modules():
            if isinstance(module, gates.SpatialGate):
                nn.init.zeros_(module.score.conv.weight)  # a score of sigmoid(0) everywhere

    @staticmethod
    def conv(inputs: int) -> nn.Conv2d:
        layer = nn.Conv2d(inputs, 2, 3, padding=1, bias=False)
        nn.init.zeros_(layer.weight)
        for channel in range(2):
            layer.weight.data[channel, channel % inputs, 1, 1] = 1
        return layer

    @staticmethod
    def block(first: nn.Module, gate: nn.Module | None, *more: nn.Module) -> networks.Block:
        layers = OrderedDict((str(place), layer) for place, layer in enumerate((first, *more)))
        return networks.Block(networks.OverTime(layers), gate, neurons.LIF(0.5, 0.0, 0.3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mean(self.layer3(self.layer2(self.layer1(x))))


def by_hand_frames() -> np.ndarray:
    """Step 0: one event in a corner, two at (1, 1). Step 1: one event in the far corner."""
    frames = np.zeros((2, 1, 4, 4))
    frames[0, 0, 0, 0], frames[0, 0, 1, 1], frames[1, 0, 3, 3] = 1, 2, 1
    return frames
