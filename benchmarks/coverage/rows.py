"""A row of the coverage page: one class of a framework in a small network, or a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Row:
    """What is compiled and verified.

    Attributes:
        part: of the page: "neurons", "layers", "networks", "NIR files".
        name: of the class or network.
        make: builds it, with drawn weights; PyTorch's generator is seeded before.
        shape: of one step of its input.
        steps: T.
        options: of ``snnc.compile``: how forward takes its input.
    """

    part: str
    name: str
    make: Callable[[], Any]
    shape: tuple[int, ...]
    steps: int = 5
    options: tuple[tuple[str, Any], ...] = ()


class Shaped(nn.Module):
    """Parts one after the other over [T, N, features], which are seen as [T, N, *shape]; gives the
    mean over time, flattened."""

    def __init__(self, shape: tuple[int, ...], *parts: nn.Module) -> None:
        super().__init__()
        self.shape, self.parts = shape, nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, features] to [N, outputs]."""
        y = self.parts(x.reshape(*x.shape[:2], *self.shape))
        return y.flatten(2).mean(0)


class Looped(nn.Module):
    """A linear layer, a cell that is given its state, and a linear layer, in a loop over time."""

    def __init__(self, cell: nn.Module, features: int = 6, hidden: int = 8, width: int = 8) -> None:
        super().__init__()
        self.first, self.cell, self.second = lively_linear(features, hidden), cell, None
        self.second = lively_linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, features] to [N, outputs]."""
        state, given = None, []
        for step in x:
            spikes, state = self.cell(self.first(step), state)
            given.append(self.second(spikes))
        return torch.stack(given).mean(0)


def lively_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer whose neurons fire, some of them often."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 1.2 / math.sqrt(inputs), 1.5 / math.sqrt(inputs))
    return layer
