"""docs/bring-your-own-model.md: its code is run, and a wrong importer is caught by verify."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

import snnc
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.adapters.recurrence import Recurrence
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.importing import IMPORTERS
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.ops import Add, Linear, Neuron
from snnc.compiler.verify.float_judge import Verifier
from tests.support.places import ROOT

PAGE = ROOT / "docs" / "bring-your-own-model.md"
STEPS = 6


@pytest.fixture
def documented():
    """What the page's Python defines."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    scope: dict[str, object] = {"__name__": "documented"}
    before = dict(IMPORTERS)
    exec(compile(code, str(PAGE), "exec"), scope)
    yield scope
    IMPORTERS.clear()
    IMPORTERS.update(before)


def verifier(model, tmp_path, shape):
    driven = Driven(model, readout="mean")
    compilation = compile_graph(import_module(driven, shape, STEPS))
    found = Verifier(driven, compilation, tmp_path, ("-O1",))
    found.verify(np.random.default_rng(0).poisson(0.5, (STEPS, *shape)).astype(np.uint16))
    return found.result


def network(neuron):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 7), neuron, nn.Linear(7, 4))


def test_the_page_registers_a_neuron_in_ten_lines(documented, tmp_path):
    result = verifier(network(documented["Quarter"]()), tmp_path, (12,))
    assert result.passed
    assert [layer.compared for layer in result.layers] == [STEPS * 7]


def test_a_wrong_importer_is_not_believed(documented, tmp_path):
    """What PyTorch executes is read instead."""

    @snnc.importer(documented["Quarter"])
    def _wrong(g, module, path, inputs):
        attrs = {"beta": 0.75, "drift": 0.0, "gain": 1.0, "threshold": 0.5, "strict": False}
        reset = {"reset_mode": "hard", "reset": 0.0, "initial": 0.0}
        return g.add(path, Neuron(**(attrs | reset)), inputs)

    model = Driven(network(documented["Quarter"]()), readout="mean")
    (neuron,) = (node for node in import_module(model, (12,), STEPS) if node.op.name == "neuron")
    assert neuron.op.beta == 0.25
    assert verifier(model.net, tmp_path, (12,)).passed


class Echo(nn.Module):
    """A neuron that hears its layer's spikes of the step before."""

    def __init__(self):
        super().__init__()
        self.back = nn.Linear(7, 7)

    def forward(self, x):
        u, spikes, fired = torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
        for step in x:
            u = 0.5 * torch.where(spikes > 0, 0.0, u) + (step + self.back(spikes))
            spikes = (u >= 0.5).to(x.dtype)
            fired.append(spikes)
        return torch.stack(fired)


@pytest.mark.parametrize("heard", [True, False])
def test_a_recurrence_of_ones_own(heard, documented, tmp_path):
    """And what PyTorch executes is read where the importer leaves it out."""

    @snnc.importer(Echo)
    def _echo(g, module, path, inputs):
        loop = Recurrence.of(g, path, g.type_of(inputs[0]).shape)
        weights = {"weight": module.back.weight, "bias": module.back.bias}
        back = g.add(f"{path}.back", Linear(), [loop.spikes], weights)
        total = g.add(f"{path}.sum", Add(), [inputs[0], back])
        attrs = {"beta": 0.5, "drift": 0.0, "gain": 1.0, "threshold": 0.5, "strict": False}
        reset = {"reset_mode": "hard", "reset": 0.0, "initial": 0.0}
        spikes = g.add(path, Neuron(**(attrs | reset)), [total if heard else inputs[0]])
        loop.close(g, spikes)
        return spikes

    echo = Echo()
    model = nn.Sequential(network(echo), nn.Linear(4, 7), echo)  # the module is used twice
    result = verifier(model, tmp_path, (12,))
    assert [layer.module for layer in result.layers] == ["net.0.1"] * 2
    assert result.passed
    read = import_module(Driven(model, readout="mean"), (12,), STEPS)
    assert (read.observer is None) == heard
    assert [node.op.name for node in read].count("feedback") == 2


def test_without_an_importer_the_line_that_branches_is_named():
    class Branching(nn.Module):
        def forward(self, x):
            if x.sum() > 3:
                return x.mean(0)
            return x.sum(0)

    importing, _ = survey(Branching(), (4,), STEPS)
    (entry,) = importing.unsupported
    assert "decides by the numbers" in entry.reason
    assert re.fullmatch(rf"{re.escape(__file__)}:\d+", entry.source)
