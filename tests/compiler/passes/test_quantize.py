"""The quantizer's proofs, at their edges: one unit less and one unit more than a width holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.ir.graph import Array, Graph, Kind, Node, TensorType
from snnc.compiler.ops import OPS, Add, Conv2d, Flatten, Input, Linear, MaxPool2d, Neuron, TimeMean
from snnc.compiler.ops.int8.scaling import Ranges
from snnc.compiler.ops.int8.synapses.rows import LISTED
from snnc.compiler.ops.int8.synapses.weight_scales import weight_scales
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.errors import UNSUPPORTED_LAYER, SnncError
from tests.support.samples.graphs import observed

STEPS = 4
LIF = {"beta": 0.5, "drift": 0.0, "gain": 1.0, "reset_mode": "hard", "reset": 0.0}
LIF |= {"threshold": 500.0, "strict": False, "initial": 0.0}
FULL = 127
"""The largest int8 weight: with it as the largest of a channel, weights are their own integers."""


def layers(*weights: tuple[Array, Array], neuron: Mapping[str, Any] | None = None) -> Graph:
    """Linear layers (weights, bias) on the same spikes "x", their sum, a neuron: in integers."""
    building = Importing("edge", STEPS)
    building.input((1,), Kind.COUNT)
    inputs = len(weights[0][0][0])
    building.nodes["x"] = Node("x", Input(), (), TensorType((inputs,), Kind.SPIKE))
    sums = [
        building.add(f"linear{index}", Linear(), ["x"], {"weight": weight, "bias": bias})
        for index, (weight, bias) in enumerate(weights)
    ]
    total = sums[0] if len(sums) == 1 else building.add("total", Add(), sums)
    spikes = building.add("neuron", Neuron(**{**LIF, **(neuron or {})}), [total])
    graph = building.graph([building.add("mean", TimeMean(), [spikes])])
    seen = Ranges({"input": 1.0}, {"neuron": np.ones(len(weights[0][0]))})
    return pipeline.quantized(graph, seen, LISTED)


def check(graph: Graph, *inputs: Array) -> None:
    """The C gives every value of the reference, which runs in 64 bits, on all inputs and these."""
    model = observed(graph)
    names = [node.name for node in graph.nodes if node.op.name != "input"]
    for active in (np.ones(graph["x"].type.size), *inputs):
        given = {"input": np.zeros((STEPS, 1)), "x": np.stack([active] * STEPS)}
        tensors = {name: torch.from_numpy(value.astype(np.int64)) for name, value in given.items()}
        values = reference.run(graph, tensors, dtype=torch.int64)
        wanted = [(name, "value") for name in names]
        own = model.run(given["input"], observe=wanted, forced={"x": given["x"]}).values
        for name in names:
            assert np.array_equal(own[name, "value"], values[name].numpy()), name


def row(plus: int, minus: int = 0, small: int = 0) -> Array:
    """One channel: ``plus`` weights of +127, ``minus`` of -127, ``small`` of 1."""
    return np.array([[FULL] * plus + [-FULL] * minus + [1] * small], float)


PLUS_ONLY, MINUS_ONLY = row(258), row(0, 258)
"""258 times 127 is 32,766: one unit less than 16 bits hold, for the weights alone."""


@pytest.mark.parametrize(
    ("weight", "bias", "width"),
    [
        (PLUS_ONLY, 1, "int16"),
        (PLUS_ONLY, 2, "int32"),
        (PLUS_ONLY, 8000, "int32"),
        (MINUS_ONLY, -1, "int16"),
        (MINUS_ONLY, -2, "int32"),
        (MINUS_ONLY, -8000, "int32"),
        (row(150, 150), 0, "int16"),
        (row(300, 300), 0, "int32"),  # the whole sum is 0, a part of it 38,100
        (row(258, 258), -300, "int32"),
        (row(300, 100), 0, "int32"),  # a part that the rest brings back: 38,100, then 25,400
        (row(100, 300), 0, "int32"),
        (row(1, 0, 299), 0, "int16"),
    ],
)
def test_a_sum_is_as_wide_as_its_worst_part(weight, bias, width):
    graph = layers((weight, np.array([float(bias)])))
    node = graph["linear0"]
    assert np.array_equal(graph.params_of(node)["weight"].reshape(weight.shape), weight)
    assert node.type.dtype == width
    check(graph, *(weight > 0), *(weight < 0))


def test_one_wide_channel_makes_the_layer_wide():
    weight = np.concatenate([row(300), *[row(1, 0, 299)] * 7])
    graph = layers((weight, np.zeros(8)))
    assert graph["linear0"].type.dtype == "int32"
    check(graph)


def test_the_sum_of_two_narrow_layers_may_be_wide():
    graph = layers((row(200), np.zeros(1)), (row(200), np.zeros(1)))
    assert {graph[f"linear{i}"].type.dtype for i in (0, 1)} == {"int16"}
    assert graph["total"].type.dtype == "int32"
    check(graph)


def counting(most: int) -> Graph:
    """A linear layer on counts, of which calibration sees ``most`` in a cell."""
    building = Importing("counting", STEPS)
    building.input((3,), Kind.COUNT)
    linear = building.add("linear", Linear(), ["input"], {"weight": np.ones((2, 3))})
    spikes = building.add("neuron", Neuron(**LIF), [linear])
    graph = building.graph([building.add("mean", TimeMean(), [spikes])])
    return compile_graph(graph, calibration=[np.full((STEPS, 3), most)]).graph


@pytest.mark.parametrize(("most", "stored"), [(63, "uint8"), (64, "")])
def test_counts_take_a_byte_where_calibration_is_far_from_filling_it(most, stored):
    graph = counting(most)
    assert graph["input"].type.dtype == stored
    # Three weights of 8: times 255 they fit 16 bits, times 65,535 they do not.
    assert np.array_equal(graph.params_of(graph["linear"])["weight"], np.full((2, 3), 8))
    assert graph["linear"].type.dtype == ("int16" if stored else "int32")


@pytest.mark.parametrize(
    ("threshold", "strict", "integer"),
    [
        (500.0, False, 500),
        (500.3, False, 501),
        (500.0, True, 501),
        (500.3, True, 501),
    ],
)
def test_a_threshold_of_reals_is_one_of_integers(threshold, strict, integer):
    """U >= 500.3 and U > 500 both mean U >= 501, where U is whole."""
    neuron = {"threshold": threshold, "strict": strict, "beta": 0.0}
    graph = layers((row(4), np.zeros(1)), neuron=neuron)
    node = graph["neuron"]
    shift = node.op.input_shift
    scaled = threshold * 2**shift
    expected = int(np.floor(scaled) + 1 if strict else np.ceil(scaled))
    assert graph.params_of(node)["threshold"] == [expected]
    assert shift > 0 or expected == integer


@pytest.mark.parametrize(
    ("mode", "initial", "saturates"),
    [("none", 0.0, True), ("none", 40_000.0, False), ("hard", 0.0, True), ("soft", 0.0, True)],
)
def test_a_potential_saturates_where_it_may_leave_its_width(mode, initial, saturates):
    """With a leak of 63/64 a potential grows to T times its input: 4 x 12,700 is more than 16 bits
    hold. One that begins beyond them gets 32."""
    neuron = {"beta": 63 / 64, "reset_mode": mode, "threshold": 4000.0, "initial": initial}
    graph = layers((row(100), np.zeros(1)), neuron=neuron)
    node = graph["neuron"]
    assert node.op.width == ("int16" if saturates else "int32")
    assert node.op.saturate is saturates
    check(graph)


def pooled_sums(*channels: int) -> Graph:
    """Convolutions of the same counts, a maximum over each, their sum, a neuron; not quantized."""
    building = Importing("pooled", STEPS)
    building.input((1, 4, 4), Kind.COUNT)
    pool = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
    conv = {"stride": (1, 1), "padding": (1,) * 4, "dilation": (1, 1), "groups": 1}
    pools = []
    for index, weight in enumerate(channels):
        kernel = np.full((2, 1, 3, 3), float(weight))
        made = building.add(f"conv{index}", Conv2d(**conv), ["input"], {"weight": kernel})
        pools.append(building.add(f"pool{index}", MaxPool2d(**pool, ceil_mode=False), [made]))
    total = pools[0] if len(pools) == 1 else building.add("total", Add(), pools)
    spikes = building.add("neuron", Neuron(**LIF), [total])
    flat = building.add("flatten", Flatten(), [spikes])
    return building.graph([building.add("mean", TimeMean(), [flat])])


def test_layers_whose_maxima_are_added_share_a_unit_that_the_threshold_fits():
    """The larger weights' scale, and no smaller one than lets the threshold take 4,096 units."""
    graph = pipeline.lowered(pooled_sums(127, 1))
    for name in ("conv0", "conv1"):
        assert np.array_equal(weight_scales(graph, graph[name]), np.ones(2))
    alone = pipeline.lowered(pooled_sums(1))
    assert np.array_equal(weight_scales(alone, alone["conv0"]), np.full(2, 500 / 2**12))


