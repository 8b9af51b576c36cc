"""The benchmark measures what it says: one network for all, densities met, time accounted for."""

from __future__ import annotations

import copy
import json
import sys

import numpy as np
import pytest
import torch

from snnc.bench import roofline
from snnc.bench.contest import compiled, summary
from snnc.bench.densities import fire_at
from snnc.bench.peers import INT8, PEERS, assemble, exported, ncnn
from snnc.bench.peers.plain import PlainNeuron
from snnc.bench.profile import profile
from snnc.bench.timing import Timing
from snnc.models.blocks import Block
from snnc.models.neurons import LIF, PLIF, DecayLIF
from tests.support.networks.lively import lively_network

EXPORTED = {
    "onnxruntime_f32",
    "onnxruntime_int8_qdq",
    "openvino_f32",
    "openvino_int8_qdq",
    "mnn_f32",
}
OPTIONAL = {*EXPORTED, "ncnn_f32", "spikingjelly_multi_step"}
SLOW = {"torch_compile", "torch_compile_max_autotune"}


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(5)
    return rng.poisson(0.3, (6, 2, 34, 34)).astype(np.uint16)


@pytest.fixture(scope="module")
def x(frames):
    return torch.from_numpy(frames.astype(np.float32))[:, None]


@pytest.mark.parametrize("density", [0.01, 0.2, 1.0])
@pytest.mark.parametrize("name", ["three-layer-narrow", "five-layer"])
def test_every_layer_fires_at_the_wanted_rate(name, density):
    size = 34 if name.startswith("three") else 64
    hyper = {"input_size": (2, size, size)}
    if name.startswith("five"):
        hyper |= {"channels": (8, 8, 8, 8, 8), "hidden": 200}
    network = lively_network(name=name, **hyper)
    x = torch.rand((6, 1, 2, size, size), generator=torch.Generator().manual_seed(1))
    forced = fire_at(network, x, density, normalise=True)
    seen = {}
    for path in forced.reached:
        forced.module.get_submodule(path).register_forward_hook(
            lambda _m, _i, spikes, path=path: seen.__setitem__(path, float(spikes.mean()))
        )
    with torch.inference_mode():
        forced.module(x)
    assert seen == pytest.approx(forced.reached)
    for path, rate in seen.items():
        neurons = {"fc1": 24, "fc2": 10}.get(path.split(".")[0], 500)
        assert rate == pytest.approx(density, abs=3 / (6 * neurons) + 0.02 * density)


def test_forcing_leaves_the_original_alone(x):
    network = lively_network()
    before = {
        name: part.v_threshold for name, part in network.named_modules() if isinstance(part, LIF)
    }
    fire_at(network, x, 0.5, normalise=True)
    after = {
        name: part.v_threshold for name, part in network.named_modules() if isinstance(part, LIF)
    }
    assert before == after
    assert len(before) == 5


