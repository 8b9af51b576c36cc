"""snnTorch's recurrent neurons, each connection, reset and way to write them, against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.nir.export import export_nir
from snnc.compiler.frontend.nir.file import NirOptions, from_graph
from snnc.compiler.frontend.nir.network import NirNetwork
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.compiler.verify.pytorch import run_pytorch
from snnc.errors import SnncError
from tests.support.networks import driven
from tests.support.networks.driven import SHAPE, STEPS, windows

snn = pytest.importorskip("snntorch", reason="snntorch is not here: make test-environments")

DECAYS = {"RLeaky": {"beta": 0.8}, "RSynaptic": {"alpha": 0.6, "beta": 0.7}}
LINEAR, CONV = {"linear_features": 10}, {"conv2d_channels": 5, "kernel_size": 3}
ONE, EACH = ({"all_to_all": False, "V": v} for v in (0.7, torch.linspace(-1, 1, 10)))


def recurrent(name, connection, **options):
    return getattr(snn, name)(**DECAYS[name] | connection | options)


class Looped(nn.Module):
    """The loop over time in forward, spikes and states passed by hand."""

    def __init__(self, name, reset, last=LINEAR):
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.lif1 = recurrent(name, CONV, reset_mechanism=reset)
        self.fc = nn.Linear(5 * 4 * 4, 10)
        self.lif2 = recurrent(name, last, reset_mechanism=reset)

    def forward(self, x):
        first, second = self.lif1.reset_mem(), self.lif2.reset_mem()
        spikes = []
        for step in range(x.size(0)):
            first = self.lif1(self.pool(self.conv(x[step])), *first)
            second = self.lif2(self.fc(first[0].flatten(1)), *second)
            spikes.append(second[0])
        return torch.stack(spikes, dim=0).sum(dim=0)


def sequential(*last, **options):
    """Step modules that keep their own state."""
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1),
        nn.MaxPool2d(2),
        recurrent("RLeaky", CONV, init_hidden=True, **options),
        nn.Flatten(),
        nn.Linear(80, 10),
        *last,
    )


def verified(model, tmp_path, **driving):
    verifier = driven.verified(model, tmp_path, (0.02, 0.3), "feedback", 2, **driving)
    *_, last = windows()
    fired = run_pytorch(
        verifier.model,
        verifier.source,
        verifier.discrete,
        torch.from_numpy(last.astype(np.float32)),
    )[1]
    assert all(0 < spikes.mean() < 1 for spikes in fired.values())


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("name", ["RLeaky", "RSynaptic"])
def test_loop_in_forward(name, reset, tmp_path):
    verified(Looped(name, reset), tmp_path, readout=None)


@pytest.mark.parametrize("connection", [ONE, EACH], ids=["one V", "a V for each neuron"])
@pytest.mark.parametrize("name", ["RLeaky", "RSynaptic"])
def test_neuron_to_itself(name, connection, tmp_path):
    last = recurrent(name, connection, init_hidden=True, output=True, learn_threshold=True)
    verified(sequential(last), tmp_path, per_step=True, readout="sum")


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_step_module_called_in_a_loop(reset, tmp_path):
    """init_hidden, fixed weights, beta 1, kernels of two sizes."""
    last = recurrent("RLeaky", LINEAR, init_hidden=True, learn_recurrent=False, output=True)
    model = sequential(last, beta=torch.linspace(0.5, 1, 5).reshape(5, 1, 1), kernel_size=(5, 3))
    verified(model, tmp_path, per_step=True, readout="sum")


def test_rounding_of_terms_that_cancel_is_within_the_bound(tmp_path):
    """snnTorch adds X to U, and V S to that; the C adds V S to X. With U and X + V S near 1 and X
    near 1000, snnTorch's first sum rounds what no sum of the C does, right at the threshold."""
    neurons, rng = 4000, np.random.default_rng(5)
    small, large = rng.uniform(0.5, 1.5, neurons), rng.uniform(500, 1500, neurons)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(4, neurons, bias=False),
        recurrent(
            "RLeaky",
            {"all_to_all": False, "V": torch.tensor(0.3 - small - large).float()},
            beta=1.0,
            threshold=0.3,
            reset_mechanism="none",
            init_hidden=True,
        ),
    )
    weight = np.stack([small, large, 0 * small, 0 * small], axis=1)
    model[1].weight.data = torch.from_numpy(weight).float()
    driven = Driven(model, per_step=True, readout="sum")
    imported = import_module(driven, (1, 2, 2), 2)
    verifier = Verifier(driven, compile_graph(imported), tmp_path, ("-O1",))
    verifier.verify(np.eye(2, 4, dtype=np.uint16).reshape(2, 1, 2, 2))
    (layer,) = verifier.result.layers
    assert layer.mismatches > 100
    assert layer.unexplained == 0