def test_the_sum_of_maxima_is_exact():
    window = np.random.default_rng(0).poisson(1.0, (STEPS, 1, 4, 4)).astype(np.uint16)
    graph = compile_graph(pooled_sums(127, 1), calibration=[window]).graph
    assert [n.op.name for n in graph].count("max_pool2d_i8") == 2
    assert [n.op.name for n in graph].count("add_i8") == 1
    values = reference.run(
        graph, {"input": torch.from_numpy(window.astype(np.int64))}, dtype=torch.int64
    )
    own = observed(graph).run(window, observe=[("total", "value")]).values["total", "value"]
    assert np.array_equal(own, values["total"].numpy())
    assert own.any()


@pytest.mark.parametrize("op", ["time_sum", "time_mean"])
def test_sums_and_means_over_time_differ_by_their_unit(op):
    building = Importing("readout", STEPS)
    building.input((3,), Kind.COUNT)
    linear = building.add("linear", Linear(), ["input"], {"weight": np.ones((2, 3))})
    spikes = building.add("neuron", Neuron(**LIF), [linear])
    graph = building.graph([building.add("scores", OPS[op](), [spikes])])
    compiled = compile_graph(graph, calibration=[np.full((STEPS, 3), 5)]).graph
    assert compiled["scores"].op.name == "time_sum_i8"
    assert compiled["scores"].op.unit == (1.0 if op == "time_sum" else 1 / STEPS)


@pytest.mark.parametrize(
    ("constants", "says"),
    [
        ({"threshold": np.array([1.0, 2.0])}, "constants of its own per channel"),
        ({"threshold": np.ones(2), "gain": np.zeros(2)}, "gain is not positive"),
    ],
)
def test_a_neuron_without_an_int8_form_is_refused_behind_a_layer(constants, says):
    building = Importing("refused", STEPS)
    building.input((3,), Kind.COUNT)
    linear = building.add("linear", Linear(), ["input"], {"weight": np.ones((2, 3))})
    plain = Neuron(beta=0.5, drift=0.0, gain=1.0, reset_mode="hard", reset=0.0, strict=False,
                   initial=0.0)  # fmt: skip
    op, params = plain.with_constants(constants)
    spikes = building.add("neuron", op, [linear], params)
    graph = building.graph([building.add("mean", TimeMean(), [spikes])])
    with pytest.raises(SnncError, match=says) as refused:
        pipeline.quantized(graph, Ranges({"input": 1.0}, {"neuron": np.ones(2)}))
    assert refused.value.code is UNSUPPORTED_LAYER
