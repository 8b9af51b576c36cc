"""snnc init asks the model: its first layer for the shape, its calls for time and readout."""

from __future__ import annotations

import json
import tomllib

import pytest

from snnc.compiler.frontend.asking import ask
from snnc.compiler.frontend.source import factory_model
from snnc.errors import SnncError

NETS = """
import torch
from torch import nn
from snnc.models.neurons import LIF
from snnc.models.networks import OverTime

class Window(nn.Module):
    def __init__(self, reduces, sensor=0):
        super().__init__()
        torch.manual_seed(0)
        self.num_steps = 7
        if sensor:
            self.conv = OverTime(nn.Sequential(
                nn.Conv2d(2, 4, 3), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * sensor ** 2, 6)))
        else:
            self.conv = nn.Linear(5, 6)
        self.lif, self.out = LIF(), nn.Linear(6, 3)
        self.reduces = reduces

    def forward(self, x):
        y = self.out(self.lif(self.conv(x)))
        return y.sum(0) if self.reduces else y

class Step(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.u = nn.Linear(2 * 4 * 4, 3), None

    def reset(self):
        self.u = None

    def forward(self, x):
        drive = self.fc(x.flatten(1))
        self.u = drive if self.u is None else 0.5 * self.u + drive
        return (self.u > 0.5).float()

def reduced(): return Window(True)
def steps(): return Window(False)
def images(): return Window(True, 16)
def stepwise(): return Step()
def silent(): return nn.Sequential(nn.Linear(4, 2), nn.Threshold(1e9, 0.0))
def nothing(): return nn.Sequential(nn.ReLU())
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A module of one's own, in the folder that is worked in; new every time."""
    name = f"askednets{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    return name


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("reduced", {"input_shape": [5], "time_steps": 7}),
        ("steps", {"input_shape": [5], "time_steps": 7, "readout": "mean"}),
        ("images", {"input_shape": [2, 34, 34], "time_steps": 7}),
        (
            "stepwise",
            {"input_shape": [2, 4, 4], "time_steps": 10, "per_step": True, "readout": "mean"},
        ),
    ],
)
def test_what_the_file_says(snnc, nets, tmp_path, factory, said):
    status, out, _ = snnc("init", f"{nets}:{factory}")
    written = tomllib.loads((tmp_path / "snnc.toml").read_text())
    assert status == 0
    assert written == {"model": f"{nets}:{factory}", **said}
    assert "input_shape" in out


@pytest.mark.parametrize("factory", ["reduced", "steps", "images"])
def test_commands_take_the_file_as_it_was_written(snnc, nets, factory):
    assert snnc("init", f"{nets}:{factory}", "-o", "net.toml")[0] == 0
    status, out, _ = snnc("check", "net.toml", "--json", "-")
    assert (status, json.loads(out)["supported"]) == (0, True)


def test_sides_that_fit_as_well_are_named(nets):
    answer = ask(factory_model(f"{nets}:images"))
    assert answer.others == (35,)
    assert "conv" in answer.layer
    assert answer.said_steps


def test_what_is_given_is_not_asked_for(snnc, nets, tmp_path):
    options = ("--input-shape", "2,35,35", "--time-steps", 4, "--data", 'a"b.npy')
    assert snnc("init", f"{nets}:images", *options)[0] == 0
    written = tomllib.loads((tmp_path / "snnc.toml").read_text())
    assert (written["input_shape"], written["time_steps"]) == ([2, 35, 35], 4)
    assert written["data"] == 'a"b.npy'


def test_a_file_that_is_there_is_left(snnc, nets, tmp_path):
    (tmp_path / "snnc.toml").write_text("mine")
    status, _, err = snnc("init", f"{nets}:steps")
    assert (status, "exists" in err) == (2, True)
    assert (tmp_path / "snnc.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("factory", "said"), [("silent", "window or one time step"), ("nothing", "neither a Linear")]
)
def test_a_model_that_does_not_say_is_refused(nets, factory, said):
    with pytest.raises(SnncError, match=said):
        ask(factory_model(f"{nets}:{factory}"))
