"""The MA-SNN authors' modules: classes of the same structure, known by it and verified."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.verify.float_judge import Verifier
from snnc.errors import SnncError
from snnc.models.storage.conversion import convert

STEPS, SHAPE = 6, (2, 12, 12)


class Cell(nn.Module):
    """Leaky cell with their attributes; a spike takes it to its threshold, not to Vreset."""

    def __init__(self, size, mode="spike"):
        super().__init__()
        self.hiddenSize, self.scale, self.h = size, 0.3, None
        self.alpha, self.beta, self.Vreset, self.Vthres = 0.3, 0.0, 0.0, 0.3
        self.mode_select, self.pa_train_self = mode, False
        self.spikeActFun = lambda x: x.ge(0.0).float()

    def forward(self, x):
        u = x if self.h is None else self.h + x
        fired = self.spikeActFun(u - self.Vthres)
        self.h = torch.where(fired > 0, torch.full_like(u, self.Vthres), u) * self.alpha + self.beta
        return fired

    def reset(self):
        self.h = None


class SharedGate(nn.Module):
    """One number for each entry of axis 1 of [N, T or C, ...]: an MLP of its mean and maximum."""

    def __init__(self, features, ratio, conv):
        super().__init__()
        hidden = features // ratio
        first, last = conv(features, hidden, 1, bias=False), conv(hidden, features, 1, bias=False)
        self.sharedMLP = nn.Sequential(first, nn.ReLU(), last)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        axes = tuple(range(2, x.ndim))
        mean, most = x.mean(axes, keepdim=True), x.amax(axes, keepdim=True)
        return self.sigmoid(self.sharedMLP(mean) + self.sharedMLP(most))


class MapGate(nn.Module):
    """One number for each pixel of [N, T, C, H, W]."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        maps = torch.stack([x.mean((1, 2)), x.amax((1, 2))], 1)
        return self.sigmoid(self.conv(maps))[:, None]


class Attention(nn.Module):
    def __init__(self, parts, channels, conv=nn.Conv3d):
        super().__init__()
        self.relu = nn.ReLU()
        if "C" in parts:
            self.ca = SharedGate(channels, 4, conv)
        if "T" in parts:
            self.ta = SharedGate(STEPS, 3, conv)
        if "S" in parts:
            self.sa = MapGate()

    def forward(self, x):
        if hasattr(self, "ta"):
            x = self.ta(x) * x
        if hasattr(self, "ca"):
            x = self.ca(x.transpose(1, 2)).transpose(1, 2) * x
        if hasattr(self, "sa"):
            x = self.sa(x) * x
        return self.relu(x)


class Layer(nn.Module):
    """ConvAttLIF and AttLIF: [N, T, ...] to [N, T, ...]."""

    def __init__(self, synapse, norm, attention, pool=1, cell=Cell):
        super().__init__()
        self.onlyLast, self.useBatchNorm, self.pooling_kernel_size = False, True, pool
        self.attention_flag = "no" if attention is None else type(attention).__name__
        self.name = "conv2d" if isinstance(synapse, nn.Conv2d) else "linear"
        setattr(self, self.name, synapse)
        self.BNLayer = norm
        if pool > 1:
            self.pooling = nn.AvgPool2d(pool)
        if attention is not None:
            self.attention = attention
        self.network = nn.Sequential()
        self.network.add_module("IF", cell(norm.num_features))

    def forward(self, x):
        self.network[0].reset()
        n, t = x.shape[:2]
        current = self.BNLayer(getattr(self, self.name)(x.flatten(0, 1)))
        if self.pooling_kernel_size > 1:
            current = self.pooling(current)
        current = current.unflatten(0, (n, t))
        if self.attention_flag != "no":
            current = self.attention(current)
        return torch.stack([self.network(step) for step in current.unbind(1)], 1)


