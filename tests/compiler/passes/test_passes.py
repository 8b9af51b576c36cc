"""Passes change how a graph computes, never what: the interpreter before and after each agrees."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph, Kind, prune
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops import (
    COMPOSITES,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Flatten,
    Linear,
    Relu,
    inference,
)
from snnc.compiler.passes import pipeline
from snnc.compiler.passes.absorb_flatten import absorb_flatten
from snnc.compiler.passes.fold_avg_pool import fold_avg_pool
from snnc.compiler.passes.fold_batch_norm import fold_batch_norm
from snnc.compiler.passes.lower_composites import lower_composites
from snnc.compiler.verify import reference
from snnc.errors import InternalError, SnncError
from snnc.models.attention import ATTENTION_NAMES, make_attention
from snnc.models.networks import TimeMean
from tests.support.networks.firing import SIZES, firing_network
from tests.support.samples.graphs import analytic_counts, random_values

PASSES = (lower_composites, fold_batch_norm, fold_avg_pool, absorb_flatten)
STEPS = 2


class Layers:
    """A chain under construction; each method adds a layer with random parameters."""

    def __init__(self, shape: tuple[int, ...], kind: Kind = Kind.COUNT, seed: int = 0) -> None:
        self.g = Importing("chain", STEPS)
        self.last = self.g.input(shape, kind)
        self.rng = np.random.default_rng(seed)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.g.type_of(self.last).shape

    def add(self, name: str, op: Operation, params: Any = None) -> Layers:
        self.last = self.g.add(name, op, [self.last], params)
        return self

    def conv(self, name: str = "conv", out: int = 3, **options: Any) -> Layers:
        kernel, bias = options.pop("kernel", (3, 3)), options.pop("bias", True)
        plain = Conv2d(stride=(1, 1), padding=(1, 1, 1, 1), dilation=(1, 1), groups=1)
        op = dataclasses.replace(plain, **options)
        inputs = self.shape[0] // op.groups
        weight = self.rng.normal(size=(out, inputs, *kernel)) / np.sqrt(inputs)
        params = {"weight": weight, "bias": self.rng.normal(size=out) if bias else None}
        return self.add(name, op, params)

    def linear(self, name: str = "linear", out: int = 4, bias: bool = True) -> Layers:
        size = int(np.prod(self.shape))
        weight = self.rng.normal(size=(out, size)) / np.sqrt(size)
        bias_values = self.rng.normal(size=out) if bias else None
        return self.add(name, Linear(), {"weight": weight, "bias": bias_values})

    def norm(self, name: str = "norm") -> Layers:
        size = self.shape[0]
        params = {"mean": self.rng.normal(size=size), "var": self.rng.uniform(0.5, 2, size)}
        params |= {"weight": self.rng.normal(size=size), "bias": self.rng.normal(size=size)}
        return self.add(name, BatchNorm(eps=1e-5), params)

    def pool(self, name: str = "pool", window: Any = (2, 2), **options: Any) -> Layers:
        op = dataclasses.replace(AvgPool2d.side_by_side(window), **options)
        return self.add(name, op)

    def graph(self, *outputs: str) -> Graph:
        return self.g.graph([*outputs, self.last])


def outputs_of(graph: Graph, x: torch.Tensor) -> list[torch.Tensor]:
    values = reference.run(graph, {"input": x}, dtype=torch.float64)
    return [values[name] for name in graph.outputs]


def assert_same_function(before: Graph, after: Graph) -> None:
    """Equal in float64 but for its own rounding: 1e-12 of the largest value, some 4000 units."""
    given = before["input"].type
    x = random_values(given, before.time_steps, np.random.default_rng(1))
    for one, other in zip(outputs_of(before, x), outputs_of(after, x), strict=True):
        scale = float(one.abs().max()) + 1.0
        torch.testing.assert_close(other, one, rtol=0, atol=1e-12 * scale)


def ops_of(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


@st.composite
def chains(draw: st.DrawFn) -> Graph:
    """Twice conv [norm] [pool] [relu], then flatten linear [norm], of any geometry."""
    layers = Layers((draw(st.integers(1, 3)), draw(st.integers(4, 11)), draw(st.integers(4, 11))))
    outputs = []
    for number in range(2):
        groups = layers.shape[0] if draw(st.booleans()) else 1
        out = groups * draw(st.integers(1, 3))
        try:
            layers.conv(
                f"conv{number}",
                out,
                kernel=(draw(st.integers(1, 3)), draw(st.integers(1, 4))),
                stride=(draw(st.integers(1, 2)), draw(st.integers(1, 3))),
                padding=tuple(draw(st.integers(0, 2)) for _ in range(4)),
                dilation=(1, draw(st.sampled_from([1, 1, 1, 2]))),
                groups=groups,
                bias=draw(st.booleans()),
            )
        except SnncError:  # the drawn kernel is larger than what is left of the image
            break
        if draw(st.integers(0, 5)) == 0:
            outputs.append(layers.last)
        if draw(st.booleans()):
            layers.norm(f"norm{number}")
        if draw(st.booleans()):
            window = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
            try:
                layers.pool(
                    f"pool{number}",
                    window,
                    stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
                    padding=tuple(draw(st.integers(0, 1)) if w > 1 else 0 for w in window),
                    ceil_mode=draw(st.booleans()),
                    count_include_pad=draw(st.booleans()),
                    divisor=draw(st.sampled_from([0, 0, 3, window[0] * window[1]])),
                )
            except SnncError:  # likewise
                break
        if draw(st.booleans()):
            layers.add(f"relu{number}", Relu())
    layers.add("flatten", Flatten()).linear()
    if draw(st.booleans()):
        layers.norm("last_norm")
    return layers.graph(*outputs)


@settings(max_examples=150, deadline=None)
@given(chains())
def test_every_pass_keeps_the_function(graph):
    inference.check(graph)
    before = graph
    for step in PASSES:
        after = step(before)
        inference.check(after)
        assert_same_function(before, after)
        before = after
    assert_same_function(graph, pipeline.optimised(graph))


@settings(max_examples=60, deadline=None)
@given(chains())
def test_passes_have_nothing_left_to_do_after_one_round(graph):
    once = pipeline.optimised(graph)
    twice = pipeline.optimised(once)
    assert once.nodes == twice.nodes
    assert once.params.keys() == twice.params.keys()


def test_batch_norm_folds_into_conv_and_linear():
    graph = Layers((2, 5, 6)).conv(bias=False).norm().linear(bias=False).norm("norm2").graph()
    folded = fold_batch_norm(graph)
    assert ops_of(folded) == ["input", "conv2d", "linear"]
    assert folded.outputs == ("linear",)
    assert set(folded["conv"].params) == {"weight", "bias"}
    assert not any(key.startswith("norm") for key in folded.params)
    assert_same_function(graph, folded)


def test_second_of_two_batch_norms_stays():
    graph = Layers((2, 5, 6)).conv().norm().norm("norm2").graph()
    folded = fold_batch_norm(graph)
    assert ops_of(folded) == ["input", "conv2d", "batch_norm"]
    assert_same_function(graph, folded)


def read_twice(layers: Layers) -> Graph:
    """The first layer's value is read by the second and by another reader."""
    layers.g.add("other", Relu(), ["conv"])
    return layers.graph("other")


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(read_twice(Layers((2, 6, 6)).conv().norm()), id="read twice"),
        pytest.param(Layers((2, 6, 6)).conv().norm().graph("conv"), id="an output"),
        pytest.param(Layers((2, 6, 6)).norm().graph(), id="on the input"),
        pytest.param(Layers((2, 6, 6)).conv().pool().norm().graph(), id="behind a pool"),
        pytest.param(
            Layers((2, 6, 6)).conv().add("relu", Relu()).norm().graph(), id="behind a relu"
        ),
    ],
)
def test_batch_norm_stays(graph):
    after = fold_batch_norm(graph)
    assert ops_of(after) == ops_of(graph)
    assert_same_function(graph, after)


