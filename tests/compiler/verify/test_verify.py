"""The proof itself: equal spikes pass, any planted error is found and named."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
import torch

from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier
from tests.support.networks.lively import lively_network

FLAGS = ("-O1",)


def frames(seed: int, steps: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.3, (steps, 2, 34, 34)).astype(np.uint16)


def compiled(attention: str) -> tuple[torch.nn.Module, Compilation]:
    model = lively_network(attention)
    return model, compile_graph(import_module(model, (2, 34, 34), 6, name="net"))


@pytest.mark.parametrize("attention", ["none", "asa1", "tcsa"])
def test_c_fires_the_spikes_of_pytorch(attention, tmp_path):
    model, compilation = compiled(attention)
    verifier = Verifier(model, compilation, tmp_path, FLAGS)
    for seed in range(3):
        verifier.verify(frames(seed), label=seed)
    result = verifier.result
    assert result.passed
    assert result.unexplained == 0
    assert result.count_mismatches == []
    assert result.samples == 3
    assert result.same_class == 3
    assert result.counted_nodes == 3 * (len(compilation.graph.nodes) - 1)
    neurons = [layer for layer in result.layers if layer.name.endswith("neuron")]
    assert [layer.compared for layer in neurons] == [
        3 * 6 * size for size in (8 * 34 * 34, 8 * 17 * 17, 8 * 8 * 8, 24, 10)
    ]
    if attention == "asa1":
        assert next(layer.name for layer in result.layers) == "layer1_attention_select"


@pytest.mark.parametrize(
    ("constant", "layer"),
    [
        ("layer1_conv_weight", "layer1_neuron"),
        ("layer2_conv_weight", "layer2_neuron"),
        ("layer3_conv_bias", "layer3_neuron"),
        ("fc1_linear_weight", "fc1_neuron"),
    ],
)
def test_one_changed_weight_is_found_and_named(constant, layer, tmp_path):
    model, compilation = compiled("none")
    files = dict(compilation.generated.files)
    files["net_weights.h"] = with_first_value(files["net_weights.h"], constant, "-0x1.8p+4f")
    verifier = Verifier(model, compilation, tmp_path, FLAGS, files=files)
    for seed in range(2):
        verifier.verify(frames(seed))
    result = verifier.result
    assert not result.passed
    assert {entry.name for entry in result.layers if entry.unexplained} == {layer}
    first = result.first_divergence
    assert first is not None
    assert first.layer == layer
    assert abs(first.margin) > first.bound
    assert 0 <= first.step < 6
    shape = compilation.graph[layer].type.shape
    assert all(0 <= index < size for index, size in zip(first.neuron, shape, strict=True))


def test_changed_attention_weight_is_found_in_its_own_layer(tmp_path):
    model, compilation = compiled("asa1")
    files = dict(compilation.generated.files)
    constant = "layer2_attention_conv_weight"
    files["net_weights.h"] = with_first_value(files["net_weights.h"], constant, "-0x1.8p+4f")
    verifier = Verifier(model, compilation, tmp_path, FLAGS, files=files)
    verifier.verify(frames(0))
    assert {entry.name for entry in verifier.result.layers if entry.unexplained} == {
        "layer2_neuron"
    }


def test_wrong_counter_is_reported(tmp_path):
    model, compilation = compiled("none")
    files = dict(compilation.generated.files)
    skipped = "snn_time_sum_spike("
    assert skipped in files["net.c"]
    uncounted = r"(snn_time_sum_spike\(.*), COUNTERS\(\d+\)\);"
    files["net.c"] = re.sub(uncounted, r"\1, NULL);", files["net.c"])
    verifier = Verifier(model, compilation, tmp_path, FLAGS, files=files)
    verifier.verify(frames(0))
    assert len(verifier.result.count_mismatches) == 1
    assert "mean" in verifier.result.count_mismatches[0]
    assert not verifier.result.passed


def test_judge_decides_spikes_far_from_the_threshold_and_not_those_on_it():
    """The bound is neither vacuous nor optimistic: it covers float32's error, and little more."""
    _, compilation = compiled("none")
    x = torch.from_numpy(frames(1).astype(np.float32))
    graph = compilation.graph
    single = reference.run(graph, {"input": x})
    spikes = {node.name: single[node.name] for node in graph.nodes if node.op.name == "neuron"}
    for name in ("layer1_conv", "layer2_conv", "layer3_conv", "fc1_linear"):
        verdict = reference.judge(graph, {"input": x}, spikes, [name])[name]
        wrong = (single[name].double() - verdict.value).abs()
        assert bool((wrong <= verdict.error).all())
        assert float(verdict.error.max()) < 1e-4 * float(verdict.value.abs().max())
    undecided = reference.judge(graph, {"input": x}, spikes, ["layer2_neuron"])["layer2_neuron"]
    assert float(undecided.error.mean()) < 1e-3


def with_first_value(text: str, constant: str, value: str) -> str:
    """The weights' text with the first value of a constant replaced by a hexadecimal float."""
    changed, count = re.subn(
        rf"(SNN_WEIGHTS const float {constant}\[\d+\] SNN_ALIGNED = {{\s*)[^,]+",
        rf"\g<1>{value}",
        text,
    )
    if not count:  # bytes in string literals, the lowest first
        value_bytes = struct.pack("<f", float.fromhex(value.removesuffix("f")))
        text_bytes = "".join(f"\\{byte:03o}" for byte in value_bytes)
        changed, count = re.subn(
            rf'(_values {constant} SNN_ALIGNED = {{[^"]*")(?:\\[0-7]{{1,3}}|\\.|[^"\\]){{4}}',
            lambda found: found[1] + text_bytes,
            text,
        )
    assert count == 1
    return changed
