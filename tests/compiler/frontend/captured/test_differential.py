"""By its modules or by what PyTorch executes, a model is the same graph and the same C."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.importing import IMPORTERS
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ops import Neuron
from snnc.compiler.passes.pipeline import lowered
from snnc.compiler.verify import reference
from snnc.models.networks import OverTime, TimeMean
from snnc.models.neurons import LIF
from tests.support.networks.captured_models import read

STEPS = 4


class Leaky(nn.Module):
    """A neuron with an importer of its own."""

    def forward(self, x):
        u, out = torch.zeros_like(x[0]), []
        for step in x:
            u = 0.5 * u + step
            out.append((u >= 0.75).to(x.dtype))
            u = torch.where(u >= 0.75, 0.0, u)
        return torch.stack(out)


def import_leaky(g, module, path, inputs):
    constants = {"beta": 0.5, "drift": 0.0, "gain": 1.0, "threshold": 0.75, "strict": False}
    reset = {"reset_mode": "hard", "reset": 0.0, "initial": 0.0}
    return g.add(path, Neuron(**(constants | reset)), inputs)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(IMPORTERS, Leaky, import_leaky)


def over(**layers):
    return OverTime(OrderedDict(layers))


class Net(nn.Module):
    def __init__(self, *parts):
        super().__init__()
        torch.manual_seed(0)
        self.parts = nn.Sequential(*parts)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                nn.init.uniform_(module.running_var, 0.5, 2.0)
                nn.init.normal_(module.running_mean)
        self.eval()

    def forward(self, x):
        return self.parts(x)


class Residual(nn.Module):
    """A SEW block: spikes are added, and joined by AND."""

    def __init__(self, join):
        super().__init__()
        self.conv, self.lif, self.join = over(c=nn.Conv2d(4, 4, 3, padding=1)), Leaky(), join

    def forward(self, x):
        return self.join(self.lif(self.conv(x)), x)


def first():
    return over(c=nn.Conv2d(2, 4, 3, padding=1, bias=False), n=nn.BatchNorm2d(4)), Leaky()


def last(size):
    return over(f=nn.Flatten(), l=nn.Linear(size, 3)), Leaky(), TimeMean()


MODELS = {
    "linear": lambda: Net(over(f=nn.Flatten(), l=nn.Linear(72, 5)), LIF(), TimeMean()),
    "convolution": lambda: Net(*first(), over(p=nn.AvgPool2d(2)), *last(36)),
    "strided": lambda: Net(
        over(c=nn.Conv2d(2, 4, (3, 2), stride=2, dilation=(1, 2), groups=2)), Leaky(), *last(16)
    ),
    "max pool": lambda: Net(*first(), over(p=nn.MaxPool2d(3, 2, padding=1)), *last(36)),
    "adaptive": lambda: Net(*first(), over(p=nn.AdaptiveAvgPool2d((2, 3))), *last(24)),
    "global": lambda: Net(*first(), over(p=nn.AdaptiveAvgPool2d(1)), *last(4)),
    "two linear": lambda: Net(
        over(f=nn.Flatten(), l=nn.Linear(72, 6), n=nn.BatchNorm1d(6)),
        Leaky(),
        over(l=nn.Linear(6, 4, bias=False), r=nn.ReLU()),
        TimeMean(),
    ),
    "sigmoid": lambda: Net(*first(), over(s=nn.Sigmoid(), f=nn.Flatten()), TimeMean()),
    "residual": lambda: Net(*first(), Residual(lambda a, b: a + b), *last(144)),
    "residual and": lambda: Net(*first(), Residual(lambda a, b: a * b), *last(144)),
    "residual iand": lambda: Net(*first(), Residual(lambda a, b: (1 - a) * b), *last(144)),
    "dropout": lambda: Net(*first(), over(d=nn.Dropout(0.5)), *last(144)),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_both_ways_give_the_same(make):
    model = make()
    by_modules, by_execution = import_module(model, (2, 6, 6), STEPS), read(model, (2, 6, 6), STEPS)
    assert by_modules.observer is None
    assert [node.op.name for node in by_execution] == [node.op.name for node in by_modules]
    x = torch.from_numpy(np.random.default_rng(0).poisson(0.7, (STEPS, 2, 6, 6)).astype(np.float32))
    runs = [
        reference.run(lowered(graph), {"input": x}, dtype=torch.float64, wanted=graph.outputs)
        for graph in (by_modules, by_execution)
    ]
    ours, theirs = (next(iter(run.values())) for run in runs)
    assert torch.equal(ours, theirs)
    texts = [_code(graph) for graph in (by_modules, by_execution)]
    assert texts[0] == texts[1]


def _code(graph):
    """The C with nodes called by their number, since both ways name them after other things, and
    without comments."""
    numbered = {node.name: f"node{place}" for place, node in enumerate(graph.nodes)}
    numbered["input"] = "input"
    params = {}
    nodes = []
    for node in graph:
        keys = {role: f"{numbered[node.name]}.{role}" for role in node.params}
        params |= {keys[role]: graph.params[key] for role, key in node.params.items()}
        op = replace(node.op, difference=False) if isinstance(node.op, Neuron) else node.op
        nodes.append(
            node.replace(
                name=numbered[node.name],
                inputs=tuple(numbered[name] for name in node.inputs),
                params=keys,
                op=op,
                loc=type(node.loc)(),
            )
        )
    outputs = tuple(numbered[name] for name in graph.outputs)
    same = graph.replace(nodes=tuple(nodes), params=params, outputs=outputs)
    return dict(compile_graph(same).generated.files)
