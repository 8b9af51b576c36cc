"""The PyTorch frontend: what it takes means what PyTorch computes, what it cannot is listed."""

from __future__ import annotations

import re
from collections import OrderedDict
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnc.compiler import pipeline, reference
from snnc.compiler.frontend.identifiers import node_name
from snnc.compiler.frontend.importing import Unsupported
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.ir import Graph, Kind
from snnc.errors import BAD_SHAPE, BAD_WEIGHTS, UNSUPPORTED_LAYER, SnncError
from snnc.models.networks import OverTime, TimeMean, Vote, build
from snnc.models.neurons import IF, LIF, PLIF, DecayLIF
from tests.graphs import as_tensors, assert_within_bounds, observed, random_values

SHAPE = (2, 6, 6)
STEPS = 4
torch.manual_seed(0)  # for the layers in the lists of parameters below


@pytest.fixture(autouse=True)
def same_weights_in_every_run() -> None:
    torch.manual_seed(0)


def over_time(**layers: nn.Module) -> OverTime:
    return OverTime(OrderedDict(layers))


class Net(nn.Module):
    """A flattened linear layer, a neuron and a readout; subclasses wire them differently."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = over_time(flatten=nn.Flatten(), linear=nn.Linear(72, 5))
        self.lif = LIF()
        self.mean = TimeMean()

    def forward(self, x):
        return self.mean(self.lif(self.fc(x)))


def refused(model: nn.Module, shape=SHAPE) -> list[Unsupported]:
    importing, outputs = survey(model, shape, STEPS)
    assert outputs == [] or importing.unsupported
    if importing.unsupported:
        with pytest.raises(SnncError) as caught:
            importing.graph(outputs)
        assert caught.value.code is UNSUPPORTED_LAYER
        assert importing.unsupported[0].reason in caught.value.what
    for entry in importing.unsupported:
        assert entry.class_name
        assert entry.reason
        assert entry.suggestion.endswith(".")
    return importing.unsupported


def assert_means_the_same(model: nn.Module, shape: tuple[int, ...] = SHAPE) -> Graph:
    """The graph computes what the module does, in float64."""
    graph = import_module(model, shape, STEPS)
    x = random_values(graph["input"].type, STEPS, np.random.default_rng(0))
    with torch.no_grad():
        expected = deepcopy(model).eval().double()(x[:, None])[0]
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
    assert graph["lif"].attrs["gain"] == model.lif.rate().item()
    assert graph["lif"].attrs["beta"] == 1.0 - model.lif.rate().item()
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
        assert_means_the_same(sequential(layers))


def test_dropout_and_identity_leave_nothing_behind():
    layers = over_time(
        drop=nn.Dropout(0.9), conv=nn.Conv2d(2, 3, 3), same=nn.Identity(), flatten=nn.Flatten()
    )
    graph = assert_means_the_same(sequential(nn.Dropout(0.5), layers, nn.Identity()))
    assert [node.op for node in graph] == ["input", "conv2d", "flatten", "neuron", "time_mean"]


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
    assert [node.name for node in graph if node.op == "neuron"] == ["lif", "lif_2"]


def test_one_layer_at_two_places_of_a_sequence():
    relu = nn.ReLU()
    layers = over_time(flatten=nn.Flatten(), a=relu, fc=nn.Linear(72, 4, bias=False), b=relu)
    graph = assert_means_the_same(sequential(layers))
    assert [node.op for node in graph].count("relu") == 2


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
    sums = [node for node in graph if node.op == "add"]
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
    for name in ("conv-1 é", "if", "net", "t", "snn_word", "0", "a__b", "a_b", "_", "exp", "conv"):
        named[name] = LIF(0.01, beta=0.9)
    model = nn.Sequential(
        OrderedDict(first=over_time(f=nn.Flatten(), l=nn.Linear(72, 3)), **named, last=TimeMean())
    )
    graph = import_module(model, SHAPE, STEPS)
    names = [node.name for node in graph]
    assert len(set(names)) == len(names) == 15
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
            mean=TimeMean(),
        )
    )
    run_in_c(import_module(model, (7,), STEPS))


def run_in_c(graph: Graph) -> None:
    """Every value of the C is within its bound."""
    graph = pipeline.optimised(graph)
    x = random_values(graph["input"].type, STEPS, np.random.default_rng(2))
    wanted = [(node.name, "value") for node in graph if node.op != "input"]
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


def test_everything_unsupported_is_listed_at_once():
    class Bad(Net):
        def __init__(self):
            super().__init__()
            self.block = over_time(
                conv=nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
                act=nn.GELU(),
                more=nn.Sequential(nn.Tanh(), nn.ReLU()),
                pool=nn.MaxPool2d(1, return_indices=False),
            )
            self.act = nn.PReLU()

        def forward(self, x):
            x = self.act(self.block(x))
            return self.mean(torch.tanh(self.lif(self.fc(x))))

    entries = refused(Bad())
    assert [(entry.module, entry.class_name) for entry in entries] == [
        ("block.layers.conv", "Conv2d"),
        ("block.layers.act", "GELU"),
        ("block.layers.more.0", "Tanh"),
        ("act", "PReLU"),
        ("", "tanh"),
    ]
    assert [entry.shape for entry in entries] == ["4×2×6×6", "", "", "4×1×2×6×6", "4×1×5"]
    assert "'reflect'" in entries[0].reason
    assert entries[4].source == f"{__file__}:{line_of('torch.tanh(self.lif')}"
    assert set(entries[0].as_json()) >= {"module", "class", "shape", "reason", "suggestion"}


def line_of(text: str) -> int:
    """The first line of this file that holds a text."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def forward_of(function):
    """A network with another forward."""

    class Other(Net):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.randn(5))

        forward = function

    return Other()


