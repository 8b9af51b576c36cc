"""A network whose pools read the sums of convolutions and the currents of attention."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from snnc.models.attention import SA
from snnc.models.networks import OverTime, TimeMean
from snnc.models.neurons import LIF
from tests.support.networks.lively import with_large_weights

SHAPE = (2, 14, 14)


class Maxima(nn.Module):
    """Windows that overlap, are padded, and whose channels fill no register."""

    def __init__(self) -> None:
        super().__init__()
        first = OrderedDict(conv=nn.Conv2d(2, 19, 3), pool=nn.MaxPool2d(3, 2, 1))
        second = OrderedDict(conv=nn.Conv2d(19, 33, 3), pool=nn.MaxPool2d((2, 1)))
        third = OrderedDict(pool=nn.MaxPool2d((1, 2), padding=(0, 1)))
        head = OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(33 * 2 * 3, 12))
        self.layer1, self.soft = OverTime(first), LIF(0.4, None, 0.7)
        self.layer2, self.attention = OverTime(second), SA()
        self.layer3, self.hard = OverTime(third), LIF(0.1, 0.05, 0.5)
        self.layer4, self.last = OverTime(head), LIF(0.2)
        self.mean = TimeMean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.attention(self.layer2(self.soft(self.layer1(x))))
        return self.mean(self.last(self.layer4(self.hard(self.layer3(x)))))


def maxima() -> nn.Module:
    """The network with weights that make every layer fire."""
    return with_large_weights(Maxima, 3)
