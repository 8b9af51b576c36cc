"""Reading small models by what PyTorch executes, and comparing the graph with the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snnc.compiler.frontend.capture import capture
from snnc.compiler.frontend.understand.captured_model import import_captured
from snnc.compiler.ir.graph import Graph
from snnc.compiler.passes.pipeline import lowered
from snnc.compiler.verify import meaning
from snnc.errors import UNSUPPORTED_LAYER, SnncError

STEPS, SAMPLES = 5, 3


class Model(nn.Module):
    """A forward with two linear layers and a convolution at hand, with drawn weights."""

    def __init__(self, forward: Callable[[Model, Tensor], Any], features: int = 6) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Linear(features, 5)
        self.second = nn.Linear(5, 3)
        self.third = nn.Linear(5, 5)
        self.conv = nn.Conv2d(2, 5, 3, padding=1)
        self.norm = nn.BatchNorm1d(5)
        for parameter in self.parameters():
            nn.init.normal_(parameter, 0.2, 0.5)
        nn.init.uniform_(self.norm.running_var, 0.5, 2.0)
        nn.init.normal_(self.norm.running_mean)
        self.function = forward
        self.eval()

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def read(model: nn.Module, shape: tuple[int, ...] = (6,), steps: int = STEPS) -> Graph:
    """The graph of a model by what PyTorch executes."""
    captured = capture(model, (torch.ones(steps, SAMPLES, *shape),), steps=steps)
    return import_captured(captured, shape, steps)


def same(model: nn.Module, shape: tuple[int, ...] = (6,), steps: int = STEPS) -> Graph:
    """The graph, which gives what the model gives: every spike, and outputs within the bound."""
    graph = read(model, shape, steps)
    assert meaning.difference(model, graph) == ""
    lowered(graph)  # which checks it
    return graph


def same_or_refused(model: nn.Module, shape: tuple[int, ...] = (6,), steps: int = STEPS) -> bool:
    """Whether the model is read; then it gives the same. Otherwise its line is named."""
    caught = None
    try:
        same(model, shape, steps)
    except SnncError as error:
        caught = error
    if caught is None:
        return True
    assert caught.code is UNSUPPORTED_LAYER
    assert ".py:" in caught.where
    return False


def refused(model: nn.Module, says: str, shape: tuple[int, ...] = (6,)) -> SnncError:
    """The refusal of a model, which names a line of the test."""
    with pytest.raises(SnncError, match=says) as caught:
        read(model, shape)
    assert caught.value.code is UNSUPPORTED_LAYER
    assert ".py:" in caught.value.where
    return caught.value


def ops(graph: Graph) -> list[str]:
    """The operators of a graph, without its input."""
    return [node.op.name for node in graph if node.op.name != "input"]


def neuron(graph: Graph) -> dict[str, Any]:
    """What the only neuron of a graph is."""
    (found,) = (node for node in graph if node.op.name == "neuron")
    own = {role: np.squeeze(value).tolist() for role, value in graph.params_of(found).items()}
    return {**found.op.settings, **own}


def lif(u: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """One step of a neuron: its potential after the reset, and its spikes."""
    u = 0.5 * u + x
    spikes = (u >= 1.0).float()
    return torch.where(u >= 1.0, 0.0, u), spikes
