"""Layers that look at time as at an axis of space or at channels; writes into a part of a value."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.verify.float_judge import Verifier
from tests.support.networks.captured_models import STEPS, lif, ops, refused, same

VECTOR, MAP = (6,), (2, 4, 5)


class Net(nn.Module):
    """A forward with layers at hand."""

    def __init__(self, forward, **layers):
        super().__init__()
        torch.manual_seed(1)
        self.function = forward
        for name, layer in layers.items():
            self.add_module(name, layer)
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm3d):
                nn.init.uniform_(norm.running_var, 0.5, 2.0)
                nn.init.normal_(norm.running_mean)
        self.eval()

    def forward(self, x):
        return self.function(self, x)


def last(x):
    """Time behind vectors: [N, C, T]."""
    return x.permute(1, 2, 0)


def depth(x):
    """Time as the depth of maps: [N, C, T, H, W]."""
    return x.movedim(0, 2)


def conv1d(before=lambda x: x, after=lambda x: x, **options):
    """A convolution over time, of drawn weights."""
    layer = nn.Conv1d(6, options.pop("out", 4), options.pop("kernel", 3), **options)
    return Net(lambda m, x: after(m.conv(before(last(x)))).mean(2), conv=layer)


def volumes(layer, after=lambda m, x: x, **layers):
    net = Net(lambda m, x: after(m, m.layer(depth(x))).mean(2).flatten(1), layer=layer, **layers)
    net.eval()
    return net


def gated(m, x):
    """Temporal and channel attention joined (TCJA): steps as channels, and steps as an axis."""
    score = x.mean((3, 4))
    channels = m.channels(score.permute(1, 2, 0)).permute(2, 0, 1)
    steps = m.steps(score.permute(1, 0, 2)).permute(1, 0, 2)
    gate = torch.sigmoid(channels * steps)
    u, spikes = torch.zeros_like(x[0]), []
    for step in x * gate[:, :, :, None, None]:
        u, s = lif(u, step)
        spikes.append(s)
    return torch.stack(spikes).mean(0).flatten(1)


def gated_net():
    return Net(
        gated,
        channels=nn.Conv1d(2, 2, 4, padding="same", bias=False),
        steps=nn.Conv1d(STEPS, STEPS, 4, padding="same", bias=False),
    )


SEEN = {
    "centred": (lambda: conv1d(padding=1), VECTOR),
    "of each channel": (lambda: conv1d(out=6, padding=2, dilation=2, groups=6), VECTOR),
    "of two groups": (lambda: conv1d(padding=1, groups=2), VECTOR),
    "causal": (lambda: conv1d(lambda x: F.pad(x, (2, 0))), VECTOR),
    "its end cut": (lambda: conv1d(after=lambda x: x[..., :-2], padding=2), VECTOR),
    "of even length": (lambda: conv1d(kernel=4, padding="same"), VECTOR),
    "border of ones": (lambda: conv1d(lambda x: F.pad(x, (1, 1), value=1.0)), VECTOR),
    "a delay by padding": (
        lambda: Net(lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 0))[:-1].mean(0)),
        VECTOR,
    ),
    "volumes": (lambda: volumes(nn.Conv3d(2, 3, 3, padding=1)), MAP),
    "maps of volumes": (
        lambda: volumes(nn.Conv3d(2, 4, (1, 3, 3), padding=(0, 1, 1), groups=2, stride=(1, 2, 2))),
        MAP,
    ),
    "causal volumes": (
        lambda: volumes(
            nn.Conv3d(2, 3, (2, 3, 3), padding=1),
            lambda m, x: m.norm(x[:, :, :-1]),
            norm=nn.BatchNorm3d(3),
        ),
        MAP,
    ),
    "pooled maps of volumes": (lambda: volumes(nn.AvgPool3d((1, 2, 2))), (2, 4, 4)),
    "maps pooled as volumes": (
        lambda: Net(
            lambda m, x: m.pool(x).mean(0).flatten(1),
            pool=nn.MaxPool3d((1, 3, 3), (1, 1, 1), (0, 1, 1)),
        ),
        MAP,
    ),
    "steps as channels": (gated_net, MAP),
}


@pytest.mark.parametrize("name", SEEN)
def test_time_as_an_axis_of_space(name):
    make, shape = SEEN[name]
    same(make(), shape)


def test_a_causal_convolution_streams_and_any_other_needs_all_steps():
    assert "time_mix" not in ops(same(SEEN["causal"][0](), VECTOR))
    assert "time_mix" in ops(same(SEEN["centred"][0](), VECTOR))


@pytest.mark.parametrize("name", ["centred", "causal volumes", "steps as channels"])
def test_the_c_gives_the_same(name, tmp_path):
    make, shape = SEEN[name]
    model = make()
    verifier = Verifier(model, compile_graph(same(model, shape)), tmp_path, ("-O1",))
    frames = np.random.default_rng(3).poisson(1.5, (STEPS, *shape)).astype(np.uint16)
    verifier.verify(frames)
    assert verifier.result.passed


@pytest.mark.parametrize(
    ("make", "shape", "says"),
    [
        (lambda: conv1d(stride=2), VECTOR, "leaves steps out"),
        (lambda: conv1d(), VECTOR, "reads steps to come"),
        (lambda: conv1d(padding=2), VECTOR, "it works on 7 steps where the network has 5"),
        (
            lambda: Net(lambda m, x: m.up(last(x)).mean(2), up=nn.ConvTranspose1d(6, 3, 1)),
            VECTOR,
            "transposed convolution over time",
        ),
        (lambda: volumes(nn.MaxPool3d(2, 1)), MAP, "a pool over time"),
        (
            lambda: Net(lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 1))),
            VECTOR,
            "an output has 7 steps where the network has 5",
        ),
        (
            lambda: Net(
                lambda m, x: m.conv(x.permute(1, 0, 2)).mean(1), conv=nn.Conv1d(STEPS, 3, 3)
            ),
            VECTOR,
            "as many outputs",
        ),
    ],
)
def test_what_cannot_be_said_of_steps_is_refused(make, shape, says):
    refused(make(), says, shape)


def border(m, x):
    """What batch norm makes of zeros, around its maps (Meta-SpikeFormer)."""
    made, value = [], torch.tensor([1.0, -2.0]).reshape(1, -1, 1, 1)
    for step in x:
        y = F.pad(step, [1] * 4)
        y[:, :, 0:1, :] = value
        y[:, :, -1:, :] = value
        y[:, :, :, 0:1] = value
        y[:, :, :, -1:] = value
        made.append(y)
    return torch.stack(made).mean(0).flatten(1)


def columns(m, x):
    y = x * 1.0
    y[..., 1:3] = torch.tensor([1.0, 2.0])
    y[..., -1] = 0.5
    return y.mean(0).flatten(1)


def moved(m, x):
    y = torch.zeros_like(x)
    y[..., 1:3] = x[..., :2] * 2
    y[..., 0] = x[..., 1]
    return y.mean(0).flatten(1)


def spaced(m, x):
    y = torch.arange(40.0).expand(STEPS, x.shape[1], 40).reshape(STEPS, -1, 2, 4, 5).clone()
    y[..., ::2] = x[..., :3]
    return y.mean(0).flatten(1)


@pytest.mark.parametrize("function", [border, columns, moved, spaced])
def test_a_write_into_a_part_leaves_the_rest(function):
    same(Net(function), MAP)


def test_writes_that_have_no_operator_are_refused():
    def every_second(m, x):
        y = x * 1.0
        y[..., ::2] = x[..., :3]
        return y.mean(0).flatten(1)

    refused(Net(every_second), "every second entry", MAP)
