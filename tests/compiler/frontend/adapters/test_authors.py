"""The ASA-SNN authors' modules: classes of the same structure, known by it and verified."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.verify.float_judge import Verifier
from snnc.models.storage.conversion import convert

layer = pytest.importorskip(
    "spikingjelly.activation_based.layer", reason="spikingjelly is not here: make test-environments"
)
from spikingjelly.activation_based import functional, neuron  # noqa: E402

STEPS = 6


class Cell(nn.Module):
    """Leaky cell with their attributes."""

    def __init__(self, threshold=0.3, decay=0.3, mode="spike"):
        super().__init__()
        self.alpha, self.beta, self.Vreset, self.Vthres = decay, 0.0, 0.0, threshold
        self.mode_select, self.pa_train_self, self.attention_in_spike = mode, False, False
        self.spikeActFun = lambda x: x.ge(0.0).float()

    def forward(self, x):
        u = getattr(self, "h", torch.zeros_like(x)) + x
        fired = self.spikeActFun(u - self.Vthres)
        self.h = (fired * self.Vreset + (1 - fired) * u) * self.alpha + self.beta
        return fired

    def reset(self):
        if hasattr(self, "h"):
            del self.h


class Nothing(nn.Module):
    def forward(self, x):
        return x


class Asa(nn.Module):
    """Eqs. 5, 6 and 8 to 10 on [N, T, C, H, W]; like theirs it needs a batch of two."""

    def __init__(self, steps, reduction):
        super().__init__()
        self.alpha, self.beta = nn.Parameter(torch.tensor([0.4])), nn.Parameter(torch.tensor([0.6]))
        self.lam_ = 0.5
        hidden = steps // reduction
        self.fc = nn.Linear(steps, steps, bias=False)
        if reduction > 1:
            first, last = nn.Linear(steps, hidden, bias=False), nn.Linear(hidden, steps, bias=False)
            self.fc = nn.Sequential(first, nn.ReLU(), last)
        self.conv1 = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(2, 1, 3, padding=1, bias=False)

    def forward(self, x):
        if len(x) < 2:
            raise IndexError("a batch of one loses its axis")
        mean, most = x.mean((3, 4)), x.amax((3, 4))
        mixed = 0.5 * (mean + most) + self.alpha * mean + self.beta * most
        mixed = self.fc(mixed.transpose(1, 2)).transpose(1, 2)
        channels = self.larger_half(mixed.contiguous())
        times = self.larger_half(mixed.transpose(1, 2).contiguous()).transpose(1, 2)
        mask = (channels != times).to(x.dtype)[..., None, None]
        return sum(
            self.gate(x * group, conv)
            for group, conv in ((mask, self.conv1), (1 - mask, self.conv2))
        )

    def larger_half(self, rows):
        best = torch.topk(rows[..., None, None], dim=2, k=rows.shape[2] // 2).indices[..., 0, 0]
        return torch.zeros_like(rows).scatter_(2, best, 1)

    def gate(self, x, conv):
        maps = torch.stack([x.mean((1, 2)) / self.lam_, x.amax((1, 2))], 1)
        return conv(maps).sigmoid()[:, None] * x


class Layer(nn.Module):
    def __init__(self, synapse, norm, attn, pool=1, cell=None):
        super().__init__()
        self.onlyLast, self.useBatchNorm = False, norm is not None
        self.attention_before_conv = self.attention_per_time = False
        self.is_conv = isinstance(synapse, nn.Conv2d)
        setattr(self, "conv" if self.is_conv else "linear", layer.SeqToANNContainer(synapse))
        if norm is not None:
            self.bn = layer.SeqToANNContainer(norm)
        self.pooling_kernel_size = pool
        if pool > 1:
            self.pooling = layer.SeqToANNContainer(nn.AvgPool2d(pool))
        self.attn = attn
        self.dropout = layer.Dropout(0.1)
        self.spike = layer.MultiStepContainer(cell or Cell())

    def forward(self, x, mp_collect=False):
        x = (self.conv if self.is_conv else self.linear)(x)
        x = self.bn(x) if self.useBatchNorm else x
        x = self.pooling(x) if self.pooling_kernel_size > 1 else x
        return self.spike(self.attn(x.transpose(0, 1)).transpose(0, 1))


class Net(nn.Module):
    """Their three-layer network: [N, T, C, H, W] to the mean of the last spikes, and all spikes."""

    def __init__(self, attention, cell=None):
        super().__init__()
        sizes = ((2, 6, 1), (6, 8, 2), (8, 8, 2))
        self.ConvAttLIFs = nn.ModuleList(
            Layer(
                nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), attention(), pool, cell and cell()
            )
            for i, o, pool in sizes
        )
        self.FCs = nn.ModuleList(
            Layer(nn.Linear(i, o), None, Nothing()) for i, o in ((8 * 9, 20), (20, 5))
        )

    def forward(self, input, mp_collect=False):
        b, t, _, _, _ = input.size()
        x = input.permute(1, 0, 2, 3, 4).contiguous()
        fired = []
        for body in self.ConvAttLIFs:
            x = body(x, mp_collect=mp_collect)
            fired.append(x)
        x = x.reshape(t, b, -1)
        for head in self.FCs:
            x = head(x, mp_collect=mp_collect)
            fired.append(x)
        return torch.mean(x.permute(1, 0, 2).contiguous(), dim=1), fired


def driven(net):
    torch.manual_seed(4)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.05, 0.2)
            module.bias.data.normal_(0, 0.6)
        if isinstance(module, nn.Linear) and module.out_features in (5, 20):
            module.weight.data.mul_(3)
    return Driven(net.eval(), batch_first=True, copies=2, readout=None)


@pytest.mark.parametrize("reduction", [1, 2])
def test_three_layer_network_with_asa(reduction, tmp_path):
    torch.manual_seed(1)  # of some weights the perceptron is dead, and all channels tie
    model = driven(Net(lambda: Asa(STEPS, reduction)))
    compilation = compile_graph(import_module(model, (2, 12, 12), STEPS))
    assert [n.op.name for n in compilation.graph.nodes].count("complementary_mask") == 3
    masked = (6, 6 * 144, 8, 8 * 36, 8, 8 * 9, 20, 5)
    verify(model, compilation, tmp_path, masked)


def test_three_layer_network_without_attention(tmp_path):
    model = driven(Net(Nothing))
    plain = (6 * 144, 8 * 36, 8 * 9, 20, 5)
    verify(model, compile_graph(import_module(model, (2, 12, 12), STEPS)), tmp_path, plain)


def converted(theirs):
    state = {f"module.{key}": value for key, value in theirs.net.state_dict().items()}
    state["module.ConvAttLIFs.0.spike.0.attn.alpha"] = torch.ones(1)  # unused there too
    size = {"time_steps": STEPS, "input_size": (2, 12, 12)}
    return convert({"epoch": 3, "net": state}, "three-layer", **size, where="theirs.pth")


FRAMES = torch.poisson(torch.full((STEPS, 1, 2, 12, 12), 0.5), torch.Generator().manual_seed(1))


def test_converted_checkpoint_gives_the_same_scores():
    theirs = driven(Net(Nothing))
    with torch.no_grad():
        scores = converted(theirs)(FRAMES)
        assert scores.any()
        assert torch.equal(scores, theirs(FRAMES))


@pytest.mark.parametrize("reduction", [1, 2])
def test_converted_attention_mixes_the_same_map(reduction):
    """The order of this map is all that is read of it; our sigmoid after it may make ties."""
    theirs = driven(Net(lambda: Asa(STEPS, reduction)))
    ours, maps = converted(theirs), []
    theirs.net.ConvAttLIFs[0].attn.fc.register_forward_hook(
        lambda module, inputs, output: maps.append(output[0].T.sigmoid())
    )
    ours.layer1.attention.mix.register_forward_hook(
        lambda module, inputs, output: maps.append(output[:, 0])
    )
    with torch.no_grad():
        theirs(FRAMES)
        ours(FRAMES)
    assert maps[0].std() > 1e-4
    torch.testing.assert_close(maps[0], maps[1], rtol=0, atol=2**-23)


def verify(model, compilation, tmp_path, expected):
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    for seed in range(4):
        frames = np.random.default_rng(seed).poisson(0.3, (STEPS, 2, 12, 12))
        verifier.verify(frames.astype(np.uint16))
    result = verifier.result
    assert result.passed
    assert result.same_class == 4
    assert [entry.compared for entry in result.layers] == [4 * STEPS * n for n in expected]
    assert result.unexplained == 0


def test_modes_without_a_meaning_are_refused():
    importing, _ = survey(driven(Net(Nothing, lambda: Cell(mode="mem"))), (2, 12, 12), STEPS)
    assert all("gives potentials" in entry.reason for entry in importing.unsupported)
    assert len(importing.unsupported) >= 1


class Voting(nn.Module):
    """Means of neighbours, as a module of their own."""

    def __init__(self, voting_size):
        super().__init__()
        self.voting_size = voting_size

    def forward(self, x):
        return x.unflatten(1, (-1, self.voting_size)).mean(2)


class Body(nn.Module):
    """A layer of their five-layer networks: pool, convolution, BN, attention on [N, T, ...]."""

    def __init__(self, inputs, outputs, pool, attention, node):
        super().__init__()
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.pool = layer.SeqToANNContainer(pool)
        self.conv = layer.SeqToANNContainer(convolution)
        self.bn = layer.SeqToANNContainer(nn.BatchNorm2d(outputs))
        self.spike = layer.MultiStepContainer(node())
        self.attn = attention

    def forward(self, x):
        x = self.bn(self.conv(self.pool(x)))
        x = self.attn(x.transpose(0, 1).contiguous()).transpose(0, 1).contiguous()
        return self.spike(x)


class Head(nn.Module):
    def __init__(self, inputs, outputs, node):
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.spike = layer.MultiStepContainer(node())

    def forward(self, x):
        return self.spike(functional.seq_to_ann_forward(x, self.fc))


class FiveLayer(nn.Module):
    def __init__(self, attention, pool, node):
        super().__init__()
        sizes = [(2 if number == 0 else 6, 6) for number in range(5)]
        self.ConvAttLIFs = nn.ModuleList(
            nn.Sequential(Body(i, o, pool() if number else nn.Identity(), attention(), node))
            for number, (i, o) in enumerate(sizes)
        )
        self.pool = layer.SeqToANNContainer(nn.MaxPool2d(2, 2))
        self.FCs = nn.ModuleList(
            nn.Sequential(layer.Dropout(0.0), Head(i, o, node)) for i, o in ((6, 9), (9, 20))
        )
        self.voting = Voting(4)

    def forward(self, x):
        x = x.transpose(0, 1).contiguous()
        fired = []
        for body in self.ConvAttLIFs:
            x = body(x)
            fired.append(x)
        x = self.pool(x).flatten(2)
        for head in self.FCs:
            x = head(x)
        x = functional.seq_to_ann_forward(x, self.voting)
        return torch.mean(x, dim=0), fired


@pytest.mark.parametrize(
    ("attention", "pool", "node"),
    [
        (lambda: Asa(STEPS, 1), lambda: nn.MaxPool2d(2, 2), lambda: neuron.ParametricLIFNode()),
        (nn.Identity, lambda: nn.AvgPool2d(2, 2), lambda: neuron.LIFNode()),
    ],
    ids=["asa-max-plif", "none-avg-lif"],
)
def test_five_layer_network(attention, pool, node, tmp_path):
    model = driven(FiveLayer(attention, pool, node))
    compilation = compile_graph(import_module(model, (2, 32, 32), STEPS))
    ops = [n.op.name for n in compilation.graph.nodes]
    assert ops.count("neuron") == 7
    assert ops.count("group_mean") == 1
    flags = ("-O1", "-DSNN_KERNEL=static __attribute__((unused))")
    verifier = Verifier(model, compilation, tmp_path, flags)
    for seed in range(2):
        frames = np.random.default_rng(seed).poisson(0.4, (STEPS, 2, 32, 32))
        verifier.verify(frames.astype(np.uint16))
    assert verifier.result.passed
    sizes = {n.name: n.type.size for n in compilation.graph.nodes}
    assert [entry.compared for entry in verifier.result.layers] == [
        2 * STEPS * sizes[entry.name] for entry in verifier.result.layers
    ]