def by_data(model, x):
    if x.sum() > 0:  # data decides
        x = x + x
    return Net.forward(model, x)


def by_value(model, x):
    if float(x.max()) > 0:  # a number decides
        x = x + x
    return Net.forward(model, x)


@pytest.mark.parametrize(
    ("forward", "line"),
    [(by_data, "if x.sum() > 0:  # data"), (by_value, "if float(x.max()) > 0:  # a number")],
)
def test_control_flow_by_data_names_the_users_own_line(forward, line):
    (entry,) = refused(forward_of(forward))
    assert entry.class_name == "Other"
    assert entry.source == f"{__file__}:{line_of(line)}"


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


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda m, x: m.mean(m.lif(torch.add(m.fc(x), m.fc(x), alpha=2))), "alpha"),
        (lambda m, x: m.mean(m.lif(m.fc(x) * m.fc(x))), "a product of two values"),
        (lambda m, x: m.mean(m.lif(m.fc(x[1:]))), "takes a part"),
        (lambda m, x: m.mean(m.lif(m.fc(x).flatten(1))), "time and batch merged"),
        (lambda m, x: m.mean(m.lif(torch.special.expit(m.fc(x)))), "function special_expit"),
        (lambda m, x: m.lif(m.fc(x)), "one result for each step"),
        (lambda m, x: x, "one result for each step"),
        (lambda m, x: x.mean(0), "not one vector of class scores"),
        (lambda m, x: m.shift, "something else than a tensor of its own"),
        (lambda m, x: {"scores": m.mean(m.lif(m.fc(x)))}, "something else than a tensor"),
        (lambda m, x: 1.0, "something else than a tensor"),
        (lambda m, x, y: m.mean(m.lif(m.fc(x + y))), "takes another input, y"),
    ],
)
def test_forwards_that_no_graph_can_say_are_refused(function, says):
    (entry,) = refused(forward_of(function))
    assert says in entry.reason


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (nn.Conv2d(2, 2, 3, padding_mode="circular", padding=1), "'circular'"),
        (nn.BatchNorm2d(2, track_running_stats=False), "running statistics"),
        (nn.Flatten(2), "does not give one vector"),
        (nn.Flatten(1, 2), "does not give one vector"),
        (nn.Linear(6, 6), "its last axis only"),
        (nn.Softmax(1), "no operator"),
    ],
)
def test_options_that_no_operator_has_are_refused(layer, says):
    (entry,) = refused(nn.Sequential(over_time(odd=layer), LIF(), TimeMean()))
    assert says in entry.reason
    assert entry.module == "0.layers.odd"
    assert entry.class_name == type(layer).__name__
    assert entry.shape == "4×2×6×6"


def test_subclass_of_a_known_layer_is_not_taken_for_it():
    class Noisy(nn.Linear):
        def forward(self, x):
            return super().forward(x + torch.randn_like(x))

    (entry,) = refused(nn.Sequential(over_time(f=nn.Flatten(), n=Noisy(72, 3)), TimeMean()))
    assert entry.class_name == "Noisy"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_named(bad):
    model = Net()
    model.fc.layers.linear.weight.data[3, 7] = bad
    with pytest.raises(
        SnncError, match=r"1 of 360 values are NaN or infinite, .* \[3, 7\]"
    ) as caught:
        import_module(model, SHAPE, STEPS)
    assert caught.value.code is BAD_WEIGHTS
    assert caught.value.where == "fc.layers.linear.weight"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.complex64])
def test_weights_of_another_type_than_float32_are_named(dtype):
    model = Net()
    model.fc.layers.linear.bias = nn.Parameter(model.fc.layers.linear.bias.data.to(dtype))
    with pytest.raises(SnncError, match=re.escape(str(dtype))) as caught:
        import_module(model, SHAPE, STEPS)
    assert caught.value.code is BAD_WEIGHTS
    assert caught.value.where == "fc.layers.linear.bias"


@pytest.mark.parametrize(
    ("model", "shape", "where", "says"),
    [
        (Net(), (2, 6, 7), "fc", "84"),
        (Net(), (3, 6, 6), "fc", "108"),
        (nn.Sequential(nn.Conv2d(2, 2, 3), TimeMean()), SHAPE, "0", "conv2d"),
        (nn.Sequential(nn.BatchNorm2d(2), TimeMean()), SHAPE, "0", "4D"),
        (build("three-layer", attention="ta", time_steps=5), (2, 32, 32), "layer1.attention", "4"),
    ],
)
def test_input_that_does_not_fit_names_the_layer(model, shape, where, says, capfd):
    with pytest.raises(SnncError) as caught:
        import_module(model, shape, STEPS)
    assert caught.value.code is BAD_SHAPE
    assert caught.value.where.startswith(where)
    assert says in caught.value.what
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_time_is_gone_after_the_mean():
    for late in (TimeMean(), LIF()):
        with pytest.raises(SnncError, match="a value for each time step") as caught:
            import_module(nn.Sequential(Net(), late), SHAPE, STEPS)
        assert caught.value.code is BAD_SHAPE


def test_survey_leaves_the_model_as_it_was():
    model = Net().train()
    model.lif.eval()
    model.fc.layers.linear.weight.data[0, 0] = float("nan")
    with pytest.raises(SnncError):
        survey(model, SHAPE, STEPS)
    assert model.training
    assert model.fc.training
    assert not model.lif.training
