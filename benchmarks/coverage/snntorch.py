"""Every neuron of snnTorch, and networks as its tutorials build them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import snntorch
import torch
from torch import Tensor, nn

from benchmarks.coverage.rows import Row, lively_linear

PACKAGE = "snntorch"
T = 5

NEURONS: dict[str, Callable[[], nn.Module]] = {
    "Leaky": lambda: snntorch.Leaky(beta=0.9, init_hidden=True),
    "Synaptic": lambda: snntorch.Synaptic(alpha=0.8, beta=0.9, init_hidden=True),
    "Lapicque": lambda: snntorch.Lapicque(R=1.0, C=5.0, time_step=1.0, init_hidden=True),
    "Alpha": lambda: snntorch.Alpha(alpha=0.9, beta=0.8, init_hidden=True),
    "RLeaky": lambda: snntorch.RLeaky(beta=0.9, linear_features=8, init_hidden=True),
    "RSynaptic": lambda: snntorch.RSynaptic(
        alpha=0.8, beta=0.9, linear_features=8, init_hidden=True
    ),
    "LeakyParallel": lambda: snntorch.LeakyParallel(input_size=6, hidden_size=8, beta=0.9),
    "SLSTM": lambda: snntorch.SLSTM(8, 8, init_hidden=True),
    "SConv2dLSTM": lambda: snntorch.SConv2dLSTM(2, 3, 3, init_hidden=True),
    "GradedSpikes": lambda: snntorch.GradedSpikes(size=1, constant_factor=1.5),
    "StateLeaky": lambda: snntorch.StateLeaky(beta=0.9, channels=8),
    "LinearLeaky": lambda: snntorch.LinearLeaky(beta=0.9, in_features=6, out_features=8),
    "AssociativeLeaky": lambda: snntorch.AssociativeLeaky(6, 2, 4, 8),
}
PER_STEP = (("per_step", True), ("readout", "mean"))
OPTIONS = [{"reset_mechanism": "zero"}, {"reset_mechanism": "none"}, {"threshold": 0.5},
           {"reset_delay": False}]  # fmt: skip


def _stepped(make: Callable[[], nn.Module]) -> nn.Module:
    return nn.Sequential(lively_linear(6, 8), make(), lively_linear(8, 3)).eval()


class Sequence(nn.Module):
    """A neuron that takes the whole window."""

    def __init__(self, first: nn.Module, neuron: nn.Module, width: int = 8) -> None:
        super().__init__()
        self.first, self.neuron, self.last = first, neuron, lively_linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, 6] to [N, 3]."""
        given = self.neuron(self.first(x))
        spikes = given[0] if isinstance(given, tuple) else given
        mean: Tensor = self.last(spikes).mean(0)
        return mean


class Convolved(nn.Module):
    """A convolutional LSTM, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = NEURONS["SConv2dLSTM"]()
        self.last = lively_linear(3 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 2, 4, 4] to [N, 3]."""
        scores: Tensor = self.last(self.cell(x).flatten(1))
        return scores


class Tutorial(nn.Module):
    """Tutorial 5: states made in forward, spikes and potentials of each step stacked."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.fc1, self.lif1 = lively_linear(6, 8), snntorch.Leaky(beta=0.95, **options)
        self.fc2, self.lif2 = lively_linear(8, 3), snntorch.Leaky(beta=0.95, **options)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[T, N, 6] to spikes and potentials, each [T, N, 3]."""
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, potentials = [], []
        for step in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
            potentials.append(mem2)
        return torch.stack(spikes, dim=0), torch.stack(potentials, dim=0)


