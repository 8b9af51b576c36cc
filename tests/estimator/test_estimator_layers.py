"""Layers: what belongs to which, and under which name, on both graphs of a network."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.frontend.driving import Driven
from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.audit import AUDITED, audit
from snnc.estimator.counts import count
from snnc.estimator.energy import Estimate
from snnc.estimator.layers import attention_of, layers_of
from snnc.models import networks, neurons
from tests.support.counting import counted, interpret, network_of
from tests.support.networks.lively import lively_network


def over_time(**layers: nn.Module) -> networks.OverTime:
    return networks.OverTime(OrderedDict(layers))


def lif() -> nn.Module:
    return neurons.LIF(0.5, 0.0, 0.3)


class Residual(nn.Module):
    """conv1 → neuron1 = a; conv2(a) → neuron2 = b; a + b → pool → linear → neuron3."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = over_time(conv=nn.Conv2d(1, 2, 3, padding=1))
        self.conv2 = over_time(conv=nn.Conv2d(2, 2, 3, padding=1))
        self.pool = over_time(pool=nn.AvgPool2d(2))
        self.linear = over_time(flatten=nn.Flatten(), linear=nn.Linear(8, 3))
        self.neuron1, self.neuron2, self.neuron3 = lif(), lif(), lif()
        self.mean = networks.TimeMean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.neuron1(self.conv1(x))
        b = self.neuron2(self.conv2(a))
        return self.mean(self.neuron3(self.linear(self.pool(a + b))))


def test_a_residual_sum_belongs_to_the_layer_that_reads_it() -> None:
    network = network_of(Residual(), (1, 4, 4), 2)
    layers = layers_of(network.source)
    ops = [[network.source[name].op.name for name in layer.nodes] for layer in layers]
    assert ops == [
        ["input", "conv2d", "neuron"],
        ["conv2d", "neuron"],
        ["add", "avg_pool2d", "flatten", "linear", "neuron"],
        ["time_mean"],
    ]
    # no common path: the synapse's own
    names = [layer.name for layer in layers]
    assert names == ["conv1.layers.conv", "conv2.layers.conv", "linear.layers.linear", "readout"]
    assert [layer.input_kind for layer in layers] == ["count", "spike", "real", "spike"]
    assert [layer.neuron_count for layer in layers] == [32, 32, 3, 0]


class Sew(nn.Module):
    """conv1 → a; conv2(a) → b; conv3(a + b) → c; linear(c)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = over_time(conv=nn.Conv2d(1, 2, 3, padding=1))
        self.conv2 = over_time(conv=nn.Conv2d(2, 2, 3, padding=1))
        self.conv3 = over_time(conv=nn.Conv2d(2, 2, 3, padding=1))
        self.linear = over_time(flatten=nn.Flatten(), linear=nn.Linear(32, 3))
        self.neurons = nn.ModuleList(lif() for _ in range(4))
        self.mean = networks.TimeMean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.neurons[0](self.conv1(x))
        b = self.neurons[1](self.conv2(a))
        c = self.neurons[2](self.conv3(a + b))
        return self.mean(self.neurons[3](self.linear(c)))


def test_work_of_a_layer_that_reads_sums_of_spikes_moves_with_the_firing() -> None:
    """It multiplies (MAC), but at spikes only; the first layer's MACs follow the recording."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = network_of(Sew().eval(), (1, 4, 4), 3)
    recordings = [np.random.default_rng(0).poisson(2.0, (3, 1, 4, 4))]
    table = tables.load("horowitz-f32")
    tallies = counted(network, recordings, "executed", "spikingjelly")
    executed, other = (Estimate(tallies[name], table) for name in ("executed", "spikingjelly"))
    kinds = [(entry.layer.input_kind, entry.layer.from_input) for entry in executed.layers]
    assert kinds[:3] == [("count", True), ("spike", False), ("count", False)]
    third = executed.layers[2].totals["mac"]
    assert 0 < third < executed.total["mac"]
    assert executed.moving_pj == 4.6 * third + 0.9 * executed.total["ac"]
    assert other.moving_pj == 0.9 * other.total["ac"]  # it multiplies at every position


