"""What is read is what a model computes: the modules' reading is compared, replaced or refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize, prune

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.verify.float_judge import Verifier
from snnc.errors import SnncError
from snnc.models.neurons import LIF

SHAPE, STEPS = (12,), 6


class Net(nn.Module):
    """Two layers with a neuron between; ``before`` and ``after`` it something of the user's."""

    def __init__(self, before=lambda a: a, after=lambda a: a):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.lif, self.second = nn.Linear(12, 9), LIF(), nn.Linear(9, 4)
        nn.init.normal_(self.first.weight, 0.05, 0.3)
        self.before, self.after = before, after

    def forward(self, x):
        spikes = self.lif(self.before(self.first(x)))
        return self.after(self.second(spikes).mean(0))


def aliased(a):
    b = F.relu(a, inplace=True)
    return a + b


def added(a):
    a.add_(1.0)
    return a


def iadded(a):
    b = a
    b += 1.0
    return a


READ = {
    "softmax": lambda a: a.softmax(-1),
    "sub with alpha": lambda a: torch.sub(a, 0.1, alpha=3),
    "add with alpha": lambda a: torch.add(a, a, alpha=-0.5),
    "relu in place": aliased,
    "add in place": added,
    "aliased": iadded,
    "relu module in place": lambda a: (lambda r: r(a) + a)(nn.ReLU(inplace=True)),
    "rsub": lambda a: torch.rsub(a, 0.5),
    "neg": lambda a: -a,
}
REFUSED = {
    "to int": lambda a: a.to(torch.int32).float(),
    "to half": lambda a: a.half().float(),
    "dropout": lambda a: F.dropout(a, 0.5),
    "noise": lambda a: a + torch.randn(1),
    "by zero": lambda a: a / 0.0,
    "overflow": lambda a: a + 1e39,
    "cumulative product": lambda a: a.cumprod(-1),
}


@pytest.mark.parametrize("change", READ.values(), ids=READ)
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_pytorch_computes_is_proven(change, place, tmp_path):
    model = Net(**{place: change}).eval()
    verifier = Verifier(
        model, compile_graph(import_module(model, SHAPE, STEPS)), tmp_path, ("-O1",)
    )
    verifier.verify(np.random.default_rng(0).poisson(0.5, (STEPS, *SHAPE)).astype(np.uint16))
    assert verifier.result.passed
    assert verifier.result.same_class == 1
    assert [layer.compared for layer in verifier.result.layers] == [STEPS * 9]


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_has_no_operator_is_refused_with_the_line(change, place):
    importing, _ = survey(Net(**{place: change}).eval(), SHAPE, STEPS)
    assert importing.unsupported
    assert all("test_meaning.py:" in entry.source for entry in importing.unsupported)
    with pytest.raises(SnncError, match="E101"):
        import_module(Net(**{place: change}).eval(), SHAPE, STEPS)


@pytest.mark.parametrize("mode", ["floor", "trunc"])
def test_division_to_whole_numbers_is_a_cell(mode):
    divided = Net(before=lambda a: torch.div(a, 0.5, rounding_mode=mode)).eval()
    assert "cell" in {node.op.name for node in import_module(divided, SHAPE, STEPS)}


def test_truth_values_are_a_comparison_with_zero():
    graph = import_module(Net(before=lambda a: a.to(torch.bool).float()).eval(), SHAPE, STEPS)
    assert "cell" in {node.op.name for node in graph}


class Halved(nn.Module):
    def forward(self, weight):
        return 0.5 * weight


def hooked(net):
    net.second.register_forward_hook(lambda m, i, o: 3 * torch.arange(4.0) - o)


def reparametrised(net):
    parametrize.register_parametrization(net.second, "weight", Halved())


def normed(net):
    nn.utils.parametrizations.weight_norm(net.second)


def pruned(net):
    prune.l1_unstructured(net.second, "weight", 0.3)
    net.second.weight_orig.data *= (
        2  # as after loading a checkpoint: the old product is still there
    )


@pytest.mark.parametrize("change", [hooked, reparametrised, normed, pruned])
def test_weights_and_hooks_are_those_of_forward(change):
    net = Net().eval()
    change(net)
    graph = import_module(net, SHAPE, STEPS)
    assert graph.observer is not None or change is normed


class Forgetful(nn.Module):
    """Each call begins at rest."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(12, 9), nn.Linear(9, 4)
        self.u = None

    def forward(self, x):
        self.u = None
        current = self.first(x)
        self.u = current if self.u is None else 0.5 * self.u + current
        return self.second((self.u >= 0.3).float())


class Remembering(Forgetful):
    """And one that remembers, with a ``reset`` of its own."""

    def reset(self):
        self.u = None

    def forward(self, x):
        current = self.first(x)
        self.u = current if self.u is None else 0.5 * self.u + current
        spikes = (self.u >= 0.3).float()
        self.u = self.u - 0.3 * spikes
        return self.second(spikes)


@pytest.mark.parametrize(("model", "beta"), [(Forgetful, 0.0), (Remembering, 0.5)])
def test_what_a_model_of_steps_remembers(model, beta, tmp_path):
    driven = Driven(model(), per_step=True, readout="mean").eval()
    graph = import_module(driven, SHAPE, STEPS)
    (neuron,) = (node for node in graph if node.op.name == "neuron")
    assert neuron.op.beta == beta
    verifier = Verifier(driven, compile_graph(graph), tmp_path, ("-O1",))
    for seed in range(2):  # the second starts from rest again
        frames = np.random.default_rng(seed).poisson(0.5, (STEPS, *SHAPE))
        verifier.verify(frames.astype(np.uint16))
    assert verifier.result.passed
    assert verifier.result.same_class == 2


def test_a_model_that_changes_behind_the_capture_is_noticed(tmp_path):
    factor = [2.0]
    model = Net(before=lambda a: torch.sub(a, 0.1, alpha=factor[0])).eval()
    compilation = compile_graph(import_module(model, SHAPE, STEPS))
    assert compilation.source.observer is not None
    factor[0] = -30.0
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    with pytest.raises(SnncError, match="depends on more than its input"):
        verifier.verify(np.ones((STEPS, *SHAPE), np.uint16))
