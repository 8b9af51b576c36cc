"""sinabs' layers and networks, read by what PyTorch executes: docs/measured/coverage.md."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.state import reset_states
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.verify.float_judge import Verifier

pytest.importorskip("sinabs", reason="sinabs is not here: make test-environments")
import sinabs.layers as sl
from sinabs import activation
from sinabs.from_torch import from_model

STEPS = 5


def lively(inputs, outputs):
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0.4, 0.6)
    return layer


class Scores(nn.Module):
    """Layers over [N, T, ...]."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).flatten(2).mean(1)


NEURONS = {
    "IAF": lambda: sl.IAF(),
    "a floor": lambda: sl.IAF(min_v_mem=-1.0),
    "one spike": lambda: sl.IAF(spike_fn=activation.SingleSpike),
    "at most 2": lambda: sl.IAF(spike_fn=activation.MaxSpike(2)),
    "reset to 0": lambda: sl.IAF(reset_fn=activation.MembraneReset()),
    "LIF": lambda: sl.LIF(tau_mem=10.0, tau_syn=5.0),
    "ALIF": lambda: sl.ALIF(tau_mem=10.0, tau_adapt=20.0),
    "ALIFRecurrent": lambda: sl.ALIFRecurrent(
        tau_mem=10.0, tau_adapt=20.0, rec_connect=nn.Sequential(nn.Flatten(), nn.Linear(8, 8))
    ),
}


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_means_what_sinabs_computes(name):
    """Reading compares the graph with the model."""
    torch.manual_seed(0)
    net = Scores(lively(6, 8), NEURONS[name](), lively(8, 3)).eval()
    graph = import_module(Driven(net, batch_first=True, readout=None), (6,), STEPS)
    assert {"cell", "neuron"} & {node.op.name for node in graph}


def test_states_are_forgotten_whatever_batch_comes():
    net = Scores(lively(6, 8), sl.IAF(), lively(8, 3)).eval()
    x = torch.poisson(torch.ones(3, STEPS, 6))
    with torch.no_grad():
        first = net(x)
        for batch in (x, x[:1]):
            reset_states(net)
            assert torch.equal(net(batch), first[: len(batch)])


class FromModel(nn.Module):
    """A CNN that sinabs turned into an SNN, with time folded into the batch."""

    def __init__(self):
        super().__init__()
        cnn = nn.Sequential(
            *(nn.Conv2d(2, 4, 3, bias=False), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
            *(nn.Linear(16, 3, bias=False), nn.ReLU()),
        )
        for layer in (cnn[0], cnn[4]):
            nn.init.normal_(layer.weight, 0.15, 0.4)
        self.net = from_model(cnn, input_shape=(2, 6, 6), num_timesteps=STEPS).spiking_model

    def forward(self, x):
        return self.net(x.flatten(0, 1)).unflatten(0, (-1, STEPS)).mean(1)


def test_a_converted_network_is_proven(tmp_path):
    torch.manual_seed(0)
    model = Driven(FromModel(), batch_first=True, readout=None).eval()
    graph = import_module(model, (2, 6, 6), STEPS)
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    rng = np.random.default_rng(0)
    for _ in range(2):
        verifier.verify(rng.poisson(0.8, (STEPS, 2, 6, 6)).astype(np.uint16))
    assert verifier.result.passed
