"""Activations and other functions of numbers: read as cells, bounded tightly, the same in C."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier
from snnc.estimator.activity import Network
from tests.support.counting import counted
from tests.support.networks.captured_models import SAMPLES, ops, refused, same

T, SHAPE = 3, (7,)
SLOPES = torch.linspace(-0.5, 0.5, 7)

ANYWHERE = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
    "elu": lambda x: F.elu(x, 1.5),
    "celu": lambda x: F.celu(x, 0.7),
    "selu": F.selu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "prelu": lambda x: F.prelu(x.transpose(-1, -2), torch.tensor(0.3)).transpose(-1, -2),
    "relu6": F.relu6,
    "hardtanh": lambda x: F.hardtanh(x, -0.5, 2.0),
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "softplus": lambda x: F.softplus(x, 2.0, 4.0),
    "logsigmoid": F.logsigmoid,
    "mish": F.mish,
    "threshold": lambda x: F.threshold(x, 0.25, -3.0),
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "clamp": lambda x: x.clamp(-1.0, 1.5),
    "clamp by tensors": lambda x: x.clamp(min=SLOPES, max=SLOPES + 0.25),
    "clamp_min": lambda x: x.clamp_min(0.5),
    "clamp_max": lambda x: x.clamp_max(0.5),
    "lerp": lambda x: torch.lerp(x, x * x, 0.75),
    "lerp by tensor": lambda x: torch.lerp(x, x * x, SLOPES + 0.5),
    "addcmul": lambda x: torch.addcmul(x, x, SLOPES, value=0.5),
    "addcdiv": lambda x: torch.addcdiv(x, x, SLOPES + 2.0, value=-1.5),
    "expm1": lambda x: torch.expm1(-x.abs()),
    "exp2": torch.exp2,
    "heaviside": lambda x: torch.heaviside(x, SLOPES) * x,
    "logaddexp": lambda x: torch.logaddexp(x, -x),
    "xor": lambda x: torch.logical_xor(x > 1.0, x > 2.0) * x,
    "power of a number": lambda x: 2.0**x,
    "power of a value": lambda x: (x.abs() + 0.5) ** (SLOPES + 1.0),
}
ABOVE_0 = {
    "rsqrt": torch.rsqrt,
    "log1p": torch.log1p,
    "log2": torch.log2,
    "log10": torch.log10,
    "frac": torch.frac,
    "fmod": lambda x: torch.fmod(x, 0.75),
    "remainder": lambda x: torch.remainder(x, 0.75),
    "floor_divide": lambda x: torch.floor_divide(x, 0.75) * 0.5,
}


class Applied(nn.Module):
    """Functions of a weighted sum each, whose results are the outputs' sums."""

    def __init__(self, *functions):
        super().__init__()
        torch.manual_seed(5)
        self.functions = functions
        self.given = nn.ModuleList(nn.Linear(*SHAPE, *SHAPE) for _ in functions)
        for layer in self.given:
            nn.init.normal_(layer.weight, 0.0, 0.6)
        self.eval()

    def forward(self, x):
        """[T, N, 7] to [N, 7]."""
        total = 0.0
        for function, layer in zip(self.functions, self.given, strict=True):
            total = total + function(layer(x))
        return total.mean(0)


def above_0(function):
    """A function of numbers that are at least 1/4."""
    return lambda x: function(F.relu(x) + 0.25)


ALL = {**ANYWHERE, **{name: above_0(function) for name, function in ABOVE_0.items()}}


def frames(mean):
    drawn = np.random.default_rng(1).poisson(mean, (T, *SHAPE))
    return torch.from_numpy(drawn.astype(np.float32))


def largest_bound(graph, window):
    """The largest bound of an output, of numbers of about 1."""
    verdict = reference.judge(pipeline.lowered(graph), {"input": window}, {}, set(graph.outputs))[
        graph.outputs[0]
    ]
    return float((verdict.error / verdict.value.abs().clamp_min(1.0)).max())


@pytest.mark.parametrize("name", ALL)
def test_a_function_means_what_pytorch_computes_within_a_tight_bound(name):
    graph = same(Applied(ALL[name]), SHAPE, T)
    assert "cell" in ops(graph)
    for mean in (0.3, 1.0):
        assert largest_bound(graph, frames(mean)) < 2.0**-15


def test_all_functions_together_are_the_same_in_c_and_counted_as_executed(tmp_path):
    model = Applied(*ALL.values())
    graph = same(model, SHAPE, T)
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    window = frames(1.0).numpy()
    verifier.verify(window.astype(np.uint16))
    assert verifier.result.passed
    network = Network(pipeline.lowered(graph), pipeline.optimised(graph))
    counted(network, [window], "executed")


@pytest.mark.parametrize(
    "function", [F.gelu, F.silu, torch.tanh, lambda x: torch.where(x > 0.25, x, x * x)]
)
def test_a_function_of_a_mean_over_time_is_a_cell_of_the_window(function):
    model = Applied(lambda x: x)
    inner = model.forward
    model.forward = lambda x: function(inner(x))
    graph = same(model, SHAPE, T)
    assert "cell" in ops(graph)


def test_a_decision_after_the_loop_is_refused():
    model = Applied(lambda x: x)
    inner = model.forward
    model.forward = lambda x: (inner(x) > 0.0).float()
    assert refused(model, "gt", SHAPE)


def test_settings_without_meaning_are_refused():
    for function in (lambda x: x % 0.0, lambda x: torch.addcdiv(x, x, torch.zeros(7))):
        refused(Applied(function), "division by 0", SHAPE)


def test_numbers_that_differ_from_sample_to_sample_are_refused():
    bounds = torch.arange(float(SAMPLES)).reshape(SAMPLES, 1)
    model = Applied(lambda x: x.clamp(min=bounds))
    refused(model, "samples of a batch get different constants", SHAPE)
    moved = Applied(lambda x: x.transpose(-1, -2).clamp(min=bounds.t()).transpose(-1, -2))
    refused(moved, "samples of a batch get different constants", SHAPE)
