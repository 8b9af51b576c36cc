"""Networks of every kind that the frontends read, each with what its forward takes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from tests.support.networks.captured_models import Model
from tests.support.networks.lively import lively_network

STEPS = 4

Case = tuple[Callable[[], nn.Module], tuple[int, ...], dict[str, Any]]
"""Makes the model; shape of a step; arguments of ``snnc.check``."""


def own() -> Iterator[tuple[str, Case]]:
    """The paper's network, with and without attention; residual ones have a test of their own."""
    hyper = {"input_size": (2, 12, 12), "time_steps": STEPS}
    for attention in ("none", "tcsa", "asa1"):
        yield f"own-{attention}", (lambda a=attention: lively_network(a, **hyper), (2, 12, 12), {})


def fired(u: torch.Tensor) -> torch.Tensor:
    return (u >= 1.0).float()


def quadratic(u, s, x):
    u = u * (1 - s)
    return u + 0.2 * (u * (u - 0.5)) + 0.3 * x, fired


def exponential(u, s, x):
    return 0.8 * u * (1 - s) + 0.1 * torch.exp((u - 1.0).clamp(max=2.0)) + x, fired


def ternary(u, s, x):
    return 0.5 * u + x - s, lambda u: (u >= 1.0).float() - (u <= -1.0).float()


def integer(u, s, x):
    return 0.9 * u + x - s, lambda u: u.clamp(0, 4).floor()


def graded(u, s, x):
    return torch.tanh(0.5 * u + x), lambda u: u


def leaky(u, s, x):
    return 0.9 * u * (1 - s) + x, fired


def looped(step: Callable[..., Any], gives: Callable[[list[Any], list[Any]], Any]) -> nn.Module:
    """A neuron between two linear layers, in a loop; ``gives`` makes the output of all steps'
    second layer and potentials."""

    def forward(m: Any, x: torch.Tensor) -> Any:
        u = s = torch.zeros(x.shape[1], 5)
        outputs, potentials = [], []
        for t in range(x.shape[0]):
            u, fire = step(u, s, m.first(x[t]))
            s = fire(u)
            outputs.append(m.second(s))
            potentials.append(u)
        return gives(outputs, potentials)

    return Model(forward)


def mean(outputs: list[Any], _: list[Any]) -> Any:
    return torch.stack(outputs).mean(0)


READOUTS: dict[str, Callable[[list[Any], list[Any]], Any]] = {
    "mean": mean,
    "sum": lambda outputs, _: torch.stack(outputs).sum(0),
    "last": lambda outputs, _: outputs[-1],
    "max": lambda outputs, _: torch.stack(outputs).max(0).values,
    "potential": lambda _, potentials: potentials[-1],
    "two": lambda outputs, potentials: (torch.stack(outputs).mean(0), potentials[-1]),
}


def captured() -> Iterator[tuple[str, Case]]:
    """Neurons and readouts that somebody writes in plain PyTorch."""
    for step in (quadratic, exponential, ternary, integer, graded, leaky):
        yield f"cell-{step.__name__}", (lambda s=step: looped(s, mean), (6,), {})
    for name, gives in READOUTS.items():
        yield f"readout-{name}", (lambda g=gives: looped(leaky, g), (6,), {})
    yield "readout-every-step", (lambda: Every(), (6,), {"readout": "mean"})
    yield "no-neuron", (lambda: Model(lambda m, x: m.second(m.first(x).relu()).mean(0)), (6,), {})
    yield "maps", (lambda: Model(maps), (2, 6, 6), {})


class Every(nn.Module):
    """Gives its output at every step."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        u, out = torch.zeros(x.shape[1], 8), []
        for step in x:
            u = 0.8 * u + self.first(step)
            s = (u >= 0.5).float()
            u = u - s
            out.append(self.second(s))
        return torch.stack(out)


def maps(m: Any, x: torch.Tensor) -> torch.Tensor:
    """A convolution that fires, pooled, and potentials behind it."""
    u = torch.zeros(x.shape[1], 5, 6, 6)
    total = torch.zeros(x.shape[1], 5)
    for t in range(x.shape[0]):
        u = 0.5 * u + m.conv(x[t])
        s = (u >= 0.5).float()
        u = u * (1 - s)
        total = total + nn.functional.max_pool2d(s, 6).flatten(1)
    return m.second(total)


def snntorch() -> Iterator[tuple[str, Case]]:
    """snnTorch's neurons, one time step a call."""
    import snntorch as snn

    made = {
        "leaky": lambda: snn.Leaky(beta=0.9, init_hidden=True),
        "leaky-zero": lambda: snn.Leaky(beta=0.9, reset_mechanism="zero", init_hidden=True),
        "leaky-none": lambda: snn.Leaky(beta=0.9, reset_mechanism="none", init_hidden=True),
        "synaptic": lambda: snn.Synaptic(alpha=0.8, beta=0.9, init_hidden=True),
        "lapicque": lambda: snn.Lapicque(beta=0.9, init_hidden=True),
        "rleaky": lambda: snn.RLeaky(beta=0.9, linear_features=8, init_hidden=True),
        "alpha": lambda: snn.Alpha(alpha=0.9, beta=0.8, init_hidden=True),
    }
    for name, neuron in made.items():
        options = {"per_step": True, "readout": "sum"}
        yield f"snntorch-{name}", (lambda n=neuron: _between(n), (6,), options)


def spikingjelly() -> Iterator[tuple[str, Case]]:
    """SpikingJelly's neurons, one time step a call, and one that takes the window."""
    from spikingjelly.activation_based import neuron

    names = ("IFNode", "LIFNode", "ParametricLIFNode", "QIFNode", "EIFNode", "IzhikevichNode")
    for name in (*names, "KLIFNode"):
        if hasattr(neuron, name):
            kind = getattr(neuron, name)
            options = {"per_step": True, "readout": "mean"}
            yield f"spikingjelly-{name}", (lambda k=kind: _between(k), (6,), options)
    if hasattr(neuron, "NonSpikingLIFNode"):  # takes the window, and gives one potential of it
        kind = neuron.NonSpikingLIFNode
        yield (
            "spikingjelly-NonSpikingLIFNode",
            (lambda: _between(lambda: kind(decode="mean-mem")), (6,), {}),
        )


def _between(neuron: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 8), neuron(), nn.Linear(8, 3))
    for layer in (model[0], model[2]):
        nn.init.normal_(layer.weight, 0.3, 0.4)
    return model.eval()


def cases() -> dict[str, Case]:
    """All of them, as far as their frameworks are installed."""
    found = dict(own()) | dict(captured())
    for name, group in (("snntorch", snntorch), ("spikingjelly", spikingjelly)):
        if importlib.util.find_spec(name):
            found |= dict(group())
    return found
