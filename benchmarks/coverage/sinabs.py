"""sinabs' layers over [N, T, ...], and networks as from_model makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sinabs.activation as activation
import sinabs.layers as sl
from sinabs.from_torch import from_model
from torch import Tensor, nn

from benchmarks.coverage.rows import Row, lively_linear

PACKAGE = "sinabs"
T = 5
BATCH_FIRST = (("batch_first", True), ("readout", None))


class Scores(nn.Module):
    """Layers over [N, T, ...]; gives the mean over time."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """[N, T, features] to [N, outputs]."""
        y: Tensor = self.layers(x)
        return y.flatten(2).mean(1)


def _neuron(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: Scores(lively_linear(6, 8), make(), lively_linear(8, 3)).eval()


def _squeezed(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Time folded into the batch."""
    return lambda: Scores(
        sl.FlattenTime(), lively_linear(6, 8), make(), lively_linear(8, 3), _Unflatten()
    ).eval()


class _Unflatten(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """[N*T, features] to [N, T, features]."""
        return x.unflatten(0, (-1, T))


def _recurrent() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(8, 8))


NEURONS: dict[str, Callable[[], nn.Module]] = {
    "IAF": _neuron(lambda: sl.IAF()),
    "IAF(min_v_mem)": _neuron(lambda: sl.IAF(min_v_mem=-1.0)),
    "IAF(SingleSpike)": _neuron(lambda: sl.IAF(spike_fn=activation.SingleSpike)),
    "IAF(MaxSpike)": _neuron(lambda: sl.IAF(spike_fn=activation.MaxSpike(2))),
    "IAF(MembraneReset)": _neuron(lambda: sl.IAF(reset_fn=activation.MembraneReset())),
    "IAF(tau_syn)": _neuron(lambda: sl.IAF(tau_syn=5.0)),
    "LIF": _neuron(lambda: sl.LIF(tau_mem=10.0)),
    "LIF(tau_syn)": _neuron(lambda: sl.LIF(tau_mem=10.0, tau_syn=5.0)),
    "LIF(norm_input=False)": _neuron(lambda: sl.LIF(tau_mem=10.0, norm_input=False)),
    "ALIF": _neuron(lambda: sl.ALIF(tau_mem=10.0, tau_adapt=20.0)),
    "ExpLeak": _neuron(lambda: sl.ExpLeak(tau_mem=10.0)),
    "IAFSqueeze": _squeezed(lambda: sl.IAFSqueeze(num_timesteps=T)),
    "LIFSqueeze": _squeezed(lambda: sl.LIFSqueeze(tau_mem=10.0, num_timesteps=T)),
    "ExpLeakSqueeze": _squeezed(lambda: sl.ExpLeakSqueeze(tau_mem=10.0, num_timesteps=T)),
    "IAFRecurrent": _neuron(lambda: sl.IAFRecurrent(rec_connect=_recurrent())),
    "LIFRecurrent": _neuron(lambda: sl.LIFRecurrent(tau_mem=10.0, rec_connect=_recurrent())),
    "ALIFRecurrent": _neuron(
        lambda: sl.ALIFRecurrent(tau_mem=10.0, tau_adapt=20.0, rec_connect=_recurrent())
    ),
}


def _mapped(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: Scores(
        sl.Repeat(nn.Conv2d(2, 4, 3, padding=1)), sl.IAF(), sl.Repeat(make()), sl.IAF()
    ).eval()


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "SumPool2d": _mapped(lambda: sl.SumPool2d(2)),
    "Cropping2dLayer": _mapped(lambda: sl.Cropping2dLayer(((1, 1), (1, 1)))),
    "ChannelShift": _mapped(lambda: sl.ChannelShift(2)),
    "SpikingMaxPooling2dLayer": lambda: Scores(
        sl.Repeat(nn.Conv2d(2, 4, 3, padding=1)),
        sl.IAF(spike_fn=activation.SingleSpike),
        sl.SpikingMaxPooling2dLayer((2, 2)),
    ).eval(),
    "NeuromorphicReLU": _mapped(lambda: sl.NeuromorphicReLU()),
    "QuantizeLayer": _mapped(lambda: sl.QuantizeLayer()),
}


class FromModel(nn.Module):
    """A CNN that from_model turned into an SNN, time folded into the batch."""

    def __init__(self) -> None:
        super().__init__()
        cnn = nn.Sequential(
            *(nn.Conv2d(2, 4, 3, bias=False), nn.ReLU(), nn.AvgPool2d(2)),
            *(nn.Conv2d(4, 6, 2, bias=False), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(24, 3, bias=False), nn.ReLU()),
        )
        for module in cnn:
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, 0.1, 0.4)
        self.net = from_model(cnn, input_shape=(2, 8, 8), num_timesteps=T).spiking_model

    def forward(self, x: Tensor) -> Tensor:
        """[N, T, 2, 8, 8] to [N, 3]."""
        y: Tensor = self.net(x.flatten(0, 1))
        return y.unflatten(0, (-1, T)).mean(1)


def rows() -> Iterator[Row]:
    """What this release has."""
    for name, make in NEURONS.items():
        yield Row("neurons", name, make, (6,), T, BATCH_FIRST)
    for name, make in LAYERS.items():
        yield Row("layers", name, make, (2, 6, 6), T, BATCH_FIRST)
    yield Row("networks", "from_model", lambda: FromModel().eval(), (2, 8, 8), T, BATCH_FIRST)
