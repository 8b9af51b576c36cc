"""SpikingJelly's neurons and networks, step by step and over whole windows, bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnc.compiler.frontend.capture import capture, compare
from tests.support.networks.capturing import Step, drawn, held, refused

pytest.importorskip("spikingjelly", reason="spikingjelly is not here: make test-environments")
from spikingjelly.activation_based import encoding, functional, layer, neuron, surrogate

T, N, F = 6, 2, 16
NEURONS: dict[str, dict[str, object]] = {
    **{name: {} for name in ("IFNode", "LIFNode", "ParametricLIFNode", "QIFNode", "EIFNode")},
    **{name: {} for name in ("KLIFNode", "IzhikevichNode", "CUBALIFNode", "ComplementaryLIFNode")},
    **{name: {} for name in ("ILIFNode", "SLTTLIFNode", "HalfThresholdIFNode", "TernaryIFNode")},
    **{name: {} for name in ("RAFNode", "TernaryLIFNode", "SimpleIFNode", "ActivationAwareIFNode")},
    "LIAFNode": {"act": torch.relu, "threshold_related": False},
    "MPBNLIFNode": {"out_features": F},
    "SimpleLIFNode": {"tau": 2.0, "decay_input": True},
    "STBIFNode": {"q_threshold": torch.tensor(0.5), "level": 4},
}
STEPS_ONLY: dict[str, dict[str, object]] = {"OTTTLIFNode": {}}
WINDOWS_ONLY: dict[str, dict[str, object]] = {
    **{"DSRIFNode": {}, "DSRLIFNode": {}},
    **{"PSN": {"T": T}, "GatedLIFNode": {"T": T}},
    **{"MaskedPSN": {"k": 2, "T": T}, "SlidingPSN": {"k": 2}},
}


def _made(name: str, options: dict[str, object]) -> nn.Module:
    torch.manual_seed(0)
    if not hasattr(neuron, name):
        pytest.skip(f"this release has no {name}")
    try:
        return getattr(neuron, name)(**options)
    except AttributeError as error:
        pytest.skip(f"this release cannot build {name} ({error})")


def _in_steps(net: nn.Module, mode: str) -> nn.Module:
    functional.set_step_mode(net, mode)
    return net.eval()


@pytest.mark.parametrize("name", [*NEURONS, *STEPS_ONLY])
def test_spikingjelly_neurons_step_by_step(name):
    node = _made(name, (NEURONS | STEPS_ONLY)[name])
    net = nn.Sequential(layer.Linear(F, F), node, layer.Linear(F, 3))
    captured = held(_in_steps(net, "s"), (T, N, F), per_step=True)
    assert any(state.name.startswith("1.") for state in captured.states)


@pytest.mark.parametrize("name", [*NEURONS, *WINDOWS_ONLY])
def test_spikingjelly_neurons_over_a_window(name):
    node = _made(name, (NEURONS | WINDOWS_ONLY)[name])
    held(_in_steps(nn.Sequential(layer.Linear(F, F), node), "m"), (T, N, F), steps=T)


@pytest.mark.parametrize("name", ["NonSpikingIFNode", "NonSpikingLIFNode"])
def test_spikingjelly_neurons_that_give_their_potential(name):
    net = nn.Sequential(layer.Linear(F, F), _made(name, {}))
    held(_in_steps(net, "s"), (T, N, F), per_step=True)


def test_the_poisson_encoder_of_spikingjelly_is_refused():
    message = refused(nn.Sequential(encoding.PoissonEncoder()).eval(), (T, N, F), per_step=True)
    assert "random" in message
    assert "encoding.py:" in message


def _convolutional(**options: object) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        layer.Conv2d(2, 8, 3, padding=1, bias=False), layer.BatchNorm2d(8),
        neuron.LIFNode(surrogate_function=surrogate.ATan(), **options), layer.MaxPool2d(2, 2),
        layer.Dropout(0.5), layer.Flatten(), layer.Linear(8 * 16, 10), neuron.LIFNode(**options),
        layer.VotingLayer(2),
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize(
    "options",
    [{}, {"v_reset": None}, {"decay_input": False}, {"store_v_seq": True}, {"detach_reset": True}],
    ids=str,
)
def test_spikingjelly_networks(mode, options):
    net = _in_steps(_convolutional(**options), mode)
    captured = held(net, (T, N, 2, 8, 8), per_step=mode == "s", steps=T)
    names = {state.name.split(".")[0] for state in captured.states}
    assert names == ({"2", "7"} if mode == "s" else set())


def test_an_initial_potential_of_spikingjelly_is_where_the_window_starts():
    node = neuron.IFNode()
    node.set_reset_value("v", 0.5)
    node.reset()
    net = Step(F, node)
    captured = held(net, (T, N, F), per_step=True)
    weak = drawn(T, N, F) * 0.05
    assert compare(net, captured, weak).holds
    node.set_reset_value("v", 0.0)
    node.reset()
    assert not compare(net, captured, weak).holds


def test_a_threshold_of_infinity_never_fires():
    held(Step(F, neuron.IFNode(v_threshold=float("inf"))), (T, N, F), per_step=True)


def test_a_cast_between_layers_truncates():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.lif = layer.Conv2d(2, 4, 3), neuron.IFNode(v_threshold=0.5)
            functional.set_step_mode(self, "m")

        def forward(self, x):
            return self.lif(self.conv(x).to(torch.int32).to(torch.float32)).mean(0)

    held(Net(), (T, N, 2, 6, 6), steps=T)


@pytest.mark.parametrize("name", ["spikformer_ti", "sew_resnet18"])
def test_networks_of_spikingjellys_zoo(name):
    if name == "spikformer_ti":
        spikformer = pytest.importorskip("spikingjelly.activation_based.model.spikformer")
        net = spikformer.spikformer_ti(T=4, img_size_h=32, img_size_w=32, num_classes=10)
    else:
        from tests.support.networks.spikingjelly_zoo import sew_resnet

        net = sew_resnet(18, "ADD")
    net = _in_steps(net, "m")
    size = (4, N, 3, 32, 32) if name == "spikformer_ti" else (4, N, 3, 64, 64)
    captured = capture(net, drawn(*size), steps=4)
    found = compare(net, captured, drawn(*size, seed=1))
    assert found.holds, str(found)
