"""Quantized models: the C equals the integer reference bit for bit, and any change is found."""

from __future__ import annotations

import re
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ops.int8 import fixed
from snnc.compiler.ops.int8.elementwise.sigmoid import TABLE, SigmoidI8
from snnc.compiler.ops.int8.scaling import fractions
from snnc.compiler.ops.view import NodeRun
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.compiler.verify.integer import IntegerVerifier, run_reference
from snnc.errors import SnncError
from snnc.models.networks import OverTime, TimeMean
from snnc.models.neurons import LIF, PLIF
from tests.support.networks import maxima
from tests.support.networks.lively import lively_network, with_large_weights

FLAGS = ("-O1", "-Wshadow", "-Werror")
STEPS = 6


def frames(seed: int, shape: tuple[int, ...] = (2, 34, 34)) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.3, (STEPS, *shape)).astype(np.uint16)


def quantized(model: nn.Module, shape: tuple[int, ...] = (2, 34, 34)) -> Compilation:
    graph = import_module(model, shape, STEPS, name="net")
    return compile_graph(graph, calibration=[frames(seed, shape) for seed in (10, 11)])


MA_SNN = {
    "attention_sizes": {"temporal_reduction": 3, "channel_reduction": 8, "spatial_kernel": 3},
    "fc_attention": "ta",
    "fc_batch_norm": True,
}


@pytest.mark.parametrize(
    ("attention", "hyper"),
    [
        *((name, {}) for name in ("none", "asa1", "asa2", "sa", "ta", "ca", "tcsa")),
        ("asa1", {"attention_sizes": {"mix_reduction": 1}}),
        ("tcsa", MA_SNN),
    ],
)
def test_c_equals_the_integer_reference(attention, hyper, tmp_path):
    model = lively_network(attention, channels=(5, 33, 8), **hyper)
    compilation = quantized(model)
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    for seed in range(2):
        verifier.verify(frames(seed), label=seed)
    result = verifier.result
    assert result.first_divergence is None
    assert result.count_mismatches == []
    assert result.passed
    assert result.counted_nodes == 2 * (len(compilation.graph.nodes) - 1)
    spikes = [node for node in compilation.graph.nodes if node.op.name == "neuron_i8"]
    values, _ = run_reference(compilation.graph, frames(0))
    for node in spikes:
        assert 0.001 < values[node.name].double().mean() < 0.95, f"{node.name} is not lively"


class Neurons(nn.Module):
    """Every kind of neuron, a channel-major flatten, pooling of spikes and a grouped layer."""

    def __init__(self) -> None:
        super().__init__()
        conv1 = nn.Conv2d(2, 6, 3, stride=(1, 2), padding=(2, 1))
        conv2 = nn.Conv2d(6, 33, 3, groups=3, dilation=2)
        head = OrderedDict(
            pool=nn.MaxPool2d(2), flatten=nn.Flatten(), linear=nn.Linear(33 * 4 * 1, 12)
        )
        self.layer1 = OverTime(OrderedDict(conv=conv1))
        self.soft = LIF(0.4, None, 0.7)
        self.layer2 = OverTime(OrderedDict(conv=conv2))
        self.plif = PLIF(2.5, 0.2, -0.2)
        self.layer3 = OverTime(head)
        self.hard = LIF(0.1, 0.05, 0.5)
        self.mean = TimeMean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.plif(self.layer2(self.soft(self.layer1(x))))
        return self.mean(self.hard(self.layer3(x)))


def lively_neurons() -> nn.Module:
    return with_large_weights(Neurons, 4)


def test_resets_leaks_and_odd_shapes(tmp_path):
    shape = (2, 11, 13)
    model = lively_neurons()
    compilation = quantized(model, shape)
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    for seed in range(3):
        verifier.verify(frames(seed, shape))
    assert verifier.result.passed
    modes = [n.op.reset_mode for n in compilation.graph.nodes if n.op.name == "neuron_i8"]
    assert modes == ["soft", "hard", "hard"]
    values, _ = run_reference(compilation.graph, frames(0, shape))
    for name in ("soft", "plif", "hard"):
        assert 0.001 < values[name].double().mean() < 0.95, f"{name} is not lively"


