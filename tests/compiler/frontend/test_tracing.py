"""Tracing by shapes alone: what it leaves as it was, and where it computes numbers after all."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnc.compiler.frontend.fx import tracing
from snnc.compiler.frontend.fx.shapes import Shapes
from snnc.compiler.frontend.torch_fx import import_module
from snnc.models.networks import build
from snnc.models.neurons import LIF


@pytest.fixture
def zeros(monkeypatch):
    """Shapes of traces that had to be computed on zeros; every trace tries to do without."""
    monkeypatch.setattr(tracing, "LARGE", 0)
    seen, compute = [], tracing._traced_on_zeros

    def logged(model, shape):
        seen.append(shape)
        return compute(model, shape)

    monkeypatch.setattr(tracing, "_traced_on_zeros", logged)
    return seen


class Loop(nn.Module):
    """A loop over time, sizes from the input, a constant made in forward, state in attributes."""

    def __init__(self):
        super().__init__()
        self.conv, self.lif = nn.Conv2d(2, 4, 3, padding=1), LIF()
        self.register_buffer("gain", torch.tensor([0.5, 0.25, 0.5, 1.0]).view(4, 1, 1))
        self.fc, self.seen = nn.Linear(4 * 6 * 6, 3), None

    def forward(self, x):
        self.seen = x
        steps = [self.conv(x[t]) * self.gain for t in range(x.shape[0])]
        spikes = self.lif(torch.stack(steps))
        return self.fc(spikes.flatten(2)).mean(0)


class Careful(nn.Module):
    """A layer that looks at numbers, which only its importer could know to be harmless."""

    def forward(self, x):
        assert not torch.isnan(x).any()
        return torch.relu(x)


class Caching(nn.Sequential):
    """Asks a parameter for its number, and keeps what it made for its first input."""

    kept = None

    def forward(self, x):
        assert self[0].weight.sum().item() != 0
        if self.kept is None:
            self.kept = torch.ones_like(x)
        return super().forward(x * self.kept)


@pytest.mark.parametrize("attention", ["none", "asa1", "tcsa"])
def test_a_graph_is_the_same_by_shapes_and_on_zeros(attention, zeros, monkeypatch):
    size = {"input_size": (2, 16, 16), "time_steps": 4, "classes": 3, "channels": (4, 4, 4)}
    model = build("three-layer", attention=attention, **size).eval()
    by_shapes = import_module(model, (2, 16, 16), 4)
    assert not zeros
    monkeypatch.setattr(tracing, "LARGE", 10**9)
    on_zeros = import_module(model, (2, 16, 16), 4)
    assert zeros
    assert by_shapes.nodes == on_zeros.nodes
    assert all((by_shapes.params[key] == on_zeros.params[key]).all() for key in on_zeros.params)


def test_constants_keep_their_numbers_and_the_model_its_attributes(zeros):
    model = Loop().eval()
    graph = import_module(model, (2, 6, 6), 3)
    assert not zeros
    assert any(0.25 in values for values in graph.params.values())
    assert model.seen is None
    assert not any(name.startswith("_tensor_constant") for name in vars(model))
    assert model(torch.ones(3, 1, 2, 6, 6)).shape == (1, 3)


@pytest.mark.parametrize(("layer", "needs"), [(Careful(), True), (nn.ReLU(), False)])
def test_a_layer_that_needs_numbers_gets_them(layer, needs, zeros, monkeypatch):
    from snnc.compiler.frontend.importing import IMPORTERS

    monkeypatch.setitem(IMPORTERS, Careful, IMPORTERS[nn.ReLU])
    model = nn.Sequential(nn.Flatten(2), nn.Linear(8, 5), layer, LIF(), nn.Linear(5, 2))
    graph = import_module(Mean(model), (2, 2, 2), 3)
    assert bool(zeros) == needs
    assert [node.op.name for node in graph.nodes].count("relu") == 1


class Mean(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).mean(0)


def test_a_layer_leaves_nothing_without_numbers_behind(zeros, monkeypatch):
    from snnc.compiler.frontend.importing import IMPORTERS

    def import_caching(g, module, path, inputs):
        return IMPORTERS[nn.Linear](g, module[0], path, inputs)

    monkeypatch.setitem(IMPORTERS, Caching, import_caching)
    layer = Caching(nn.Linear(5, 2))
    model = Mean(nn.Sequential(nn.Flatten(2), layer)).eval()
    import_module(model, (5, 1, 1), 3)
    assert not zeros
    assert layer.kept is None
    assert model(torch.ones(3, 1, 5, 1, 1)).isfinite().all()


def test_known_values_stay_known():
    unknown, known = torch.empty(3, 4, device="meta"), torch.ones(3, 4)
    with Shapes():
        assert (known + unknown).is_meta
        assert torch.cat([known, unknown]).shape == (6, 4)
        assert (known + 1).sum().item() == 24
        with pytest.raises(NotImplementedError, match="unknown numbers"):
            known.add_(unknown)
        with pytest.raises(RuntimeError):
            bool(unknown.any())
    assert known.sum() == 12