THREE = ((2, 6, 1), (6, 8, 2), (8, 8, 2))
FIVE = ((2, 4, 2), (4, 6, 2), (6, 8, 2), (8, 8, 2), (8, 8, 4))


class Net(nn.Module):
    """Their networks: [N, T, C, H, W] to the mean of the last spikes."""

    def __init__(self, parts, cell=Cell, sizes=THREE, features=8 * 9):
        super().__init__()
        self.convolutions = len(sizes)
        for number, (i, o, pool) in enumerate(sizes):
            attention = Attention(parts, o) if parts else None
            conv = nn.Conv2d(i, o, 3, padding=1)
            layer = Layer(conv, nn.BatchNorm2d(o), attention, pool, cell)
            setattr(self, f"convAttLIF{number}", layer)
        for number, (i, o) in enumerate(((features, 20), (20, 5))):
            attention = Attention("T", o, nn.Conv1d) if "T" in parts else None
            layer = Layer(nn.Linear(i, o), nn.BatchNorm1d(o), attention, cell=cell)
            setattr(self, f"FC{number}", layer)

    def forward(self, input):
        b, t, _, _, _ = input.size()
        x = input
        for number in range(self.convolutions):
            x = getattr(self, f"convAttLIF{number}")(x)
        x = self.FC1(self.FC0(x.reshape(b, t, -1)))
        return torch.sum(x, dim=1) / t


def driven(net):
    torch.manual_seed(4)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_var.uniform_(0.02, 0.1)
            module.bias.data.normal_(0, 0.8)
    return Driven(net.eval(), batch_first=True, readout=None)


@pytest.mark.parametrize("parts", ["TCS", "TC", "CS", "T", "C", "S", ""])
def test_three_layer_network(parts, tmp_path):
    model = driven(Net(parts))
    compilation = compile_graph(import_module(model, SHAPE, STEPS))
    ops = [node.op.name for node in compilation.graph.nodes]
    assert ops.count("mlp") == (5 if "T" in parts else 0) + (3 if "C" in parts else 0)
    assert ops.count("conv2d") == (6 if "S" in parts else 3)
    flags = ("-O1", "-DSNN_KERNEL=static __attribute__((unused))")
    verifier = Verifier(model, compilation, tmp_path, flags)
    for seed in range(3):
        frames = np.random.default_rng(seed).poisson(0.3, (STEPS, *SHAPE))
        verifier.verify(frames.astype(np.uint16))
    result = verifier.result
    assert result.passed
    sizes = (6 * 144, 8 * 36, 8 * 9, 20, 5)
    assert [layer.compared for layer in result.layers] == [3 * STEPS * n for n in sizes]


def converted(net, network="three-layer", shape=SHAPE):
    """Their file as it is saved from a data-parallel run, as a model of ours."""
    state = {f"module.{name}": value for name, value in net.state_dict().items()}
    content = {"net": state, "acc": 91.0, "epoch": 3, "acc_record": [90.0, 91.0]}
    size = {"time_steps": STEPS, "input_size": shape}
    return convert(content, network, **size, where="theirs.t7")


@pytest.mark.parametrize(
    ("parts", "attention", "sizes"),
    [
        ("TCS", "tcsa", {"temporal_reduction": 3, "spatial_kernel": 3}),
        ("TC", "tca", {"temporal_reduction": 3}),
        ("TS", "tsa", {"temporal_reduction": 3, "spatial_kernel": 3}),
        ("CS", "csa", {"spatial_kernel": 3}),
        ("T", "ta", {"temporal_reduction": 3}),
        ("C", "ca", {}),
        ("S", "sa", {"spatial_kernel": 3}),
        ("", "none", {}),
    ],
)
def test_converted_checkpoint_gives_their_currents_and_scores(parts, attention, sizes):
    theirs = driven(Net(parts)).net
    ours = converted(theirs)
    assert ours.hyper["attention"] == attention
    assert ours.hyper["attention_sizes"] == sizes
    assert ours.hyper["fc_attention"] == ("ta" if "T" in parts else "none")
    currents = {"ours": [], "theirs": []}
    for name, cell in (("ours", ours.layer1.neuron), ("theirs", theirs.convAttLIF0.network[0])):
        cell.register_forward_hook(lambda _m, i, _o, name=name: currents[name].append(i[0]))
    frames = torch.poisson(torch.full((2, STEPS, *SHAPE), 0.3))
    with torch.no_grad():
        scores, wanted = ours(frames.transpose(0, 1)), theirs(frames)
    torch.testing.assert_close(currents["ours"][0], torch.stack(currents["theirs"]))
    torch.testing.assert_close(scores, wanted, rtol=0, atol=1e-6)
    assert wanted.std() > 0.01