def test_maxima_of_sums_and_of_currents_are_exact(tmp_path):
    model = maxima.maxima()
    compilation = quantized(model, maxima.SHAPE)
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    for seed in range(3):
        verifier.verify(frames(seed, maxima.SHAPE))
    assert verifier.result.passed
    pools = [n.name for n in compilation.graph.nodes if n.op.name == "max_pool2d_i8"]
    assert pools == ["layer1_pool", "layer2_pool", "layer3_pool"]
    values, _ = run_reference(compilation.graph, frames(0, maxima.SHAPE))
    for name in ("soft", "hard", "last"):
        assert 0.001 < values[name].double().mean() < 0.95, f"{name} is not lively"


def full(seed: int) -> np.ndarray:
    """Counts up to the largest that 16 bits hold."""
    window = frames(seed)
    window[2] = 65535
    window[3, :, ::3] = 40000
    return window


def test_large_counts_stay_exact(tmp_path):
    """Sums of counts up to 65535 need 32 bits, and get them where calibration saw such counts."""
    model = lively_network("none", channels=(5, 8, 8))
    graph = import_module(model, (2, 34, 34), STEPS, name="net")
    compilation = compile_graph(graph, calibration=[frames(10), full(11)])
    assert compilation.graph["input"].type.dtype == ""
    assert compilation.graph["layer1_conv"].type.dtype == "int32"
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    verifier.verify(full(1))
    assert verifier.result.passed


def test_small_counts_take_a_byte_and_more_is_an_error(tmp_path):
    model = lively_network("none", channels=(5, 8, 8))
    compilation = quantized(model)
    assert compilation.graph["input"].type.dtype == "uint8"
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    window = frames(1)
    window[3, 0, 5, 7] = 255
    verifier.verify(window)
    assert verifier.result.passed
    window[3, 0, 5, 7] = 256
    with pytest.raises(SnncError, match="SNN_ERR_COUNT_OVERFLOW"):
        verifier.verify(window)


@pytest.mark.parametrize("layer", ["layer1_neuron", "layer3_neuron", "fc2_neuron"])
def test_one_unit_in_one_threshold_is_found_and_named(layer, tmp_path):
    model = lively_network("none")
    compilation = quantized(model)
    channel, value = smallest_visible_rise(compilation, layer, frames(0))
    files = dict(compilation.generated.files)
    files["net_weights.h"] = changed(files["net_weights.h"], f"{layer}_threshold", channel, value)
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS, files=files)
    verifier.verify(frames(0))
    assert not verifier.result.passed
    first = verifier.result.first_divergence
    assert first is not None
    assert first.layer == layer
    assert first.neuron[0] == channel


def smallest_visible_rise(
    compilation: Compilation, layer: str, window: np.ndarray
) -> tuple[int, int]:
    """The channel and the threshold one unit above the potential that fires most narrowly."""
    _, membranes = run_reference(compilation.graph, window)
    threshold = compilation.graph.params_of(compilation.graph[layer])["threshold"]
    potential = membranes[layer].numpy().reshape(len(window), len(threshold), -1)
    above = potential - threshold[None, :, None]
    margin = np.where(above >= 0, above, np.iinfo(np.int64).max).min(axis=(0, 2))
    channel = int(margin.argmin())
    return channel, int(threshold[channel] + margin[channel] + 1)


def test_a_changed_weight_is_found_in_its_own_layer(tmp_path):
    model = lively_network("asa1")
    compilation = quantized(model)
    files = dict(compilation.generated.files)
    files["net_weights.h"] = changed(files["net_weights.h"], "layer2_conv_weight", 0, -128)
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS, files=files)
    verifier.verify(frames(0))
    assert verifier.result.first_divergence.layer == "layer2_conv"


def changed(text: str, constant: str, index: int, value: int) -> str:
    """C text with one element of a constant array replaced."""
    match = re.search(rf"{constant}\[\d+\]\s+(?:#ifndef \w+\s+)?= {{([^}}]*)}}", text)
    assert match is not None
    numbers = match[1].replace("\n", " ").split(",")
    assert int(numbers[index]) != value
    numbers[index] = str(value)
    return text[: match.start(1)] + ",".join(numbers) + text[match.end(1) :]


