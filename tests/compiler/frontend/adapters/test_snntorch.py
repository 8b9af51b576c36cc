"""snnTorch: each neuron and reset, in each of the usual ways to write a network, against itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import survey
from tests.support.networks import driven
from tests.support.networks.driven import SHAPE, STEPS

snn = pytest.importorskip("snntorch", reason="snntorch is not here: make test-environments")


def neuron(name, reset, **options):
    given = {
        "Leaky": {"beta": 0.8},
        "Synaptic": {"alpha": 0.7, "beta": 0.6},
        "Alpha": {"alpha": 0.9, "beta": 0.6},
        "Lapicque": {"beta": torch.tensor(0.8), "time_step": 1.0, "R": 2.0},
    }[name]
    return getattr(snn, name)(**given | options, reset_mechanism=reset)


class Looped(nn.Module):
    """The loop over time in forward, states passed by hand."""

    def __init__(self, name, reset):
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.lif1 = neuron(name, reset)
        self.fc = nn.Linear(5 * 4 * 4, 10)
        self.lif2 = neuron(name, reset, threshold=torch.linspace(0.3, 1.2, 10))

    def forward(self, x):
        first, second = self.lif1.reset_mem(), self.lif2.reset_mem()
        first = first if isinstance(first, tuple) else (first,)
        second = second if isinstance(second, tuple) else (second,)
        spikes, potentials = [], []
        for step in range(x.size(0)):
            current = self.pool(self.conv(x[step]))
            spk, *first = self.lif1(current, *first)
            spk, *second = self.lif2(self.fc(spk.view(spk.size(0), -1)), *second)
            spikes.append(spk)
            potentials.append(second[-1])
        return torch.stack(spikes, dim=0).sum(dim=0), torch.stack(potentials, dim=0)


def verified(model, tmp_path, **driving):
    driven.verified(model, tmp_path, (0.05, 0.4), "conv2d", 1, **driving)


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("name", ["Leaky", "Synaptic", "Lapicque"])
def test_loop_in_forward(name, reset, tmp_path):
    verified(Looped(name, reset), tmp_path, readout=None)


def test_alpha_without_reset(tmp_path):
    verified(Looped("Alpha", "none"), tmp_path, readout=None)


@pytest.mark.parametrize("name", ["Leaky", "Synaptic", "Lapicque"])
def test_step_module_called_in_a_loop(name, tmp_path):
    """init_hidden, output=True: the usual nn.Sequential, learned decay and threshold."""
    learned = {"learn_threshold": True} | ({"learn_beta": True} if name == "Leaky" else {})
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1),
        nn.MaxPool2d(2),
        neuron(name, "subtract", init_hidden=True, **learned),
        nn.Flatten(),
        nn.Linear(80, 10),
        neuron(name, "zero", init_hidden=True, output=True),
    )
    verified(model, tmp_path, per_step=True, readout="sum")


def test_running_sum_over_the_loop(tmp_path):
    class Summed(Looped):
        def forward(self, x):
            first, second, total = self.lif1.reset_mem(), self.lif2.reset_mem(), 0
            for step in x:
                spk, first = self.lif1(self.pool(self.conv(step)), first)
                spk, second = self.lif2(self.fc(spk.flatten(1)), second)
                total = total + spk
            return total / len(x)

    verified(Summed("Leaky", "subtract"), tmp_path, readout=None)


def refusals(model, **driving):
    importing, _ = survey(Driven(model, **driving), SHAPE, STEPS)
    return importing.unsupported


def test_a_neuron_called_twice_a_step_is_read_from_what_it_executes():
    class Crossed(Looped):
        def forward(self, x):
            first, second, spikes = self.lif1.reset_mem(), self.lif2.reset_mem(), []
            for step in x:
                spk, first = self.lif1(self.pool(self.conv(step)), first)
                spk, second = self.lif2(self.fc(spk.flatten(1)), second)
                spk, second = self.lif2(
                    self.fc(self.lif1(self.pool(self.conv(step)), first)[0].flatten(1)), second
                )
                spikes.append(spk)
            return torch.stack(spikes)

    driven.read_by_execution(Crossed("Leaky", "subtract"), readout="mean")


def test_half_a_loop_is_refused():
    class Half(Looped):
        def forward(self, x):
            first, spikes = self.lif1.reset_mem(), []
            for step in range(x.size(0) // 2):
                spk, first = self.lif1(self.conv(x[step]), first)
                spikes.append(spk)
            return torch.stack(spikes)

    (entry,) = refusals(Half("Leaky", "subtract"), readout="mean")
    assert "the 6 steps of one value" in entry.reason
    assert f"{__file__}:" in entry.source


def test_a_membrane_readout_is_a_cell():
    class Membrane(Looped):
        def forward(self, x):
            return super().forward(x)[1]

    graph = driven.read_by_execution(Membrane("Leaky", "subtract"), readout="mean")
    assert "cell" in {node.op.name for node in graph}


def test_inhibition_is_refused():
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3), snn.Leaky(beta=0.5, init_hidden=True, inhibition=True)
    )
    (entry,) = refusals(model, per_step=True, readout="mean")
    assert "inhibition" in entry.reason


@pytest.mark.parametrize(
    "options", [{"reset_delay": False}, {"graded_spikes_factor": 2.0}, {"threshold": -1.0}]
)
def test_other_options_are_read_from_what_they_execute(options):
    model = nn.Sequential(nn.Conv2d(2, 5, 3), snn.Leaky(beta=0.5, init_hidden=True, **options))
    driven.read_by_execution(model, per_step=True, readout="mean")


def test_alpha_that_resets_its_currents_is_a_cell():
    alpha = snn.Alpha(alpha=0.9, beta=0.8, init_hidden=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(128, 8), alpha)
    graph = driven.read_by_execution(model, per_step=True, readout="mean")
    assert "cell" in {node.op.name for node in graph}


def test_other_neurons_are_refused_with_a_way_out():
    model = nn.Sequential(nn.Flatten(), snn.SLSTM(128, 8, init_hidden=True))
    (entry,) = refusals(model, per_step=True, readout="mean")
    assert entry.module == "1"
    assert "no operator is registered" in entry.reason
    assert entry.suggestion


def test_a_neuron_given_a_sequence_at_once_remembers_nothing():
    """As PyTorch computes it: each step is a sample of its own."""
    model = nn.Sequential(nn.Flatten(2), nn.Linear(128, 5), snn.Leaky(beta=0.5, init_hidden=True))
    graph = driven.read_by_execution(model, readout="mean")
    assert [node.op.beta for node in graph if node.op.name == "neuron"] == [0.0]