@pytest.mark.parametrize(
    ("conv", "pool"),
    [
        ({}, {}),
        ({"stride": (2, 1)}, {"window": (3, 2)}),
        ({"padding": (0, 2, 1, 0)}, {"window": (2, 3)}),
        ({"bias": False, "groups": 2, "out": 4}, {}),
        ({}, {"window": (3, 3), "stride": (2, 1)}),
        ({}, {"window": (2, 2), "stride": (3, 3)}),
        ({}, {"divisor": 4}),
        ({"kernel": (1, 4)}, {"window": (1, 1)}),
        ({"padding": (0, 0, 5, 5)}, {"window": (2, 2)}),
    ],
)
@pytest.mark.parametrize("size", [(8, 8), (7, 9), (11, 6)])
def test_average_pool_folds_into_the_convolution(conv, pool, size):
    graph = Layers((2, *size)).conv(**conv).pool(**pool).graph()
    folded = fold_avg_pool(graph)
    assert ops_of(folded) == ["input", "conv2d"]
    assert folded["conv"].type == graph["pool"].type
    inference.check(folded)
    assert_same_function(graph, folded)


def test_far_padding_is_that_of_the_image_that_the_pool_before_left():
    graph = (
        Layers((1, 4, 4))
        .conv("conv0", 1, kernel=(1, 1), padding=(0, 0, 0, 0))
        .pool("pool0", (1, 1), stride=(2, 1))
        .conv("conv1", 1, kernel=(1, 1), padding=(0, 0, 1, 0))
        .pool("pool1", (1, 1), stride=(1, 1))
        .graph()
    )
    folded = fold_avg_pool(graph)
    assert folded["conv1"].op.padding == (0, 0, 1, 0)
    inference.check(folded)
    assert_same_function(graph, folded)


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(read_twice(Layers((2, 6, 6)).conv().pool()), id="read twice"),
        pytest.param(Layers((2, 6, 6)).conv().pool().graph("conv"), id="an output"),
        pytest.param(Layers((2, 6, 6)).conv().pool(padding=(1, 0)).graph(), id="padded"),
        pytest.param(Layers((2, 7, 7)).conv().pool(ceil_mode=True).graph(), id="clipped"),
        pytest.param(Layers((2, 6, 6)).conv().pool(divisor=3).graph(), id="other divisor"),
        pytest.param(Layers((2, 9, 9)).conv(dilation=(2, 1)).pool().graph(), id="dilated"),
        pytest.param(Layers((2, 6, 6), Kind.SPIKE).pool().graph(), id="on spikes"),
        pytest.param(
            Layers((2, 6, 6)).conv().add("relu", Relu()).pool().graph(), id="behind a relu"
        ),
    ],
)
def test_average_pool_stays(graph):
    after = fold_avg_pool(graph)
    assert ops_of(after) == ops_of(graph)
    assert_same_function(graph, after)