class Unnamed(nn.Module):
    """Two layers in one block: they share a path, so neither may be called by it."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(
            over_time(conv=nn.Conv2d(1, 2, 3, padding=1)),
            lif(),
            over_time(flatten=nn.Flatten(), linear=nn.Linear(32, 3)),
            lif(),
        )
        self.mean = networks.TimeMean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mean(self.block(x))


def test_layers_that_share_a_path_are_called_by_their_synapses() -> None:
    layers = layers_of(network_of(Unnamed(), (1, 4, 4), 2).source)
    names = ["block.0.layers.conv", "block.2.layers.linear", "readout"]
    assert [layer.name for layer in layers] == names


ATTENTION = {
    "none": set(),
    "sa": {"statistics", "conv2d", "sigmoid", "scale", "relu"},
    "tcsa": {"statistics", "mlp", "weighted_rows", "conv2d", "sigmoid", "scale", "relu"},
    "asa1": {
        *("statistics", "weighted_rows", "mlp", "sigmoid", "complementary_mask"),
        *("masked_statistics", "conv2d", "masked_gate"),
    },
}


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize("architecture", ["three-layer-narrow", "five-layer"])
def test_attention_is_a_part_of_its_layer_on_both_graphs(name: str, architecture: str) -> None:
    size = (2, 33, 32)
    hyper = {"channels": (4,) * 5, "hidden": 8} if architecture == "five-layer" else {}
    model = lively_network(name, architecture, input_size=size, time_steps=4, **hyper)
    network = network_of(model, size, 4)
    source, executed = layers_of(network.source), layers_of(network.executed)
    assert [layer.name for layer in source] == [layer.name for layer in executed]
    assert [layer.neurons for layer in source] == [layer.neurons for layer in executed]
    for graph, layers in ((network.source, source), (network.executed, executed)):
        assert sorted(node for layer in layers for node in layer.nodes) == sorted(graph.index)
        assert frozenset().union(*(layer.attention for layer in layers)) == attention_of(graph)
        for layer in layers:
            ops = {graph[node].op.name for node in layer.attention}
            assert ops == (ATTENTION[name] if layer.name.startswith("layer") else set())
            modules = {graph[node].loc.module for node in layer.attention}
            assert all(module.startswith(f"{layer.name}.attention") for module in modules)
            parts = [layer.part_of(graph[node]) for node in layer.nodes]
            assert parts.count("synapse") == (layer.synapse is not None)
            assert parts.count("neuron") == len(layer.neurons)


class NamedReadout(nn.Module):
    """Its linear layer is called as what comes after the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.readout = nn.Linear(4, 3)
        self.neuron = lif()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neuron(self.readout(x)).mean(0)


class Twice(nn.Module):
    """One linear layer, called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.neurons = nn.Linear(4, 4), nn.ModuleList([lif(), lif()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neurons[1](self.fc(self.neurons[0](self.fc(x)))).mean(0)


def driven() -> nn.Module:
    """A readout that snnc adds under the name of the readout."""
    return Driven(nn.Sequential(nn.Linear(4, 3), lif()), readout="mean")


@pytest.mark.parametrize("model", [NamedReadout, Twice, driven])
def test_no_two_layers_have_a_name(model) -> None:
    torch.manual_seed(0)
    network = network_of(model(), (4,), 3)
    for graph in (network.source, network.executed):
        layers = layers_of(graph)
        assert len({layer.name for layer in layers}) == len(layers)
        owned = [name for layer in layers for name in layer.nodes]
        assert sorted(owned) == sorted(node.name for node in graph.nodes)
        assert layers[-1].synapse is None
    tallies = count(network, observe(network, [np.ones((3, 4), np.uint16)], interpret), AUDITED)
    assert audit(tallies)  # it adds up
