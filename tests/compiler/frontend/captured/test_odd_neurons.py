"""Neurons that nobody has seen need no importer: written in PyTorch, they are proven."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind
from snnc.compiler.verify.float_judge import Verifier

STEPS, FEATURES = 6, 6


class TwoStates(nn.Module):
    """A resonator: the potential turns with a second state, and a spike kicks both."""

    def start(self, like: Tensor) -> tuple[Tensor, ...]:
        return torch.zeros_like(like), torch.zeros_like(like)

    def step(self, x: Tensor, v: Tensor, w: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        v, w = 0.8 * v - 0.5 * w + x, 0.5 * v + 0.8 * w
        s = (v >= 1.0).float()
        return s, (v - 0.6 * s, w + 0.3 * s)


class Exponential(nn.Module):
    """The leak follows the potential's own exponential, and never is more than 1."""

    def start(self, like: Tensor) -> tuple[Tensor, ...]:
        return (torch.full_like(like, -0.2),)

    def step(self, x: Tensor, v: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        v = v * torch.exp(-v.abs()).clamp(0.1, 1.0) + torch.tanh(x)
        s = (v > 0.7).float()
        return s, (torch.where(s > 0, torch.full_like(v, -0.2), v),)


class AdaptiveThreshold(nn.Module):
    """The threshold, another one for each neuron, jumps with each spike and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = nn.Parameter(torch.linspace(0.5, 1.5, 8))

    def start(self, like: Tensor) -> tuple[Tensor, ...]:
        return torch.zeros_like(like), torch.zeros_like(like)

    def step(self, x: Tensor, v: Tensor, a: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        v = 0.9 * v + x
        s = (v - (self.rest + a) >= 0).float()
        return s, (v * (1 - s), 0.7 * a + 0.4 * s)


class Refractory(nn.Module):
    """After a spike it counts two steps down in which it neither integrates nor fires."""

    def start(self, like: Tensor) -> tuple[Tensor, ...]:
        return torch.zeros_like(like), torch.zeros_like(like)

    def step(self, x: Tensor, v: Tensor, rest: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        awake = rest == 0
        v = torch.where(awake, 0.9 * v + x, v)
        s = ((v >= 1.0) & awake).float()
        return s, (v - v * s, torch.maximum(rest - 1, torch.zeros_like(rest)) + 2 * s)


class Graded(nn.Module):
    """It gives how far the potential is above the threshold, in quarters, at most 3 of them."""

    def start(self, like: Tensor) -> tuple[Tensor, ...]:
        return (torch.zeros_like(like),)

    def step(self, x: Tensor, v: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        v = 0.9 * v + x
        grade = torch.floor((v - 0.5) * 4).clamp(0, 3)
        return grade, (v - 0.25 * grade,)


class Network(nn.Module):
    def __init__(self, neuron: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first, self.neuron, self.last = nn.Linear(FEATURES, 8), neuron, nn.Linear(8, 3)
        nn.init.normal_(self.first.weight, 0.3, 0.6)

    def forward(self, x: Tensor) -> Tensor:
        currents = self.first(x)
        states, given = self.neuron.start(currents[0]), []
        for current in currents:
            out, states = self.neuron.step(current, *states)
            given.append(self.last(out))
        return torch.stack(given).mean(0)


KINDS = {
    TwoStates: Kind.SPIKE,
    Exponential: Kind.SPIKE,
    AdaptiveThreshold: Kind.SPIKE,
    Refractory: Kind.SPIKE,
    Graded: Kind.COUNT,
}


@pytest.mark.parametrize("neuron", KINDS, ids=lambda cls: cls.__name__)
def test_a_neuron_that_nobody_has_seen_is_proven(neuron, tmp_path):
    model = Network(neuron()).eval()
    graph = import_module(model, (FEATURES,), STEPS)
    *_, cell = (node for node in graph if node.op.name == "cell")
    assert cell.type.kind is KINDS[neuron]
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    rng = np.random.default_rng(1)
    for _ in range(3):
        verifier.verify(rng.poisson(0.7, (STEPS, FEATURES)).astype(np.uint16))
    assert verifier.result.passed
    assert verifier.result.same_class == 3
    (layer,) = verifier.result.layers
    assert layer.compared == 3 * STEPS * 8
    assert verifier.activity.fired[cell.name] > 0
