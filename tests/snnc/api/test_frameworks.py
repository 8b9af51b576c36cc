"""A snnTorch network and a SpikingJelly CSNN, from training code to proven C, and against each
other: in Python and by command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import snnc as package

SHAPE, STEPS = (2, 8, 8), 6

NETS = """
import torch
from torch import nn

def tutorial():
    import snntorch as snn
    torch.manual_seed(0)
    leaky = {"beta": 0.8, "init_hidden": True}
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.MaxPool2d(2), snn.Leaky(**leaky),
        nn.Flatten(), nn.Linear(96, 10), snn.Leaky(**leaky, output=True))

def csnn():
    from spikingjelly.activation_based import functional, layer, neuron
    torch.manual_seed(1)
    net = nn.Sequential(
        layer.Conv2d(2, 6, 3, padding=1, bias=False), layer.BatchNorm2d(6), neuron.IFNode(),
        layer.MaxPool2d(2), layer.Flatten(), layer.Linear(96, 10), neuron.LIFNode())
    functional.set_step_mode(net, "m")
    return net
"""


@pytest.fixture
def windows():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.poisson(0.6, (4, STEPS, 1, *SHAPE)).astype(np.float32))


def made():
    pytest.importorskip("snntorch", reason="snntorch is not here: make test-environments")
    pytest.importorskip("spikingjelly", reason="spikingjelly is not here: make test-environments")
    scope = {}
    exec(NETS, scope)
    return scope["tutorial"](), scope["csnn"]()


def test_in_python(windows, tmp_path):
    tutorial, csnn = made()
    first = package.compile(tutorial, windows[0], per_step=True, readout="sum")
    second = package.compile(csnn, windows[0], readout="mean")
    for compiled in (first, second):
        assert compiled.verify(windows).passed
        assert compiled(windows[0]).shape == (1, 10)
    compared = first.energy(windows, baseline=second)
    assert compared.delta_pj == -second.energy(windows, baseline=first).delta_pj
    compared.save(tmp_path / "page.html")
    assert first.write(tmp_path / "out")["classes"] == 10


def test_by_command_line(snnc, windows, tmp_path, monkeypatch):
    made()
    name = f"frameworks{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    np.save(tmp_path / "windows.npy", windows.numpy())
    monkeypatch.chdir(tmp_path)
    for factory in ("tutorial", "csnn"):
        asked = ("--input-shape", "2,8,8", "--time-steps", STEPS, "--data", "windows.npy")
        file = f"{factory}.toml"
        assert snnc("init", f"{name}:{factory}", "-o", file, *asked)[0] == 0
        status, out, _ = snnc("verify", file, "--json", "-")
        assert (status, json.loads(out)["passed"]) == (0, True)
        assert snnc("compile", file, "-o", tmp_path / factory)[0] == 0
    status, out, _ = snnc("energy", "tutorial.toml", "--baseline", "csnn.toml", "--json", "-")
    assert status == 0
    assert json.loads(out)["delta"]["ac"] != 0
