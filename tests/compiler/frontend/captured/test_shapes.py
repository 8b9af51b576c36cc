"""Networks of any rank: tokens, heads, images out, one axis; and what moves values about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier
from snnc.estimator.activity import Network
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.conventions.base import COUNTERS, Visit
from snnc.estimator.layers import layers_of
from tests.support.counting import counted
from tests.support.networks.captured_models import lif, ops, read, refused, same

T = 3


def fired(x: Tensor) -> Tensor:
    """Neurons over a sequence."""
    u, spikes = torch.zeros_like(x[0]), []
    for step in x:
        u, s = lif(u, step)
        spikes.append(s)
    return torch.stack(spikes)


class Net(nn.Module):
    """A forward with layers at hand, whose weights are drawn so that neurons fire."""

    def __init__(self, forward: Callable[[Net, Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.function = forward
        for name, layer in layers.items():
            self.add_module(name, layer)
        for parameter in self.parameters():
            size = parameter[0].numel() if parameter.ndim > 1 else 1
            nn.init.normal_(parameter, 0.3 / size**0.5, 1.0 / size**0.5)
        self.eval()

    def each(self, layer: str, x: Tensor) -> Tensor:
        """A layer on [T, N, ...], with time folded into the batch."""
        made: Tensor = getattr(self, layer)(x.flatten(0, 1))
        return made.unflatten(0, x.shape[:2])

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def attention(m, x):
    """Spiking self-attention: products of spikes, then of counts and spikes."""
    steps, batch, tokens, _ = x.shape
    x = fired(m.embed(x))
    heads = [
        fired(m.each("norm", m.qkv[part](x).transpose(-1, -2)).transpose(-1, -2))
        .reshape(steps, batch, tokens, 2, 4)
        .permute(0, 1, 3, 2, 4)
        for part in range(3)
    ]
    q, k, v = heads
    y = (q @ k.transpose(-2, -1) * 0.25) @ v
    x = x + fired(y.transpose(2, 3).reshape(steps, batch, tokens, 8))
    return m.head(x.mean(2)).mean(0)


def attention_net() -> Net:
    qkv = nn.ModuleList(nn.Linear(8, 8, bias=False) for _ in range(3))
    layers = {"embed": nn.Linear(3, 8), "qkv": qkv, "norm": nn.BatchNorm1d(8)}
    return Net(attention, **layers, head=nn.Linear(8, 3))


def transformer(m, x):
    """Attention of real numbers, with one matrix for queries, keys and values, and layer norm."""
    steps, batch, tokens, _ = x.shape
    x = fired(m.embed(x))
    qkv = m.qkv(m.norm(x)).reshape(steps, batch, tokens, 3, 2, 4).permute(3, 0, 1, 4, 2, 5)
    q, k, v = qkv.unbind(0)
    y = torch.softmax(q @ k.transpose(-2, -1) / 2.0, dim=-1) @ v
    return m.head(fired(y.transpose(2, 3).reshape(steps, batch, tokens, 8)).mean(2)).mean(0)


def query_key(m, x):
    """A token's share of spikes chooses the token: a sum over channels, then AND."""
    q, k = fired(m.each("first", x)), fired(m.each("second", x))
    chosen = fired(q.unflatten(2, (2, 2)).sum(3, keepdim=True))
    y = m.each("third", (chosen * k.unflatten(2, (2, 2))).flatten(2, 3))
    return fired(y).mean(-1).mean(0)


def u_net(m, x):
    down = fired(m.each("down", x))
    deep = fired(m.each("deep", m.each("pool", down)))
    both = torch.cat([down, fired(m.each("up", deep))], dim=2)
    return fired(m.each("out", both)).mean(0).flatten(1)


def u_net_net(up: nn.Module, width: int) -> Net:
    layers = {"down": nn.Conv2d(2, 4, 3, padding=1), "pool": nn.MaxPool2d(2), "up": up}
    out = nn.Conv2d(4 + width, 2, 1)
    return Net(u_net, **layers, deep=nn.Conv2d(4, 5, 3, padding=1), out=out)


def one_axis(m, x):
    x = fired(m.each("norm", m.each("conv", x)))
    x = fired(m.each("up", m.each("pool", x)))
    return m.head(x.flatten(2)).mean(0)


def grouped(m, x):
    x = m.each("pool", fired(m.each("norm", m.each("conv", x))))
    x = F.pad(x, (2, 1, 0, 0), value=0.5)[..., ::2].flip(-1)
    return m.head(x.flatten(2)).mean(0)