@pytest.mark.parametrize(
    "neuron",
    [
        LIF(0.4, 0.0, 0.3),
        LIF(0.4, -0.2, 0.7),
        LIF(0.4, None, 0.7),
        DecayLIF(2.0, 0.4),
        DecayLIF(2.0, 0.4, 0.1),
        PLIF(2.0, 0.3),
    ],
)
def test_plain_neurons_fire_as_the_packages_own(neuron):
    x = torch.randn((9, 2, 50), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        own, plain = neuron(x), PlainNeuron(neuron)(x)
    assert 0.05 < float(own.mean()) < 0.9
    assert torch.equal(own, plain)


@pytest.mark.parametrize("name", sorted(set(PEERS) - SLOW))
def test_every_peer_runs_the_same_network(name, x):
    assembled = assemble(lively_network(), x, {name: PEERS[name]})
    if assembled.missing and name in OPTIONAL:
        pytest.skip(assembled.missing[name])
    assert assembled.missing == {}
    steps = 6
    allowed = 3 / steps if name in INT8 else 1 / steps  # a spike or so may flip by rounding
    assert assembled.score_difference[name] <= allowed + 1e-6


@pytest.mark.parametrize("name", sorted({*EXPORTED, "ncnn_f32"}))
def test_a_peer_that_is_not_installed_is_named(name, x, monkeypatch):
    """Each asks for its packages, and says which is not there."""
    for package in ("onnx", "onnxruntime", "openvino", "MNN", "ncnn"):
        monkeypatch.setitem(sys.modules, package, None)
    assembled = assemble(lively_network(), x, {name: PEERS[name]})
    assert assembled.runs == {}
    assert "is not installed" in assembled.missing[name]


def test_without_vnni_weights_of_int8_peers_have_seven_bits(x, tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    largest = {}
    for flags in (frozenset(), frozenset({"avx512_vnni"})):
        monkeypatch.setattr(exported, "cpu_flags", lambda flags=flags: flags)
        model = onnx.load(str(exported.int8(lively_network(), x, tmp_path)))
        arrays = [onnx.numpy_helper.to_array(given) for given in model.graph.initializer]
        weights = [array for array in arrays if array.dtype == np.int8 and array.ndim > 1]
        largest[bool(flags)] = max(int(np.abs(array.astype(int)).max()) for array in weights)
    assert largest == {False: 64, True: 127}


def test_a_peer_that_cannot_run_says_why(x):
    name = "pytorch_eager_step_by_step"

    def broken(module, x):
        raise ValueError("no luck")

    assembled = assemble(lively_network("asa1"), x, {name: PEERS[name], "broken": broken})
    assert assembled.runs == {}
    assert "attention" in assembled.missing[name]
    assert assembled.missing["broken"] == "ValueError: no luck"


def test_profile_accounts_for_the_nodes_and_their_operations(frames, tmp_path):
    compilation = compiled(lively_network(), frames, None)
    nodes = {node.name: node for node in profile(compilation, frames, tmp_path, rounds=3)}
    assert nodes["layer2_conv"].counts["ac"] > 0
    assert nodes["layer2_conv"].milliseconds > nodes["fc2_neuron"].milliseconds > 0
    assert 0 < nodes["layer2_conv"].input_density < 1
    assert nodes["layer1_conv"].input_density is None  # counts, not spikes
    roof = {"l1_load_gb_s": 100.0, "l2_load_gb_s": 50.0, "adds_g_s": 25.0}
    entries = {entry["name"]: entry for entry in roofline.layer_entries(list(nodes.values()), roof)}
    layer = entries["layer2_conv"]
    rate = 4e-6 * layer["ac"] / layer["ms"]
    assert layer["weights_gb_s"] == pytest.approx(rate)
    assert layer["of_l1_roof"] == pytest.approx(rate / 100)
    assert layer["of_add_roof"] == pytest.approx(rate / 4 / 25)


def test_summary_compares_like_with_like():
    times = {
        "f32": Timing((2.0, 1.0, 9.0), (1.0, 1.0, 2.0)),
        "pytorch_eager": Timing((30.0,) * 3, (30.0,) * 3),
        "slower": Timing((31.0,) * 3, (25.0,) * 3),
        "onnxruntime_int8_qdq": Timing((8.0,) * 3, (8.0,) * 3),
    }
    result = summary(times)
    assert result["ratio"] == {"f32": 15.0}
    assert result["ratio_processor"] == {"f32": 25.0}
    assert result["ratio_int8_peers"] == {"f32": 4.0}
    assert result["spread"]["f32"] == [1.0, 9.0]


def test_bench_command(snnc, vanilla, recordings):
    options = ["--data", f"nmnist:{recordings}", "--samples", 1, "--rounds", 5]
    options += ["--densities", "0.2", "--peers", "pytorch_eager,pytorch_eager_step_by_step"]
    status, out, err = snnc("bench", vanilla, *options, "--json", "-")
    assert status == 0
    result = json.loads(out)
    keys = {"machine", "threads", "ours", "peers", "ratio", "layers", "roofline", "missing"}
    assert keys <= set(result)
    assert result["ours"]["f32"] > 0
    assert set(result["peers"]) == {
        "pytorch_eager",
        "pytorch_eager_step_by_step",
        "snnc_dense_f32",
    }
    fastest = min(result["peers"].values())
    assert result["ratio"]["f32"] == pytest.approx(fastest / result["ours"]["f32"])
    forced = result["densities"]["0.2"]
    assert forced["reached"]["layer1.neuron"] == pytest.approx(0.2, rel=0.02)
    layer2 = next(layer for layer in forced["layers"] if layer["name"] == "layer2_conv")
    assert layer2["input_density"] == pytest.approx(0.2, rel=0.02)
    assert "roofline" in err


def test_bench_refuses_peers_and_rates_it_does_not_know(snnc, vanilla, recordings):
    data = ("--data", f"nmnist:{recordings}")
    for options in (("--peers", "tensorflow"), ("--densities", "0.1,2"), ("--densities", "x")):
        status, _, err = snnc("bench", vanilla, *data, *options)
        assert status == 2
        assert "SNNC-E305" in err


@pytest.mark.parametrize("neuron", [LIF(0.4, 0.0, 0.3), LIF(0.4, -0.2, 0.7), LIF(0.4, None, 0.7)])
def test_spikes_in_the_arithmetic_of_ncnn_are_the_same(neuron):
    """No comparison and no choice, and the same spikes: hard reset, to another value, soft."""
    network = lively_network()
    for path, part in list(network.named_modules()):
        if isinstance(part, LIF):
            parent, _, name = path.rpartition(".")
            setattr(network.get_submodule(parent), name, copy.deepcopy(neuron))
    x = torch.rand((6, 1, 2, 34, 34), generator=torch.Generator().manual_seed(4)).round()
    step = ncnn.OneStep(network).eval()
    spikes, own = [], []
    last = [part for part in network.modules() if isinstance(part, Block)][-1]
    last.register_forward_hook(lambda _m, _i, given: own.append(given))
    with torch.inference_mode():
        network(x)
        states = step.rest(x[0])
        for frame in x:
            states = step(frame, *states)
            spikes.append(states[-1])
    assert torch.equal(torch.stack(spikes), own[0])
    assert 0 < float(own[0].mean()) < 1