def test_int8_equals_the_integer_reference(tmp_path):
    torch.manual_seed(1)
    model = sequential(recurrent("RLeaky", LINEAR, init_hidden=True))
    model[0], model[1] = nn.Conv2d(2, 5, 3, stride=2, padding=1), nn.Dropout()
    driven = Driven(model.eval(), per_step=True, readout="mean")
    windows = [np.random.default_rng(seed).poisson(0.5, (STEPS, *SHAPE)) for seed in range(3)]
    compilation = compile_graph(import_module(driven, SHAPE, STEPS), calibration=windows[1:])
    assert [node.op.name for node in compilation.graph].count("add_i8") == 2
    verifier = IntegerVerifier(driven, compilation, tmp_path, ("-O1",))
    verifier.verify(windows[0].astype(np.uint16))
    assert verifier.result.passed


@pytest.mark.parametrize(
    ("name", "connection", "says"),
    [("RLeaky", ONE, "affine has no int8 form"), ("RSynaptic", LINEAR, "integrator has no int8")],
)
def test_what_int8_does_not_have_is_refused(name, connection, says):
    last = recurrent(name, connection, init_hidden=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(128, 10), last)
    imported = import_module(Driven(model, per_step=True, readout="sum"), SHAPE, STEPS)
    with pytest.raises(SnncError, match=says):
        compile_graph(imported, calibration=[np.ones((STEPS, *SHAPE), np.uint16)])


def test_a_reset_that_nir_does_not_have_is_not_exported():
    """snnTorch takes the threshold off a step later than NIR, so that it does not leak."""
    pytest.importorskip("nir", reason="the nir package is not installed")
    model = nn.Sequential(nn.Flatten(), nn.Linear(128, 10), recurrent("RLeaky", LINEAR))
    model[2].init_hidden = True
    imported = import_module(Driven(model, per_step=True, readout="sum"), SHAPE, STEPS)
    with pytest.raises(SnncError, match="whole a step later"):
        export_nir(imported)


def refusals(model, **driving):
    importing, _ = survey(Driven(model, **driving), SHAPE, STEPS)
    return importing.unsupported


def test_spikes_that_its_layer_gives_are_read_from_what_it_executes():
    class Crossed(Looped):
        def forward(self, x):
            first, second, spikes = self.lif1.reset_mem(), self.lif2.reset_mem(), []
            for step in x:
                first = self.lif1(self.pool(self.conv(step)), *first)
                current = self.fc(first[0].flatten(1))
                second = self.lif2(current, current, second[1])
                spikes.append(second[0])
            return torch.stack(spikes)

    driven.read_by_execution(Crossed("RLeaky", "subtract"), readout="mean")


def test_inhibition_is_refused():
    (entry,) = refusals(sequential(inhibition=True), per_step=True, readout="mean")
    assert "inhibition" in entry.reason
    assert entry.module == "2"


@pytest.mark.parametrize("options", [{"reset_delay": False}, {"threshold": -1.0}])
def test_other_options_are_read_from_what_they_execute(options):
    driven.read_by_execution(sequential(**options), per_step=True, readout="mean")


def test_connection_of_another_class_is_refused():
    last = recurrent("RLeaky", LINEAR, init_hidden=True)
    last.recurrent = nn.Sequential(nn.Linear(10, 10), nn.ReLU())
    (entry,) = refusals(sequential(last), per_step=True, readout="mean")
    assert "its recurrent connection is Sequential" in entry.reason


@pytest.mark.parametrize("name", ["RLeaky", "RSynaptic"])
def test_nir_that_snntorch_writes_is_read(name, tmp_path):
    """Its exporter makes a recurrent layer a graph of its own."""
    nir = pytest.importorskip("nir", reason="the nir package is not installed")
    export = pytest.importorskip("snntorch.export_nir", reason="snntorch exports with nirtorch")
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(8, 10), recurrent(name, LINEAR, init_hidden=True))
    graph = export.export_to_nir(model, torch.zeros(8))
    path = tmp_path / "written.nir"
    nir.write(str(path), graph)
    file = from_graph(nir.read(str(path)), NirOptions("subtract", 1e-4))
    assert [node.loop != "" for node in file.nodes].count(True) == 2
    network = NirNetwork(file)
    compilation = compile_graph(import_module(network, (8,), STEPS))
    verifier = Verifier(network, compilation, tmp_path, ("-O1",))
    verifier.verify(np.random.default_rng(0).poisson(1.0, (STEPS, 8)).astype(np.uint16))
    assert verifier.result.passed