def test_second_of_two_pools_stays():
    graph = Layers((2, 9, 9)).conv().pool().pool("pool2").graph()
    folded = fold_avg_pool(graph)
    assert ops_of(folded) == ["input", "conv2d", "avg_pool2d"]
    assert_same_function(graph, folded)


def test_a_spike_reaches_4_taps_instead_of_9():
    """conv 3x3 and pool 2x2 as one convolution: 2.25 times fewer accumulations."""
    graph = Layers((1, 8, 8), Kind.SPIKE).conv(out=5).pool().graph()
    spike = torch.zeros(STEPS, 1, 8, 8)
    spike[0, 0, 3, 4] = 1.0
    before = analytic_counts(graph, {"input": spike}, ["conv"])["conv"]
    after = analytic_counts(fold_avg_pool(graph), {"input": spike}, ["conv"])["conv"]
    assert (before["ac"], after["ac"]) == (9 * 5, 4 * 5)


def test_linear_layers_read_past_a_flatten():
    graph = Layers((3, 4, 5)).add("flat", Flatten()).add("again", Flatten()).linear().graph()
    absorbed = absorb_flatten(graph)
    assert ops_of(absorbed) == ["input", "linear"]
    assert_same_function(graph, absorbed)


def test_a_flatten_with_other_readers_stays_for_them():
    layers = Layers((3, 4, 5)).add("flat", Flatten())
    layers.g.add("relu", Relu(), ["flat"])
    graph = layers.linear().graph("relu")
    absorbed = absorb_flatten(graph)
    assert ops_of(absorbed) == ["input", "flatten", "relu", "linear"]
    assert absorbed["linear"].inputs == ("input",)
    assert_same_function(graph, absorbed)


@pytest.mark.parametrize("steps", [1, 4, 5])
@pytest.mark.parametrize(
    ("attention", "sizes"),
    [
        *((name, {}) for name in sorted(set(ATTENTION_NAMES) - {"none"})),
        ("asa1", {"mix_reduction": 1}),
        ("tcsa", {"temporal_reduction": 2, "channel_reduction": 1, "spatial_kernel": 3}),
    ],
)
def test_lowered_attention_is_the_module(attention, sizes, steps):
    torch.manual_seed(steps)
    gate = make_attention(attention, steps, 5, sizes)
    for name, parameter in gate.named_parameters():
        if name.endswith(("alpha", "gamma")):
            parameter.data.uniform_(-1, 1)
    model = nn.Sequential(OrderedDict(gate=gate, flat=nn.Flatten(2), mean=TimeMean()))
    graph = import_module(model, (5, 3, 4), steps)
    graph = prune(graph.replace(outputs=graph["flat"].inputs))
    assert any(op in COMPOSITES for op in ops_of(graph))
    lowered = pipeline.lowered(graph)
    assert not any(op in COMPOSITES for op in ops_of(lowered))
    x = torch.randn(steps, 1, 5, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        expected = gate.double()(x)[:, 0]
    (own,) = outputs_of(lowered, x[:, 0])
    torch.testing.assert_close(own, expected, rtol=1e-12, atol=1e-14)


def test_a_pass_that_breaks_the_graph_is_named(monkeypatch):
    def forgetful(graph: Graph) -> Graph:
        return graph.replace(nodes=graph.nodes[1:])

    monkeypatch.setattr(pipeline, "OPTIMISATIONS", (fold_batch_norm, forgetful))
    with pytest.raises(InternalError, match=r"after pass forgetful .* fold_batch_norm, forgetful"):
        pipeline.optimised(Layers((2, 5, 5)).conv().graph())


def test_names_of_ops_survive_in_lowered_networks():
    """Whoever watches a neuron or a mask finds it under the same name in both graphs."""
    size, steps = SIZES["three-layer-narrow"]
    graph = import_module(firing_network("three-layer-narrow", "asa1"), size, steps)
    source, compiled = pipeline.lowered(graph), pipeline.optimised(graph)
    for op in ("neuron", "complementary_mask"):
        names = [node.name for node in source if node.op.name == op]
        assert names == [node.name for node in compiled if node.op.name == op]
        assert names
