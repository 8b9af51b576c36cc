"""A small model in PyTorch, and ways to wire it differently."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from snnc.models.networks import OverTime, TimeMean
from snnc.models.neurons import LIF

SHAPE = (2, 6, 6)
STEPS = 4


def over_time(**layers: nn.Module) -> OverTime:
    return OverTime(OrderedDict(layers))


class Net(nn.Module):
    """A flattened linear layer, a neuron and a readout; subclasses wire them differently."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = over_time(flatten=nn.Flatten(), linear=nn.Linear(72, 5))
        self.lif = LIF()
        self.mean = TimeMean()

    def forward(self, x):
        return self.mean(self.lif(self.fc(x)))


def forward_of(function):
    """A network with another forward."""

    class Other(Net):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.randn(5))

        forward = function

    return Other()
