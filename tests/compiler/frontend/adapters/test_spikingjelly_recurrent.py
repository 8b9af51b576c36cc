"""SpikingJelly's recurrent containers, in both step modes, against SpikingJelly itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.compiler.verify.pytorch import run_pytorch

sj = pytest.importorskip(
    "spikingjelly.activation_based", reason="spikingjelly is not here: make test-environments"
)
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402

SHAPE, STEPS = (2, 6, 5), 8


def linear_recurrent(v_reset, bias=True):
    """24 features in; a linear layer and 16 neurons inside; what they fire returns."""
    inside = nn.Sequential(layer.Linear(24, 16), neuron.LIFNode(3.0, v_reset=v_reset))
    return layer.LinearRecurrentContainer(inside, 24, 16, bias)


def element_wise(v_reset, function=torch.add):
    inside = neuron.ParametricLIFNode(2.0, v_threshold=0.7, v_reset=v_reset)
    return layer.ElementWiseRecurrentContainer(inside, function)


def network(*recurrent, width):
    torch.manual_seed(0)
    model = nn.Sequential(
        layer.Conv2d(2, 5, 3, padding=1),
        neuron.IFNode(v_threshold=0.4),
        layer.Flatten(),
        layer.Linear(150, 24),
        *recurrent,
        layer.Linear(width, 6),
        neuron.LIFNode(2.0, v_threshold=0.3),
    )
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.data.mul_(3)
    return model.eval()


def driven(model, mode):
    functional.set_step_mode(model, mode)
    return Driven(model, per_step=mode == "s", readout="mean")


def frames(seed):
    return np.random.default_rng(seed).poisson(0.5, (STEPS, *SHAPE)).astype(np.uint16)


def verified(model, tmp_path):
    verifier = Verifier(
        model, compile_graph(import_module(model, SHAPE, STEPS)), tmp_path, ("-O1",)
    )
    for seed in range(3):
        verifier.verify(frames(seed))
    assert verifier.result.passed
    assert verifier.result.same_class == 3
    fired = run_pytorch(
        verifier.model, verifier.source, verifier.discrete, torch.from_numpy(frames(0)).float()
    )[1]
    ends = [node for node in verifier.graph if node.op.name == "feedback_write"]
    assert ends
    assert all(0.02 < fired[end.inputs[0]].mean() < 0.98 for end in ends)


@pytest.mark.parametrize("v_reset", [0.0, None], ids=["hard", "soft"])
@pytest.mark.parametrize("mode", ["m", "s"])
def test_linear_recurrent_container(mode, v_reset, tmp_path):
    model = network(linear_recurrent(v_reset, bias=mode == "m"), width=16)
    verified(driven(model, mode), tmp_path)


@pytest.mark.parametrize("function", [torch.add, lambda x, y: x + y], ids=["torch.add", "lambda"])
@pytest.mark.parametrize("mode", ["m", "s"])
def test_element_wise_recurrent_container(mode, function, tmp_path):
    model = network(
        neuron.IFNode(v_threshold=0.2),
        element_wise(None, function),
        element_wise(0.0, function),
        width=24,
    )
    verified(driven(model, mode), tmp_path)


def test_int8_equals_the_integer_reference(tmp_path):
    """Spikes that return are added to spikes: counts, which are exact."""
    model = driven(network(neuron.IFNode(v_threshold=0.2), element_wise(None), width=24), "m")
    graph = import_module(model, SHAPE, STEPS)
    compilation = compile_graph(graph, calibration=[frames(seed) for seed in (7, 8)])
    assert "feedback_write" in {node.op.name for node in compilation.graph}
    verifier = IntegerVerifier(model, compilation, tmp_path, ("-O1",))
    verifier.verify(frames(0))
    assert verifier.result.passed


@pytest.mark.parametrize(
    ("recurrent", "says"),
    [
        (lambda: element_wise(None, lambda x, y: x if x.sum() > 0 else y), "not known to be"),
        (
            lambda: layer.ElementWiseRecurrentContainer(layer.Linear(24, 24), torch.add),
            "carries spikes, not real",
        ),
    ],
    ids=["branch", "no spikes"],
)
def test_other_connections_are_refused(recurrent, says):
    model = driven(network(recurrent(), width=24), "m")
    importing, _ = survey(model, SHAPE, STEPS)
    assert [entry.module for entry in importing.unsupported] == ["4"]
    assert says in importing.unsupported[0].reason
    assert importing.unsupported[0].suggestion


@pytest.mark.parametrize("function", [lambda x, y: 2 * x + y, lambda x, y: x * y])
def test_other_functions_are_read_from_what_they_execute(function):
    importing, _ = survey(
        driven(network(element_wise(None, function), width=24), "m"), SHAPE, STEPS
    )
    assert not importing.unsupported
    assert importing.observer is not None


def test_recurrent_layer_on_a_map_is_refused():
    model = nn.Sequential(
        layer.Conv2d(2, 5, 3, padding=1),
        layer.LinearRecurrentContainer(neuron.IFNode(), 5, 5),
    )
    functional.set_step_mode(model, "m")
    importing, _ = survey(Driven(model, readout="mean"), SHAPE, STEPS)
    assert "its last axis only" in importing.unsupported[0].reason