NETS = {
    "attention": (attention_net, (5, 3)),
    "transformer": (
        lambda: Net(
            transformer,
            embed=nn.Linear(3, 8),
            qkv=nn.Linear(8, 24),
            norm=nn.LayerNorm(8),
            head=nn.Linear(8, 3),
        ),
        (5, 3),
    ),
    "query key": (
        lambda: Net(
            query_key, first=nn.Conv1d(3, 4, 1), second=nn.Conv1d(3, 4, 1), third=nn.Conv1d(4, 3, 1)
        ),
        (3, 6),
    ),
    "transposed": (
        lambda: u_net_net(nn.ConvTranspose2d(5, 3, 3, 2, padding=1, output_padding=1), 3),
        (2, 6, 4),
    ),
    "nearest": (lambda: u_net_net(nn.Upsample(scale_factor=2), 5), (2, 6, 4)),
    "bilinear": (lambda: u_net_net(nn.Upsample(scale_factor=2, mode="bilinear"), 5), (2, 6, 4)),
    "corners": (
        lambda: u_net_net(nn.Upsample(size=(6, 4), mode="bilinear", align_corners=True), 5),
        (2, 6, 4),
    ),
    "one axis": (
        lambda: Net(
            one_axis,
            conv=nn.Conv1d(2, 4, 5, stride=2, padding=2),
            norm=nn.BatchNorm1d(4),
            pool=nn.AvgPool1d(2),
            up=nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1, groups=2),
            head=nn.Linear(8, 3),
        ),
        (2, 8),
    ),
    "grouped": (
        lambda: Net(
            grouped,
            conv=nn.Conv2d(2, 4, 3, padding=1),
            norm=nn.GroupNorm(2, 4),
            pool=nn.AdaptiveAvgPool2d((2, 3)),
            head=nn.Linear(24, 3),
        ),
        (2, 5, 4),
    ),
}


def frames(shape: tuple[int, ...]) -> torch.Tensor:
    drawn = np.random.default_rng(3).poisson(0.8, (T, *shape))
    return torch.from_numpy(drawn.astype(np.float32))


@pytest.mark.parametrize("name", NETS)
def test_a_network_of_any_rank_is_read_and_its_c_gives_the_same(name, tmp_path):
    make, shape = NETS[name]
    model = make()
    graph = same(model, shape, T)
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    verifier.verify(frames(shape).numpy().astype(np.uint16))
    assert verifier.result.passed
    assert all(layer.compared for layer in verifier.result.layers)


def test_products_of_spikes_are_counted_as_what_they_are():
    model, shape = attention_net(), (5, 3)
    graph = same(model, shape, T)
    products = [node for node in graph if node.op.name == "matmul"]
    assert [node.type.kind for node in products] == [Kind.COUNT, Kind.REAL]
    network = Network(pipeline.lowered(graph), pipeline.optimised(graph))
    window = frames(shape).numpy()
    values = reference.run(network.source, {"input": frames(shape)})
    q, k, v = (values[name] for name in (*products[0].inputs, products[1].inputs[1]))
    pairs, sums = int((q @ k).sum()), int((v != 0).sum()) * 5
    assert min(pairs, sums) > 0
    dense = T * 2 * (5 * 4 * 5 + 5 * 5 * 4)
    wanted = {
        "executed": {"ac": pairs + sums},
        "spikingjelly": {"ac": pairs + sums},
        "dense": {"mac": dense},
        "neurobench": {},
        "syops": {},
    }
    for name, numbers in wanted.items():
        found = dict.fromkeys(COUNTERS, 0)
        for node in products:
            visit = Visit(network.source, layers_of(network.source)[0], node, values)
            for counter, steps in CONVENTIONS[name].count(visit).items():
                found[counter] += sum(steps)
        assert {counter: found[counter] for counter in ("ac", "mac")} == {
            "ac": 0,
            "mac": 0,
        } | numbers
    counted(network, [window], *CONVENTIONS)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: x.permute(0, 1, 3, 2)[..., 1], (4, 3)),
        (lambda x: torch.stack([x[..., 0], x[..., 2]], -1).flatten(2), (4, 3)),
        (lambda x: torch.cat(x.split([1, 2], -1)[::-1], -1).flatten(2), (4, 3)),
        (lambda x: x.repeat(1, 1, 2, 1).amax(-1), (4, 3)),
        (lambda x: (x * x.sum(-1, keepdim=True)).flatten(2), (4, 3)),
        (lambda x: x.reshape(*x.shape[:2], 3, 4).transpose(-1, -2).flatten(2), (4, 3)),
        (lambda x: x.chunk(2, -2)[1].squeeze(-2), (2, 3)),
        (lambda x: x.clamp(0.0, 2.0).flatten(2), (4, 3)),
        (lambda x: torch.where(x > 1.0, x.flip(-1), 0.5).flatten(2), (4, 3)),
    ],
)
def test_what_moves_and_combines_axes(function, shape):
    same(Net(lambda m, x: function(x).mean(0)), shape, T)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: x.flip(1), "it changes the batch axis"),
        (lambda x: x - x.mean(1, keepdim=True), "samples of a batch"),
        (lambda x: torch.softmax(x, 1), "along the batch axis"),
        (lambda x: x.flip(0), "works along time"),
    ],
)
def test_what_mixes_samples_or_steps_is_refused(function, says):
    refused(Net(lambda m, x: function(x).flatten(2).mean(0)), says, (4, 3))


def test_a_still_image_that_the_model_repeats_is_time():
    def forward(m, x):
        x = x.unsqueeze(0).repeat(T, 1, 1, 1)
        return fired(m.each("conv", x)).flatten(2).mean(0)

    model = Driven(Net(forward, conv=nn.Conv1d(2, 3, 3)), still=True, readout=None)
    graph = import_module(model, (2, 6), T)
    assert "neuron" in ops(graph)


def test_a_value_is_made_once_for_all_that_read_it_so():
    def forward(m, x):
        y = x.transpose(-1, -2)
        return (m.first(y).flatten(2) + m.second(y).flatten(2)).mean(0)

    graph = read(Net(forward, first=nn.Linear(4, 3), second=nn.Linear(4, 3)), (4, 5), T)
    moved = [node for node in graph if node.op.name == "arrange" and node.inputs == ("input",)]
    assert len(moved) == 1
