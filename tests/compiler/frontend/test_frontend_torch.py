"""The PyTorch frontend: what it takes means what PyTorch computes."""

from __future__ import annotations

import re
from collections import OrderedDict
from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.identifiers import node_name
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier
from snnc.models.attention import make_attention
from snnc.models.networks import TimeMean, Vote
from snnc.models.neurons import IF, LIF, PLIF, DecayLIF
from tests.support.networks.small_models import SHAPE, STEPS, Net, forward_of, over_time
from tests.support.samples.graphs import as_tensors, assert_within_bounds, observed, random_values

torch.manual_seed(0)  # for the layers in the lists of parameters below


@pytest.fixture(autouse=True)
def same_weights_in_every_run() -> None:
    torch.manual_seed(0)


def assert_means_the_same(model: nn.Module, shape: tuple[int, ...] = SHAPE) -> Graph:
    """The graph computes what the module does, in float64."""
    graph = import_module(model, shape, STEPS)
    x = random_values(graph["input"].type, STEPS, np.random.default_rng(0))
    with torch.no_grad():
        expected = deepcopy(model).eval().double()(x[:, None])[0]
    assert bool(expected.any())
    for given in (pipeline.lowered(graph), pipeline.optimised(graph)):
        values = reference.run(given, {"input": x}, dtype=torch.float64)
        own = values[given.outputs[0]]
        torch.testing.assert_close(own[0], expected, rtol=1e-12, atol=1e-14)
    return graph


def sequential(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers, LIF(0.2), TimeMean())


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(2, 4, 3, padding="same"),
        nn.Conv2d(2, 4, (1, 4), padding="same", dilation=(1, 2)),
        nn.Conv2d(2, 4, 3, padding="valid", bias=False),
        nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(0, 2)),
        nn.Conv2d(2, 4, 3, groups=2, dilation=2, padding=1),
    ],
    ids=str,
)
def test_convolutions(conv):
    graph = assert_means_the_same(sequential(over_time(conv=conv, flatten=nn.Flatten())))
    assert ("bias" in graph["m_0_conv"].params) is (conv.bias is not None)


@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.AvgPool2d((2, 3), divisor_override=4),
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, 2, 1, dilation=2, ceil_mode=True),
        nn.MaxPool2d((3, 2), 1),
    ],
    ids=str,
)
def test_pools(pool):
    layers = over_time(conv=nn.Conv2d(2, 3, 3, padding=1), pool=pool, flatten=nn.Flatten())
    assert_means_the_same(sequential(layers))
    assert_means_the_same(sequential(over_time(pool=pool, flatten=nn.Flatten())))


@pytest.mark.parametrize(
    "neuron",
    [
        LIF(),
        LIF(0.5, v_reset=-0.2, beta=0.8),
        LIF(0.4, v_reset=None, beta=0.6),
        IF(0.7),
        IF(0.6, v_reset=None),
        DecayLIF(3.0, 0.3),
        DecayLIF(2.0, 0.3, v_reset=0.1),
        PLIF(2.0, 0.2),
    ],
    ids=str,
)
def test_neurons(neuron):
    model = Net()
    model.lif = neuron
    assert_means_the_same(model)


def test_learned_time_constant_is_the_float32_number_that_the_module_uses():
    model = Net()
    model.lif = PLIF(2.5, 0.2)
    graph = pipeline.lowered(import_module(model, SHAPE, STEPS))
    assert graph["lif"].op.gain == model.lif.rate().item()
    assert graph["lif"].op.beta == 1.0 - model.lif.rate().item()
    x = random_values(graph["input"].type, STEPS, np.random.default_rng(0))
    with torch.no_grad():
        spikes = model.lif(model.fc(x.float()[:, None]))[:, 0].double()
    assert 0 < spikes.mean() < 1
    assert_within_bounds(graph, {"input": x}, {"lif": spikes})