def test_their_network_of_five_convolutions_converts():
    theirs = driven(Net("TCS", sizes=FIVE, features=8)).net
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.fill_(4)  # three gates on each other leave little
    ours = converted(theirs, "ma-five-layer", (2, 64, 64))
    frames = torch.poisson(torch.full((2, STEPS, 2, 64, 64), 0.3))
    with torch.no_grad():
        scores, wanted = ours(frames.transpose(0, 1)), theirs(frames)
    torch.testing.assert_close(scores, wanted, rtol=0, atol=1e-6)
    assert wanted.std() > 0.01
    with pytest.raises(SnncError, match="5 convolutions, and network three-layer has 3"):
        converted(theirs, "three-layer", (2, 64, 64))


def test_converted_checkpoint_verifies(tmp_path):
    """As the file of a user: saved, converted by the command's function, compiled, compared."""
    ours = converted(driven(Net("TCS")).net)
    flags = ("-O1", "-DSNN_KERNEL=static __attribute__((unused))")
    verifier = Verifier(ours, compile_graph(import_module(ours, SHAPE, STEPS)), tmp_path, flags)
    for seed in range(3):
        frames = np.random.default_rng(seed).poisson(0.3, (STEPS, *SHAPE))
        verifier.verify(frames.astype(np.uint16))
    sizes = (6 * 144, 8 * 36, 8 * 9, 20, 5)
    assert verifier.result.passed
    assert [layer.compared for layer in verifier.result.layers] == [3 * STEPS * n for n in sizes]


def test_conversion_to_a_network_of_other_neurons_is_refused():
    state = {"net": Net("").state_dict()}
    with pytest.raises(SnncError, match="MA-SNN has no network like five-layer"):
        convert(state, "five-layer", time_steps=STEPS, input_size=(2, 32, 32), where="theirs.t7")


def test_reset_goes_where_the_cell_says():
    graph = import_module(driven(Net("")), SHAPE, STEPS)
    resets = {node.op.reset for node in graph.nodes if node.op.name == "neuron"}
    assert resets == {0.3 * 0.3}


class Drifting(Cell):
    def forward(self, x):
        fired = super().forward(x)
        self.h = self.h + 0.05
        return fired


class Foreign(nn.ReLU):
    def __init__(self, size):
        super().__init__()

    def reset(self):
        pass


@pytest.mark.parametrize("cell", [lambda size: Cell(size, mode="mem"), Drifting, Foreign])
def test_other_cells_are_read_from_what_they_execute(cell):
    class Plain(Net):
        def forward(self, input):
            return self.convAttLIF0(input).flatten(2).sum(1)

    importing, _ = survey(driven(Plain("", cell)), SHAPE, STEPS)
    assert not importing.unsupported
    assert importing.observer is not None


def test_time_first_is_refused():
    class TimeFirst(Net):
        def forward(self, input):
            return self.convAttLIF0(input.transpose(0, 1)).flatten(2).mean(0)

    importing, _ = survey(driven(TimeFirst("")), SHAPE, STEPS)
    (entry,) = importing.unsupported
    assert "it is given [T, N, ...]" in entry.reason
