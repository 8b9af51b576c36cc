"""NIR export: the file is read back, and every neuron fires the same spikes."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

import snnc
from snnc.compiler.frontend.nir.file import read
from snnc.compiler.frontend.nir.network import NirNetwork
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.verify import reference
from snnc.errors import SnncError
from snnc.models.networks import OverTime
from snnc.models.neurons import IF, LIF, PLIF
from tests.support.networks.lively import lively_network

pytest.importorskip("nir", reason="the nir package is not installed: pip install snnc[nir]")


def frames(shape, steps=6):
    counts = np.random.default_rng(1).poisson(0.3, (steps, *shape)).astype(np.float32)
    return torch.from_numpy(counts)


def spikes_of(graph, x):
    """Spikes of every neuron, in order."""
    values = reference.run(graph, {"input": x})
    return [values[node.name] for node in graph.nodes if node.op.name == "neuron"]


def assert_same_spikes(graph, path, shape):
    written, options = snnc.export_nir(graph, path)
    assert len(written.nodes) > 3
    back = NirNetwork(read(path, options))
    x = frames(shape, graph.time_steps)
    ours = spikes_of(graph, x)
    theirs = spikes_of(import_module(back, shape, graph.time_steps), x)
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)
        assert 0 < float(one.mean()) < 1
    scores = back(x[:, None])
    assert torch.allclose(scores[0], ours[-1].mean(0), atol=1e-6)


def test_three_layer_network(tmp_path):
    model = lively_network()
    assert_same_spikes(import_module(model, (2, 34, 34), 6), tmp_path / "net.nir", (2, 34, 34))


@pytest.mark.parametrize(
    "neuron",
    [
        lambda: LIF(v_threshold=0.5, beta=0.5),
        lambda: LIF(v_threshold=0.5, v_reset=None, beta=0.75),
        lambda: LIF(v_threshold=0.5, v_reset=-0.25, beta=0.5),
        lambda: IF(v_threshold=1.0, v_reset=None),
        lambda: PLIF(v_threshold=0.25),
    ],
)
def test_neurons(neuron, tmp_path):
    torch.manual_seed(3)
    layers = OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(18, 9))
    last = OrderedDict(linear=nn.Linear(9, 4))
    model = nn.Sequential(OverTime(layers), neuron(), OverTime(last), neuron())
    for module in model.modules():
        if isinstance(module, nn.Linear):  # sixteenths, so that no sum depends on its order
            module.weight.data = torch.randint(-8, 16, module.weight.shape) / 16.0
            module.bias.data = torch.randint(0, 4, module.bias.shape) / 16.0

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = model

        def forward(self, x):
            return self.layers(x).mean(0)

    assert_same_spikes(import_module(Net(), (2, 3, 3), 12), tmp_path / "net.nir", (2, 3, 3))


@pytest.mark.parametrize(
    ("attention", "name", "says"),
    [
        ("asa1", "three-layer-narrow", "no node for asa"),
        ("none", "five-layer", "no node for max_pool2d"),
    ],
)
def test_what_nir_cannot_say_is_refused(attention, name, says, tmp_path):
    size = {"input_size": (2, 32, 32), "channels": (4,) * 5} if name == "five-layer" else {}
    model = lively_network(attention, name, **size)
    graph = import_module(model, model.input_size, 6)
    with pytest.raises(SnncError, match=says):
        snnc.export_nir(graph, tmp_path / "net.nir")
    assert not (tmp_path / "net.nir").exists()