def test_batch_norm_with_and_without_affine_parameters():
    for affine in (True, False):
        norm, flat = nn.BatchNorm2d(3, affine=affine), nn.BatchNorm1d(4, affine=affine)
        with torch.no_grad():
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
        layers = over_time(
            conv=nn.Conv2d(2, 3, 3), norm=norm, flatten=nn.Flatten(), fc=nn.Linear(48, 4), bn=flat
        )
        assert_means_the_same(nn.Sequential(layers, TimeMean()))


def test_dropout_and_identity_leave_nothing_behind():
    layers = over_time(
        drop=nn.Dropout(0.9), conv=nn.Conv2d(2, 3, 3), same=nn.Identity(), flatten=nn.Flatten()
    )
    graph = assert_means_the_same(sequential(nn.Dropout(0.5), layers, nn.Identity()))
    assert [node.op.name for node in graph] == ["input", "conv2d", "flatten", "neuron", "time_mean"]


def test_nested_sequences_and_vote():
    inner = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Sequential(nn.AvgPool2d(2)))
    layers = over_time(inner=inner, flatten=nn.Flatten(), fc=nn.Linear(12, 6), gate=nn.Sigmoid())
    model = nn.Sequential(nn.Sequential(layers, nn.Sequential(LIF())), TimeMean(), Vote(2))
    graph = assert_means_the_same(model)
    assert graph[graph.outputs[0]].type.shape == (3,)


def test_vector_input_and_flatten_of_features():
    assert_means_the_same(nn.Sequential(nn.Linear(7, 4), LIF(0.1), TimeMean()), (7,))
    assert_means_the_same(nn.Sequential(nn.Flatten(2), nn.Linear(72, 4), LIF(0.1), TimeMean()))
    assert_means_the_same(nn.Sequential(nn.Flatten(-3), nn.Linear(72, 4), LIF(0.1), TimeMean()))


def test_module_called_twice_keeps_two_states():
    class Twice(Net):
        def forward(self, x):
            return self.mean(self.lif(self.lif(self.fc(x))))

    graph = assert_means_the_same(Twice())
    assert [node.name for node in graph if node.op.name == "neuron"] == ["lif", "lif_2"]


def test_one_layer_at_two_places_of_a_sequence():
    relu = nn.ReLU()
    layers = over_time(flatten=nn.Flatten(), a=relu, fc=nn.Linear(72, 4, bias=False), b=relu)
    graph = assert_means_the_same(sequential(layers))
    assert [node.op.name for node in graph].count("relu") == 2


def test_shared_weights_and_residual_sum_in_every_spelling():
    class Residual(Net):
        def forward(self, x):
            y = self.fc(x)
            a = self.lif(y)
            b = torch.add(a, self.lif(F.relu(y)))
            b = b.add(a + a)
            b += torch.relu(y)
            return self.mean(torch.sigmoid(b).relu())

    graph = assert_means_the_same(Residual())
    sums = [node for node in graph if node.op.name == "add"]
    assert [node.type.kind for node in sums] == [Kind.COUNT, Kind.COUNT, Kind.COUNT, Kind.REAL]


def test_functional_flatten():
    class Functional(Net):
        def forward(self, x):
            x = self.conv(x)
            return self.mean(self.lif(torch.flatten(x, 2) + x.flatten(start_dim=-3, end_dim=4)))

        def __init__(self):
            super().__init__()
            self.conv = over_time(conv=nn.Conv2d(2, 3, 3))

    assert_means_the_same(Functional())


def test_names_are_c_identifiers_of_their_own():
    named = OrderedDict()
    for name in (
        *("conv-1 é", "if", "net", "t", "snn_word", "0", "a__b", "a_b", "_", "exp", "conv"),
        *("end", "part", "task"),
    ):
        named[name] = LIF(0.01, beta=0.9)
    model = nn.Sequential(
        OrderedDict(first=over_time(f=nn.Flatten(), l=nn.Linear(72, 3)), **named, last=TimeMean())
    )
    graph = import_module(model, SHAPE, STEPS)
    names = [node.name for node in graph]
    assert len(set(names)) == len(names) == 18
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) for name in names)
    run_in_c(graph)


