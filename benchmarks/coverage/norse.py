"""norse's neurons in its SequentialState, its cells in loops over time, its networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import norse.torch as norse
import torch
from torch import Tensor, nn

from benchmarks.coverage.rows import Looped, Row

PACKAGE = "norse"
T = 6
FAST = 0.005
"""Seconds a step: norse's default of 1 ms moves nothing in a few steps."""


def strong(inputs: int, outputs: int) -> nn.Linear:
    """Currents that make norse's neurons fire within a few steps."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 2.0, 3.0)
    return layer


class Scores(nn.Module):
    """A sequence of layers over [T, N, ...]; gives the mean over time."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = norse.SequentialState(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, features] to [N, outputs]."""
        y, _ = self.layers(x)
        return y.flatten(2).mean(0)


def _sequence(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: Scores(strong(6, 8), make(), strong(8, 3)).eval()


def _recurrent(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: Scores(strong(6, 4), make(), strong(8, 3)).eval()


def _looped(make: Callable[[], nn.Module], hidden: int = 8) -> Callable[[], nn.Module]:
    def made() -> nn.Module:
        model = Looped(make(), hidden=hidden)
        model.first = strong(6, hidden)
        return model.eval()

    return made


class Convolutional(nn.Module):
    """Convolutions, pools and neurons in a SequentialState, in a loop over time; the leaky
    integrator's largest potential decides, as in norse's MNIST task."""

    def __init__(self) -> None:
        super().__init__()
        self.net = norse.SequentialState(
            *(nn.Conv2d(2, 4, 3), norse.LIFCell(dt=FAST), nn.MaxPool2d(2)),
            *(nn.Conv2d(4, 6, 2), norse.LIFCell(dt=FAST), nn.Flatten()),
            norse.LILinearCell(24, 3, dt=FAST),
        )
        nn.init.normal_(self.net[0].weight, 1.0, 2.0)
        nn.init.normal_(self.net[3].weight, 1.0, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, 2, 8, 8] to [N, 3]."""
        state, voltages = None, []
        for step in x:
            v, state = self.net(step, state)
            voltages.append(v)
        largest, _ = torch.max(torch.stack(voltages), 0)
        return largest


class Memory(nn.Module):
    """A recurrent network and a leaky readout, as norse's memory task."""

    def __init__(self) -> None:
        super().__init__()
        self.lsnn = norse.LSNNRecurrent(6, 8, dt=FAST)
        self.readout = norse.LILinearCell(8, 3, dt=FAST)
        nn.init.normal_(self.lsnn.input_weights, 1.0, 3.0)

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, 6] to [N, 3]."""
        spikes, _ = self.lsnn(x)
        state, y = None, x
        for step in spikes:
            y, state = self.readout(step, state)
        return y


ROWS: dict[str, Callable[[], nn.Module]] = {
    **{
        name: _sequence(lambda name=name: getattr(norse, name)(dt=FAST))
        for name in ("LIF", "LIFAdEx", "LIFEx", "LI", "IAF", "LSNN")
    },
    "Izhikevich": _sequence(lambda: norse.Izhikevich(norse.tonic_spiking)),
    **{
        name: _recurrent(lambda name=name: getattr(norse, name)(4, 8, dt=FAST))
        for name in (
            "LIFRecurrent", "LIFAdExRecurrent", "LIFExRecurrent", "LIFRefracRecurrent",
            "LSNNRecurrent", "LIFAdExRefracRecurrent",
        )
    },
    **{
        name: _looped(lambda name=name: getattr(norse, name)(dt=FAST))
        for name in (
            "LIFCell", "LIFRefracCell", "LIFAdExCell", "LIFExCell", "LICell", "LIBoxCell",
            "LIFBoxCell", "LIFAdExRefracCell", "LSNNCell", "IAFCell",
        )
    },
    **{
        name: _looped(lambda name=name: getattr(norse, name)(4, 8, dt=FAST), 4)
        for name in (
            "LIFRecurrentCell", "LIFRefracRecurrentCell", "CobaLIFCell", "LIFMCRecurrentCell",
            "LIFMCRefracRecurrentCell", "LILinearCell",
        )
    },
    "Lift": lambda: Scores(norse.Lift(strong(6, 8)), norse.LIF(dt=FAST), strong(8, 3)).eval(),
}  # fmt: skip
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolutions, largest potential": (lambda: Convolutional().eval(), (2, 8, 8)),
    "memory task": (lambda: Memory().eval(), (6,)),
    "two LIF layers": (
        lambda: Scores(
            strong(6, 8), norse.LIF(dt=FAST), strong(8, 8), norse.LIF(dt=FAST), strong(8, 3),
            norse.LI(dt=FAST),
        ).eval(),
        (6,),
    ),
}  # fmt: skip


def rows() -> Iterator[Row]:
    """What this release has."""
    for name, make in ROWS.items():
        if hasattr(norse, name):
            yield Row("neurons", name, make, (6,), T)
    for name, (make, shape) in NETWORKS.items():
        yield Row("networks", name, make, shape, T)
