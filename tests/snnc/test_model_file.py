"""A model of one's own in one file: every command takes it, and says the line that is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

import snnc as package
from snnc.errors import SnncError

NETS = """
from torch import nn
from snnc.models.neurons import LIF
import torch

def make(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), LIF(), nn.Linear(8, 3))

def other():
    return make(1)

def recordings():
    import numpy as np
    return np.load("counts.npy"), np.arange(3)
"""

FILE = """
# mine
model = "ownnets:{factory}"
input_shape = [6]
time_steps = 4
readout = "mean"
data = "counts.npy"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A module of one's own, data beside it, and two model files; the module is new every time."""
    name = f"ownnets{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(NETS)
    np.save(tmp_path / "counts.npy", np.random.default_rng(0).poisson(0.8, (3, 4, 6)))
    for factory in ("make", "other"):
        text = FILE.format(factory=factory).replace("ownnets", name)
        (tmp_path / f"{factory}.toml").write_text(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    tmp_path.joinpath("name").write_text(name)
    return tmp_path


def test_commands_take_it_from_anywhere(snnc, folder):
    status, out, _ = snnc("check", folder / "make.toml", "--json", "-")
    assert (status, json.loads(out)["supported"]) == (0, True)
    status, out, _ = snnc("verify", folder / "make.toml", "--json", "-")
    assert (status, json.loads(out)["samples"]) == (0, 3)
    status, out, _ = snnc("compile", folder / "make.toml", "-o", folder / "out", "--json", "-")
    manifest = json.loads(out)
    assert manifest["time_steps"] == 4
    assert manifest["name"] == (folder / "name").read_text()


def test_what_is_typed_wins(snnc, folder):
    arguments = ("--samples", 2, "--readout", "sum", "--name", "typed")
    status, out, _ = snnc("energy", folder / "make.toml", *arguments, "--json", "-")
    assert (status, json.loads(out)["samples"]) == (0, 2)
    np.save(folder / "one.npy", np.ones((1, 4, 6)))
    status, out, _ = snnc(
        "energy", folder / "make.toml", "--data", folder / "one.npy", "--json", "-"
    )
    assert json.loads(out)["samples"] == 1


def test_two_files_are_compared(snnc, folder):
    told = ("--baseline", folder / "other.toml", "--json", "-")
    status, out, _ = snnc("energy", folder / "make.toml", *told)
    compared = json.loads(out)
    assert status == 0
    with (folder / "make.toml").open("a") as file:
        file.write('baseline = "other.toml"\n')
    _, out, _ = snnc("energy", folder / "make.toml", "--json", "-")
    assert json.loads(out)["delta"] == compared["delta"]
    assert compared["delta"]["ac"] != 0


def test_two_factories_are_compared_without_a_file(snnc, folder, monkeypatch):
    monkeypatch.chdir(folder)
    name = (folder / "name").read_text()
    options = ("--input-shape", 6, "--time-steps", 4, "--readout", "mean", "--json", "-")
    data = ("--data", f"{name}:recordings")
    own = (f"{name}:make", "--baseline", f"{name}:other")
    status, out, _ = snnc("energy", *own, *data, *options)
    assert status == 0
    assert json.loads(out)["delta"]["ac"] != 0
    status, out, _ = snnc("verify", f"{name}:other", *data, *options)
    found = json.loads(out)
    assert (status, found["samples"]) == (0, 3)
    assert found["accuracy"]["c"] is not None


def test_python_takes_it_too(folder):
    compiled = package.compile(folder / "make.toml")
    assert compiled(np.ones((4, 2, 6))).shape == (2, 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("colour = 3", "make.toml:8: there is no key called colour"),
        ("[model2]", "make.toml:8: there is no key called model2"),
        ("dtype = 8", "make.toml:8: dtype is 8"),
        ("time_steps = 5", "make.toml: Cannot overwrite a value"),
        ("frame_us = 0", "make.toml:8: frame_us is 0"),
        ("per_step = 1", "make.toml:8: per_step is 1"),
        ("max_ram = '64 bytes'", "make.toml:8: max_ram is '64 bytes'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line, said, snnc, folder):
    with (folder / "make.toml").open("a") as file:
        file.write(line + "\n")
    status, _, err = snnc("check", folder / "make.toml")
    assert status == 2
    assert said in err


def test_a_file_without_a_model_and_none_at_all(folder):
    (folder / "empty.toml").write_text("time_steps = 3\n")
    for name, said in (("empty.toml", "does not say where the model is"), ("no.toml", "No such")):
        with pytest.raises(SnncError, match=said):
            package.compile(folder / name)


def test_without_data_anywhere_the_option_is_asked_for(snnc, folder):
    status, _, err = snnc("energy", folder / "make.toml", "--samples", 1)
    assert status == 0
    text = (folder / "make.toml").read_text().replace('data = "counts.npy"\n', "")
    (folder / "make.toml").write_text(text)
    status, _, err = snnc("energy", folder / "make.toml")
    assert (status, "--data" in err) == (2, True)
