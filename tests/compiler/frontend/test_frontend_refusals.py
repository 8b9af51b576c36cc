"""The PyTorch frontend: what it cannot take is listed, all at once, with place and way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from snnc.compiler.frontend.importing import Unsupported
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.errors import BAD_SHAPE, BAD_WEIGHTS, UNSUPPORTED_LAYER, SnncError
from snnc.models.networks import OverTime, TimeMean, build
from snnc.models.neurons import LIF
from tests.support.networks.small_models import SHAPE, STEPS, Net, forward_of, over_time

torch.manual_seed(0)  # for the layers in the lists of parameters below


def refused(model: nn.Module, shape=SHAPE) -> list[Unsupported]:
    importing, outputs = survey(model, shape, STEPS)
    with pytest.raises(SnncError) as caught:
        importing.graph(outputs)
    assert caught.value.code is UNSUPPORTED_LAYER
    assert importing.unsupported[0].reason in caught.value.what
    for entry in importing.unsupported:
        assert entry.class_name
        assert entry.reason
        assert entry.suggestion.endswith(".")
    return importing.unsupported


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


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda m, x: m.mean(m.lif(m.fc(x[1:]))), "takes a part"),
        (lambda m, x: m.mean(m.lif(m.fc(x).flatten(1))), "time and batch merged"),
        (lambda m, x: m.lif(m.fc(x)), "one result for each step"),
        (lambda m, x: x, "one result for each step"),
        (lambda m, x: m.shift, "something else than a tensor of its own"),
        (lambda m, x: {"a": m.mean(m.lif(m.fc(x))), "b": m.shift}, "output b: the model gives som"),
        (lambda m, x: {"a": m.mean(m.lif(m.fc(x))), "b": m.lif(m.fc(x))}, "output b: the model gi"),
        (lambda m, x: {"a-b": m.mean(m.lif(m.fc(x)))}, "'a-b' has no name that C allows"),
        (lambda m, x: {"A": m.mean(m.fc(x)), "a": m.mean(m.fc(x))}, "differ in nothing but case"),
        (lambda m, x: 1.0, "something else than a tensor"),
        (lambda m, x, y: m.mean(m.lif(m.fc(x + y))), "takes another input, y"),
    ],
)
def test_forwards_that_no_graph_can_say_are_refused(function, says):
    (entry,) = refused(forward_of(function))
    assert says in entry.reason


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda m, x: m.mean(m.lif(torch.add(m.fc(x), m.fc(x), alpha=2))), "affine"),
        (lambda m, x: m.mean(m.lif(m.fc(x) * m.fc(x))), "cell"),
        (lambda m, x: m.mean(m.lif(torch.special.expit(m.fc(x)))), "sigmoid"),
    ],
)
def test_functions_of_no_importer_are_read_from_what_they_execute(function, op):
    graph = import_module(forward_of(function), SHAPE, STEPS)
    assert op in {node.op.name for node in graph}


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


def test_all_that_is_unknown_inside_containers_is_listed():
    """Also in a container behind what is unknown already."""
    layers = [nn.Flatten(), nn.GELU(), nn.Linear(8, 3), nn.LayerNorm(3), nn.Sequential(nn.GELU())]
    model = nn.Sequential(*(OverTime(layer) for layer in layers))
    importing, _ = survey(model, (2, 2, 2), 3)
    listed = [(entry.module, entry.class_name, entry.shape) for entry in importing.unsupported]
    assert listed == [
        ("1.layers.0", "GELU", "3×8"),
        ("3.layers.0", "LayerNorm", "3×3"),
        ("4.layers.0.0", "GELU", "3×3"),
    ]