@pytest.mark.parametrize("attention", ["none", "asa1"])
def test_integers_follow_the_float_model(attention):
    """The twin is the same network: spikes of the first layer agree, units undo the scales."""
    model = lively_network(attention)
    graph = pipeline.optimised(import_module(model, (2, 34, 34), STEPS, name="net"))
    ranges = calibrate(graph, [frames(seed) for seed in (10, 11)])
    twin = pipeline.quantized(graph, ranges)
    x = torch.from_numpy(frames(0).astype(np.float32))
    floats = reference.run(graph, {"input": x})
    integers, _ = run_reference(twin, frames(0))
    same = (floats["layer1_neuron"] == integers["layer1_neuron"]).double().mean()
    assert same > (0.99 if attention == "none" else 0.95)
    assert twin["mean"].op.unit == pytest.approx(1 / STEPS)


def test_no_partial_sum_leaves_its_width():
    """The bound behind int16 holds for the worst input of every channel, in any order."""
    graph = quantized(lively_network("none", channels=(8, 8, 8))).graph
    narrow = 0
    for node in graph.nodes:
        if node.op.name not in ("conv2d_i8", "linear_i8"):
            continue
        own = graph.params_of(node)
        given = graph.input_types(node)[0]
        most = 1 if given.kind is Kind.SPIKE else 255 if given.dtype == "uint8" else 65535
        rows = own["weight"].reshape(len(own["weight"]), -1)
        bias = own.get("bias", np.zeros(len(rows), np.int64))
        high = np.maximum(rows, 0).sum(axis=1) * most + np.maximum(bias, 0)
        low = np.minimum(rows, 0).sum(axis=1) * most + np.minimum(bias, 0)
        limit = fixed.LIMITS[node.type.dtype]
        assert high.max() <= limit
        assert low.min() >= -limit - 1
        assert np.abs(rows).max() <= 127
        narrow += node.type.dtype == "int16"
    assert narrow >= 2


def test_round_shift_rounds_halves_up():
    given = torch.tensor([-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6])
    expected = torch.tensor([-1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2])
    assert torch.equal(fixed.round_shift(given, 2), expected)
    assert torch.equal(fixed.round_shift(given, 0), given)


@pytest.mark.parametrize("value", [3e-9, 0.1, 0.5, 1.0, 1.999999, 7.25, 900.0])
def test_multiplier_has_the_bits_asked_for(value):
    factor, shift = fixed.multiplier(value, 20)
    assert factor / 2**shift == pytest.approx(value, rel=2**-19)


def test_fractions_fit_16_bits():
    for values in (np.array([0.3, -1.7]), np.array([12345.0]), np.array([0.0])):
        integer, shift = fractions(values)
        assert np.abs(integer).max() <= 32767
        assert np.allclose(integer / 2.0**shift, values, atol=2.0**-shift)


def test_sigmoid_table_is_close_and_monotone():
    op, x = SigmoidI8(factor=1 << 19, shift=19), torch.arange(-9 << 16, 9 << 16, 97)
    node = Node("s", op, ("x",), TensorType(x.shape, Kind.REAL, dtype="int32"))
    score = op.reference(NodeRun(node, [], {}, [x]))
    exact = torch.sigmoid(x.double() / 2**16) * 2**15
    inside = x.abs() < 8 << 16
    # the chord over an interval h = 1/16 leaves h^2/8 of the curvature (at most 0.0963); an entry
    # and the interpolation round by a half each
    assert (score - exact)[inside].abs().max() <= 2**15 * 0.0963 / 16**2 / 8 + 1
    assert (score - exact).abs().max() < 12
    assert bool((score.diff() >= 0).all())
    assert int(score.max()) < 2**15
    assert len(TABLE) == 257


def test_what_has_no_integer_form_is_refused_by_name():
    head = OrderedDict(pool=nn.AvgPool2d(2), flatten=nn.Flatten(), linear=nn.Linear(578, 10))

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = OverTime(head)
            self.mean = TimeMean()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mean(self.layers(x))

    with pytest.raises(SnncError, match="avg_pool2d has no int8 form") as caught:
        quantized(Pooled().eval())
    assert caught.value.code.code == "SNNC-E101"
    assert "layers.pool" in str(caught.value)
