"""Networks of this project, and forwards whose meaning is easily lost, bit for bit."""

from __future__ import annotations

import time
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import snnc
from snnc.compiler.frontend.capture import capture, compare, has_importer
from snnc.compiler.frontend.driving import Driven
from snnc.models.attention import ATTENTION_NAMES
from snnc.models.checkpoints import load
from snnc.models.networks import build
from tests.support.networks.capturing import drawn, held, refused, targets
from tests.support.places import ROOT

ZOO = ROOT / "models" / "zoo"
SMALL = {
    "three-layer": {"input_size": (2, 16, 16), "channels": (4, 6, 6), "time_steps": 6},
    "three-layer-narrow": {"input_size": (2, 16, 16), "time_steps": 5},
    "five-layer": {"input_size": (2, 32, 32), "channels": (4,) * 5, "time_steps": 6},
    "five-layer-avg": {"input_size": (2, 32, 32), "channels": (4,) * 5, "time_steps": 6},
    "ma-five-layer": {"input_size": (2, 128, 128), "channels": (4,) * 5, "time_steps": 6},
    "res-18": {"input_size": (2, 32, 32), "time_steps": 3},
}


def counts(steps: int, size: tuple[int, ...], seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.poisson(torch.full((steps, 2, *size), 0.3), generator=generator)


@pytest.mark.parametrize(
    ("name", "attention"),
    [
        *((name, "none") for name in SMALL),
        *(("three-layer", attention) for attention in ATTENTION_NAMES[1:]),
        *(("five-layer", "asa1"), ("res-18", "asa2"), ("ma-five-layer", "tcsa")),
    ],
)
def test_networks_of_this_project(name, attention):
    torch.manual_seed(0)
    net = build(name, attention=attention, **SMALL[name]).eval()
    captured = capture(net, counts(net.time_steps, net.input_size, 0), steps=net.time_steps)
    found = compare(net, captured, counts(net.time_steps, net.input_size, 1))
    assert found.holds, str(found)


@pytest.mark.parametrize("name", ["nmnist_none", "nmnist_asa1", "gesture_sim_none"])
def test_bundled_models(name):
    loaded = load(ZOO / f"{name}.pt")
    steps, size = loaded.input.time_steps, loaded.input.frame_size
    captured = capture(loaded.model, counts(steps, size, 0), steps=steps)
    result = compare(loaded.model, captured, counts(steps, size, 1))
    assert result.holds, str(result)


class Lif(nn.Module):
    def forward(self, x):
        u, out = torch.zeros_like(x[0]), []
        for step in x:
            u = 0.5 * u + step
            out.append((u >= 1.0).to(x.dtype))
            u = torch.where(u >= 1.0, 0.0, u)
        return torch.stack(out)


class Net(nn.Module):
    """A change before or after the neuron."""

    def __init__(self, before=lambda a: a, after=lambda a: a):
        super().__init__()
        torch.manual_seed(1)
        self.fc1, self.lif, self.fc2 = nn.Linear(40, 16), Lif(), nn.Linear(16, 10)
        self.before, self.after = before, after

    def forward(self, x):
        return self.after(self.fc2(self.lif(self.before(self.fc1(x.flatten(2))))).mean(0))


def _aliased(a):
    b = F.relu(a, inplace=True)
    return a + b


def _iadded(a):
    b = a
    b += 1.0
    return a


RAMP = torch.arange(10.0)
CHANGES = {
    "sub_alpha": lambda a: torch.sub(a, RAMP if a.shape[-1] == 10 else 0.1, alpha=3),
    "div_floor": lambda a: torch.div(a, 0.5, rounding_mode="floor"),
    "to_int": lambda a: a.to(torch.int32).float(),
    "to_bool": lambda a: a.to(torch.bool).float(),
    "relu_inplace": _aliased,
    "add_inplace": lambda a: a.add_(1.0),
    "iadd_alias": _iadded,
    "mul_inplace_nn": lambda a: (lambda r: r(a) + a)(nn.ReLU(inplace=True)),
    "div_by_zero": lambda a: a / 0.0,
    "overflowing_constant": lambda a: a + 1e39,
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("change", CHANGES)
def test_changes_keep_their_meaning(change, place):
    held(Net(**{place: CHANGES[change]}), (4, 2, 2, 4, 5))


@pytest.mark.parametrize("place", ["before", "after"])
def test_dropout_that_is_always_on_is_refused(place):
    message = refused(Net(**{place: lambda a: F.dropout(a, 0.5)}).eval(), (4, 2, 2, 4, 5))
    assert "test_networks.py:" in message


@pytest.mark.parametrize(
    "index",
    [
        lambda x, t: x[:, t],
        lambda x, t: x[:, t, :],
        lambda x, t: x.transpose(0, 1)[t, ...],
        lambda x, t: x.select(1, t),
        lambda x, t: x.narrow(1, t, 1).squeeze(1),
        lambda x, t: x.unbind(1)[t],
    ],
)
def test_time_stands_anywhere(index):
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 3)

        def forward(self, x):
            mem, out = torch.zeros(3), torch.zeros(x.shape[1], x.shape[0], 3)
            for t in range(x.shape[1]):
                mem = 0.9 * mem + self.fc(index(x, t))
                out[t] = (mem > 1).float()
                mem = mem - out[t]
            return out

    held(Loop(), (2, 4, 8))


class Stateful(nn.Module):
    """A user's neuron that is kept whole."""

    def __init__(self):
        super().__init__()
        self.v = None

    def reset(self):
        self.v = None

    def forward(self, x):
        v = x if self.v is None else 0.5 * self.v + x
        spikes = (v >= 0.4).to(x.dtype)
        self.v = torch.where(v >= 0.4, torch.zeros_like(v), v)
        return spikes


@snnc.importer(Stateful)
def _stateful(importing, module, path, inputs):
    return inputs[0]


def test_a_users_stateful_neuron_is_reset_between_recordings():
    net = nn.Sequential(nn.Conv2d(2, 4, 3), Stateful(), nn.Flatten(), nn.Linear(64, 5), Stateful())
    captured = held(net, (6, 2, 2, 6, 6), per_step=True)
    assert {state.name for state in captured.states} == {"1.v", "4.v"}
    whole = held(net, (6, 2, 2, 6, 6), per_step=True, leaves=has_importer)
    assert len([node for node in whole.graph.nodes if node.op == "call_module"]) == 12


def test_a_driven_model_is_captured_as_it_is_driven():
    net = Driven(
        nn.Sequential(nn.Flatten(), nn.Linear(12, 5), Stateful()), per_step=True, readout="sum"
    )
    assert "aten.sum.dim_IntList" in targets(held(net, (4, 2, 3, 4)))


class Loop(nn.Module):
    """A small convolutional network of two neurons, which notes which of its tensors are freed."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 8, 3, padding=1), nn.Linear(2048, 10)
        self.met: list[weakref.ref] = []

    def forward(self, x):
        v, w, out = torch.zeros(2, 8, 16, 16), torch.zeros(2, 10), []
        for t in range(x.shape[0]):
            v = v * 0.5 + self.conv(x[t])
            spikes = (v > 1).float()
            v = v - spikes
            self.met += [weakref.ref(v), weakref.ref(spikes)]
            w = w * 0.9 + self.fc(spikes.flatten(1))
            out.append((w > 1).float())
            w = w * (1 - out[-1])
        ALIVE.append(sum(met() is not None for met in self.met))
        return torch.stack(out).mean(0)


ALIVE: list[int] = []


def test_a_window_of_300_steps_takes_seconds_and_keeps_no_dead_tensor():
    net, x = Loop(), drawn(300, 2, 2, 16, 16)
    start = time.process_time()
    captured = capture(net, x, steps=300)
    assert time.process_time() - start < 10
    assert ALIVE == [2]
    assert len(captured.graph.nodes) > 4000
    assert compare(net, captured, x * 0.9).holds