class Convolutional(nn.Module):
    """Tutorial 6 and 7: convolution, max pool, neuron, per step with init_hidden."""

    def __init__(self) -> None:
        super().__init__()
        hidden = {"beta": 0.5, "init_hidden": True}
        self.net = nn.Sequential(
            *(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), snntorch.Leaky(**hidden)),
            *(nn.Conv2d(4, 6, 2), snntorch.Leaky(**hidden), nn.Flatten()),
            *(nn.Linear(24, 3), snntorch.Leaky(**hidden, output=True)),
        )
        for module in self.net:
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, 0.1, 0.4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 2, 8, 8] to spikes and potential, each [N, 3]."""
        given: tuple[Tensor, Tensor] = self.net(x)
        return given


class Population(nn.Module):
    """Population coding: many output neurons for each class."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            lively_linear(6, 8),
            snntorch.Leaky(beta=0.9, init_hidden=True),
            lively_linear(8, 12),
            snntorch.Leaky(beta=0.9, init_hidden=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, 6] to the sums of three groups of four [N, 3]."""
        spikes = self.net(x)
        sums: Tensor = torch.stack([s.sum(1) for s in spikes.split(4, dim=1)], 1)
        return sums


class Regression(nn.Module):
    """Tutorial on regression: the membrane of a neuron that never resets is the output."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.lif1 = lively_linear(6, 8), snntorch.Leaky(beta=0.9, learn_beta=True)
        self.fc2 = lively_linear(8, 3)
        self.out = snntorch.Leaky(beta=0.8, reset_mechanism="none", learn_threshold=True)

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, 6] to potentials [T, N, 3]."""
        mem1, mem2 = self.lif1.init_leaky(), self.out.init_leaky()
        found = []
        for step in x:
            spk1, mem1 = self.lif1(self.fc1(step), mem1)
            _, mem2 = self.out(self.fc2(spk1), mem2)
            found.append(mem2)
        return torch.stack(found)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], dict[str, Any]]] = {
    "tutorial 5: all steps": (Tutorial, (6,), {"readout": "none", "all_outputs": True}),
    "tutorial 5: rate": (Tutorial, (6,), {"readout": "sum"}),
    "tutorial 5: last potential": (Tutorial, (6,), {"readout": "last", "all_outputs": True}),
    "tutorial 5: largest potential": (Tutorial, (6,), {"readout": "max", "all_outputs": True}),
    "tutorial 6: convolutions": (Convolutional, (2, 8, 8), {"per_step": True, "readout": "sum"}),
    "tutorial 6: both outputs": (
        Convolutional, (2, 8, 8), {"per_step": True, "readout": "mean", "all_outputs": True}),
    "population coding": (Population, (6,), {"per_step": True, "readout": "sum"}),
    "regression: potentials": (Regression, (6,), {"readout": "none"}),
}  # fmt: skip


def rows() -> Iterator[Row]:
    """What this release has."""
    sequences = {
        "LeakyParallel": nn.Identity,
        "StateLeaky": lambda: lively_linear(6, 8),
        "LinearLeaky": nn.Identity,
        "AssociativeLeaky": nn.Identity,
    }
    for name, make in NEURONS.items():
        if not hasattr(snntorch, name):
            continue
        if name in sequences:
            first, width = sequences[name], 4 if name == "AssociativeLeaky" else 8
            net = lambda f=first, m=make, w=width: Sequence(f(), m(), w).eval()  # noqa: E731
            yield Row("neurons", name, net, (6,), T)
        elif name == "SConv2dLSTM":
            yield Row("neurons", name, lambda: Convolved().eval(), (2, 4, 4), T, PER_STEP)
        else:
            yield Row("neurons", name, lambda m=make: _stepped(m), (6,), T, PER_STEP)
    for options in OPTIONS:
        made = {"beta": 0.9, "init_hidden": True, **options}
        text = ", ".join(f"{key}={value}" for key, value in options.items())
        one = lambda o=made: _stepped(lambda: snntorch.Leaky(**o))  # noqa: E731
        yield Row("neurons", f"Leaky({text})", one, (6,), T, PER_STEP)
    for name, (make, shape, given) in NETWORKS.items():
        yield Row("networks", name, lambda m=make: m().eval(), shape, T, tuple(given.items()))
