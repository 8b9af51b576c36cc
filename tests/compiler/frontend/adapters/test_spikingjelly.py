"""SpikingJelly: its neurons, layers and containers, in both step modes, against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.ir.graph import Kind
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier

sj = pytest.importorskip(
    "spikingjelly.activation_based", reason="spikingjelly is not here: make test-environments"
)
from spikingjelly.activation_based import functional, layer, neuron, surrogate  # noqa: E402

SHAPE, STEPS = (2, 12, 12), 8
NEURONS = [
    (neuron.IFNode, {}),
    (neuron.LIFNode, {"tau": 3.0}),
    (neuron.LIFNode, {"tau": 1.7, "decay_input": False}),
    (neuron.ParametricLIFNode, {"init_tau": 1.5}),
    (neuron.ParametricLIFNode, {"init_tau": 3.5, "decay_input": False}),
]


def lively(model: nn.Module) -> nn.Module:
    """Random weights whose batch norms keep all layers firing."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.05, 0.2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.6)
        if isinstance(module, nn.Linear):
            module.weight.data.mul_(3)
    return model.eval()


def verified(
    model, tmp_path, *, shape=SHAPE, steps=STEPS, readout="mean", per_step=False
) -> Compilation:
    driven = Driven(lively(model), per_step=per_step, readout=readout)
    compilation = compile_graph(import_module(driven, shape, steps))
    verifier = Verifier(driven, compilation, tmp_path, ("-O1",))
    for seed in range(2):
        frames = np.random.default_rng(seed).poisson(0.3, (steps, *shape))
        verifier.verify(frames.astype(np.uint16))
    result = verifier.result
    assert result.passed
    assert all(entry.compared > 0 for entry in result.layers)
    neurons = [m for m in model.modules() if isinstance(m, neuron.BaseNode)]
    assert len(result.layers) == len(neurons)
    return compilation


@pytest.mark.parametrize("v_reset", [0.0, None, -0.2], ids=["hard", "soft", "below"])
@pytest.mark.parametrize(("node", "options"), NEURONS, ids=lambda x: getattr(x, "__name__", None))
@pytest.mark.parametrize("mode", ["m", "s"])
def test_neurons(mode, node, options, v_reset, tmp_path):
    model = nn.Sequential(
        layer.Conv2d(2, 8, 3, padding=1, bias=False),
        layer.BatchNorm2d(8),
        node(v_reset=v_reset, **options),
        layer.MaxPool2d(2),
        layer.Flatten(),
        layer.Dropout(0.5),
        layer.Linear(8 * 6 * 6, 30),
        node(v_threshold=0.5, v_reset=v_reset, **options),
        layer.VotingLayer(3),
    )
    functional.set_step_mode(model, mode)
    verified(model, tmp_path, per_step=mode == "s")


def test_containers(tmp_path):
    model = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)),
        neuron.LIFNode(step_mode="m"),
        layer.MultiStepContainer(
            nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), neuron.IFNode(), nn.AvgPool2d(2)
        ),
        layer.SeqToANNContainer(nn.Flatten(), nn.Linear(6 * 16, 10)),
        neuron.LIFNode(step_mode="m"),
    )
    verified(model, tmp_path)


class SewBlock(nn.Module):
    def __init__(self, connect):
        super().__init__()
        self.connect = connect
        self.stem = nn.Sequential(
            layer.Conv2d(2, 6, 3, padding=1), layer.BatchNorm2d(6), neuron.IFNode()
        )
        self.block = nn.Sequential(
            layer.Conv2d(6, 6, 3, padding=1), layer.BatchNorm2d(6), neuron.IFNode()
        )
        self.depthwise = nn.Sequential(
            layer.Conv2d(6, 6, 3, groups=6), layer.BatchNorm2d(6), neuron.IFNode()
        )
        self.pool = layer.AdaptiveAvgPool2d((1, 1))
        self.fc = layer.Linear(6, 4)
        functional.set_step_mode(self, "m")

    def forward(self, x):
        x = self.stem(x)
        x = self.connect(x, self.block(x))
        return self.fc(torch.flatten(self.pool(self.depthwise(x)), 2))


@pytest.mark.parametrize(
    ("connect", "kind"),
    [
        (lambda x, y: x + y, Kind.COUNT),
        (lambda x, y: x * y, Kind.SPIKE),
        (lambda x, y: x * (1.0 - y), Kind.SPIKE),
    ],
    ids=["ADD", "AND", "IAND"],
)
def test_sew_connections_have_their_kind(connect, kind, tmp_path):
    compilation = verified(SewBlock(connect), tmp_path)
    convolutions = [node for node in compilation.graph.nodes if node.op.name == "conv2d"]
    assert compilation.graph[convolutions[-1].inputs[0]].type.kind is kind


def gesture_net(channels=16):
    """The parametric-LIF network for DVS128 Gesture, narrow."""
    model_zoo = pytest.importorskip("spikingjelly.activation_based.model.parametric_lif_net")
    model = model_zoo.DVSGestureNet(
        channels, neuron.ParametricLIFNode, surrogate_function=surrogate.ATan()
    )
    functional.set_step_mode(model, "m")
    return model


def test_gesture_net_of_the_model_zoo(tmp_path):
    verified(gesture_net(), tmp_path, shape=(2, 128, 128), steps=3)


def reasons(model, **driving):
    importing, _ = survey(Driven(model, **driving), SHAPE, STEPS)
    return [entry.reason for entry in importing.unsupported]


def test_single_step_mode_given_sequences_is_refused_or_means_what_it_executes():
    """Release 0.0.0.0.14 runs it: the whole sequence is one step, and nothing is remembered."""
    model = nn.Sequential(layer.Conv2d(2, 4, 3, step_mode="m"), neuron.IFNode(step_mode="s"))
    importing, outputs = survey(Driven(model, readout="mean"), SHAPE, STEPS)
    if importing.unsupported:
        (entry,) = importing.unsupported
        assert "step_mode 's' takes single steps" in entry.reason
        return
    graph = importing.graph(outputs)
    x = torch.from_numpy(np.random.default_rng(0).poisson(0.8, (STEPS, *SHAPE))).float()
    (read,) = (reference.run(graph, {"input": x})[name] for name in graph.outputs)
    assert torch.allclose(read.reshape(-1), Driven(model, readout="mean")(x[:, None]).reshape(-1))
    assert 0 < read.mean() < 1


def test_neurons_without_an_importer_are_read_from_what_they_execute():
    model = nn.Sequential(layer.Conv2d(2, 4, 3), neuron.IzhikevichNode())
    functional.set_step_mode(model, "m")
    importing, _ = survey(Driven(model, readout="mean"), SHAPE, STEPS)
    assert not importing.unsupported
    assert [node.op.name for node in importing.nodes.values()].count("cell") == 1


def test_steps_need_a_readout():
    model = nn.Sequential(layer.Flatten(step_mode="m"), layer.Linear(288, 4, step_mode="m"))
    (reason,) = reasons(model, readout=None)
    assert "one result for each step" in reason


def test_a_neuron_called_twice_a_step_is_refused():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.neuron = neuron.IFNode(step_mode="m")
            self.conv = layer.Conv2d(2, 2, 3, padding=1, step_mode="m")

        def forward(self, x):
            return self.neuron(self.conv(self.neuron(self.conv(x)))).flatten(2)

    (reason,) = reasons(Shared(), readout="mean")
    assert "called more than once a step" in reason