def test_names_that_look_like_parts_of_others_do_not_meet_in_c():
    """fc_weight the layer and the weight of fc; lif_u the neuron and the potential u of lif."""
    model = nn.Sequential(
        OrderedDict(
            fc=nn.Linear(7, 6),
            lif=LIF(0.1),
            fc_weight=nn.Linear(6, 6),
            fc_bias=nn.ReLU(),
            fc_shape=nn.ReLU(),
            lif_u=LIF(0.1),
            lif_before=LIF(0.05),
            lif_u_u=nn.Linear(6, 3),
            lif_u_u_=LIF(0.01),
            lif_step0=LIF(0.01),
            mean_once0=nn.ReLU(),
            mean=TimeMean(),
        )
    )
    run_in_c(import_module(model, (7,), STEPS))


def run_in_c(graph: Graph) -> None:
    """Every value of the C is within its bound."""
    graph = pipeline.optimised(graph)
    x = random_values(graph["input"].type, STEPS, np.random.default_rng(2))
    wanted = [(node.name, "value") for node in graph if node.op.name != "input"]
    run = observed(graph, flags=("-O1", "-Werror", "-Wshadow")).run(x.numpy(), observe=wanted)
    assert_within_bounds(graph, {"input": x}, as_tensors(run.values))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("layer1.synapse.layers.conv", "layer1_conv"),
        ("", "root"),
        ("0.1", "m_0_1"),
        ("while", "m_while"),
        ("a.b_", "a_b"),
        ("uint16_t", "m_uint16_t"),
        ("é", "root"),
    ],
)
def test_node_names(path, name):
    assert node_name(path) == name


def by_size(model, x):
    for _ in range(x.shape[0] - len(x) + x.size(1)):
        x = x + x
    return Net.forward(model, x if x.dim() == 5 else None)


@pytest.mark.parametrize(
    "function",
    [
        by_size,
        lambda m, x: m.mean(m.lif(m.fc(x) + m.shift)),
        lambda m, x: m.mean(m.lif(0.25 + m.fc(x) * 2.0 - m.shift)),
        lambda m, x, y=None: m.mean(m.lif(m.fc(x if y is None else y))),
        lambda m, x, y=0.5: m.mean(m.lif(m.fc(x) + y)),
        lambda m, x: m.lif(m.fc(x)).mean(0),
        lambda m, x: m.lif(m.fc(x)).sum(dim=0) / STEPS,
    ],
)
def test_forwards_with_sizes_constants_and_defaults(function):
    assert_means_the_same(forward_of(function))


def test_a_module_called_like_a_part_of_an_attention_module_makes_room(tmp_path):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn_conv = over_time(conv=nn.Conv2d(2, 4, 3, padding=1))
            self.attn = make_attention("tcsa", STEPS, 4)
            self.attn_temporal_mlp = LIF()
            self.attn_spatial_conv = over_time(conv=nn.Conv2d(4, 3, 6), flatten=nn.Flatten())
            self.attn_relu = LIF()
            self.mean = TimeMean()

        def forward(self, x):
            x = self.attn_temporal_mlp(self.attn(self.attn_conv(x)))
            return self.mean(self.attn_relu(self.attn_spatial_conv(x)))

    torch.manual_seed(0)
    model = Named().eval()
    for weight in (model.attn_conv, model.attn_spatial_conv):
        weight.layers.conv.weight.data.mul_(4)
    compilation = compile_graph(import_module(model, SHAPE, STEPS))
    names = [node.name for node in compilation.graph.nodes]
    assert "attn_temporal_mlp" in names
    assert "attn_temporal_mlp_2" in names
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    verifier.verify(np.random.default_rng(0).poisson(0.5, (STEPS, *SHAPE)).astype(np.uint16))
    assert verifier.result.passed
    assert all(layer.compared for layer in verifier.result.layers)
