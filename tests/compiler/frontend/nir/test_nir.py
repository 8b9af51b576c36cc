"""NIR files: every node type means the same to PyTorch and to the C; what is open must be said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.nir.file import NirOptions, from_graph, read
from snnc.compiler.frontend.nir.network import NirNetwork
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.models.datasets.framing import frame_by_dt
from snnc.models.datasets.spec import open_data
from tests.support.networks.nir_graphs import (
    NETWORKS,
    SINABS,
    SUBTRACT,
    ZERO,
    chain,
    conv,
    cuba,
    lif,
    network,
    nir,
    spike,
    varied,
    weights,
)


def frames(shape, steps, seed=0):
    return np.random.default_rng(seed).poisson(0.7, (steps, *shape)).astype(np.uint16)


@pytest.mark.parametrize("options", [ZERO, SUBTRACT], ids=["zero", "subtract"])
@pytest.mark.parametrize("key", NETWORKS)
def test_c_fires_the_spikes_of_the_pytorch_reading(key, options, tmp_path):
    file, model = network(key, options)
    compilation = compile_graph(import_module(model, file.input_shape, 12))
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    for seed in range(3):
        verifier.verify(frames(file.input_shape, 12, seed))
    assert verifier.result.passed
    assert verifier.result.same_class == 3
    spikes = model(torch.from_numpy(frames(file.input_shape, 12).astype(np.float32))[:, None])
    assert 0 < float(spikes.mean()) < 1  # neither silent nor saturated


@pytest.mark.parametrize("last", ["I", "LI", "CubaLI"])
def test_potentials_are_within_the_rounding_bound(last):
    ends = {
        "I": nir.I(varied(5)),
        "LI": nir.LI(varied(5, low=2, high=4), varied(5), varied(5)),
        "CubaLI": nir.CubaLI(*(varied(5, low=2, high=3) for _ in range(4))),
    }
    file = from_graph(chain((6,), nir.Linear(weights(5, 6)), ends[last]), NirOptions(dt=0.5))
    model = NirNetwork(file)
    graph = import_module(model, (6,), 20)
    x = torch.from_numpy(frames((6,), 20).astype(np.float32))
    (output,) = graph.outputs
    verdict = reference.judge(graph, {"input": x}, {}, [output])[output]
    difference = (model(x[:, None])[0].double() - verdict.value[0]).abs()
    assert bool((difference <= verdict.error[0]).all())
    assert float(verdict.error.max()) < 1e-4 * float(verdict.value.abs().max())


def test_reset_to_a_potential_of_its_own(tmp_path):
    node = lif(8, v_leak=0.3, v_reset=varied(8, low=-0.5, high=0.2))
    file = from_graph(chain((6,), nir.Linear(weights(8, 6)), node), ZERO)
    model = NirNetwork(file)
    verifier = Verifier(model, compile_graph(import_module(model, (6,), 30)), tmp_path, ("-O1",))
    verifier.verify(frames((6,), 30))
    assert verifier.result.passed
    assert verifier.result.layers[0].compared == 240


def test_sums_meet_where_edges_meet(tmp_path):
    nodes = {
        "input": nir.Input(np.array([6])),
        "a": nir.Linear(weights(4, 6)),
        "b": nir.Linear(weights(4, 6)),
        "n": spike(4),
        "output": nir.Output(np.array([4])),
    }
    edges = [("input", "a"), ("input", "b"), ("a", "n"), ("b", "n"), ("n", "output")]
    file = from_graph(nir.NIRGraph(nodes, edges), SUBTRACT)
    model = NirNetwork(file)
    graph = import_module(model, (6,), 10)
    assert [node.op.name for node in graph.nodes].count("add") == 1
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    verifier.verify(frames((6,), 10))
    assert verifier.result.passed


def test_nested_graphs_are_joined():
    inner = chain((6,), nir.Linear(weights(4, 6)), spike(4))
    outer = chain((6,), inner, nir.Linear(weights(3, 4)), spike(3))
    file = from_graph(outer, SUBTRACT)
    assert [node.type for node in file.nodes] == ["Linear", "IF", "Linear", "IF"]


def test_dt_scales_time_constants():
    file, model = network("conv and per-neuron LIF", NirOptions("zero", 0.25))
    neuron = import_module(model, file.input_shape, 4)["m_1"]
    beta = import_module(model, file.input_shape, 4).params[neuron.params["beta"]]
    assert np.allclose(beta, 1 - 0.25 / file.nodes[1].node.tau)


def test_a_gain_that_is_one_in_float32_is_counted_as_executed(tmp_path):
    """dt/tau r is 1.0000000001 in float64: the C holds 1.0f and multiplies by beta alone."""
    tau, r = np.float32(2.222222281e-4), np.float32(2.2222222810910086)
    fields = {"tau": tau, "r": r, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    lif = nir.LIF(**{key: np.full(2, value) for key, value in fields.items()})
    graph = chain((2,), nir.Affine(np.eye(2), np.zeros(2)), lif)
    model = NirNetwork(from_graph(graph, NirOptions("zero", 1e-4))).eval()
    compilation = compile_graph(import_module(model, (2,), 5))
    (neuron,) = [node for node in compilation.graph.nodes if node.op.name == "neuron"]
    assert neuron.op.gain != 1
    assert np.float32(neuron.op.gain) == 1
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    verifier.verify(np.ones((5, 2), np.uint16))
    assert verifier.result.count_mismatches == []
    assert verifier.result.passed


def thresholds(spread):
    """Layers whose thresholds and leaks are the same for all neurons, or differ."""
    one = {"tau": np.full(6, 3.0), "r": np.full(6, 4.0), "v_threshold": np.full(6, 0.75)}
    return (
        nir.Linear(weights(6, 4)),
        lif(6, **({} if spread else one)),
        nir.Affine(weights(5, 6), weights(5, 1)[:, 0]),
        cuba(5),
    )


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        SINABS,
        NirOptions("zero", 1.0, "many", -np.inf),
        NirOptions("zero", 1.0, "one", -0.25),
        NirOptions("subtract", 1.0, "one", 0.0),
    ],
    ids=str,
)
def test_several_spikes_a_step_and_floors_are_verified(options, spread, tmp_path):
    file = from_graph(chain((4,), *thresholds(spread)), options)
    model = NirNetwork(file).eval()
    compilation = compile_graph(import_module(model, (4,), 12))
    cells = [node for node in compilation.graph if node.op.name == "cell"]
    wanted = Kind.COUNT if options.spikes == "many" else Kind.SPIKE
    assert [node.type.kind for node in cells] == [wanted] * 2
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    for seed in range(3):
        verifier.verify(frames((4,), 12, seed))
    assert verifier.result.passed


def test_pools_add_up_several_spikes(tmp_path):
    file, model = network("per-channel thresholds", SINABS)
    compilation = compile_graph(import_module(model, file.input_shape, 6))
    (pool,) = [node for node in compilation.graph if node.op.name == "sum_pool2d"]
    assert pool.type.kind is Kind.COUNT
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    verifier.verify(frames(file.input_shape, 6))
    assert verifier.result.passed


def test_sinabs_counts_every_threshold_and_keeps_to_its_floor():
    """1, 3, -5 and 3 into IF of threshold 1: the potential goes 1, 3, -1 (and not -5), 2."""
    neuron = nir.IF(np.ones(1), np.ones(1))
    graph = chain((1,), nir.Affine(np.array([[2.0]]), np.array([-5.0])), neuron)
    x = torch.tensor([3.0, 4.0, 0.0, 4.0]).reshape(4, 1, 1)
    found = {}
    for options in (SINABS, SUBTRACT, dataclasses.replace(SINABS, floor=-np.inf)):
        model = NirNetwork(from_graph(graph, options)).eval()
        found[options] = [round(float(model(x[:n])) * n) for n in range(1, 5)]
    assert found[SINABS] == [1, 4, 4, 6]
    assert found[SUBTRACT] == [0, 1, 1, 1]  # v > 1, once a step
    assert found[dataclasses.replace(SINABS, floor=-np.inf)] == [1, 4, 4, 4]


def test_what_is_assumed_of_neurons_is_said(caplog):
    graph = chain((2,), nir.Linear(weights(2, 2)), spike(2))
    from_graph(graph, SUBTRACT, where="some\nfile.nir")
    (said,) = caplog.messages
    assert "\n" not in said
    assert "--nir-spikes" in said
    assert "--nir-floor" in said
    assert "sinabs" in said
    caplog.clear()
    from_graph(graph, SINABS)
    from_graph(chain((2,), nir.Linear(weights(2, 2))), NirOptions())  # nothing fires
    assert caplog.messages == []
    from_graph(graph, dataclasses.replace(SINABS, floor=None))
    assert "--nir-floor" in caplog.text
    assert "--nir-spikes one or many" not in caplog.text


def test_third_party_model_classifies_real_recordings(shared_data, tmp_path):
    """Every tenth of the 100 recordings that `snnc verify` takes."""
    file = read(shared_data / "nir" / "cnn_sinabs.nir", SUBTRACT)
    model = NirNetwork(file)
    compilation = compile_graph(import_module(model, file.input_shape, 300))
    verifier = Verifier(model, compilation, tmp_path)
    recordings = open_data(f"nmnist:{shared_data / 'nmnist'}", "test")
    for index in range(0, 100, 10):
        sample = recordings[index]
        verifier.verify(frame_by_dt(sample.recording, 1000, 300, 1).counts, sample.label)
    assert verifier.result.passed
    assert verifier.result.unexplained == 0
    assert verifier.result.same_class == 10
    assert verifier.result.right["c"] >= 9


def test_summed_windows_in_int8(tmp_path):
    """As in the third-party model: what a SumPool2d gives is a count, exact in int8 too."""
    fields = {"r": 1.0, "v_threshold": 0.6}
    spikes = {key: np.full((6, 8, 8), value, np.float32) for key, value in fields.items()}
    pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    last = {key: np.full(5, value, np.float32) for key, value in fields.items()}
    flat = nir.Flatten({"input": np.array([6, 4, 4])}, 0, -1)
    linear = nir.Linear(weights(5, 96))
    graph = chain(
        (2, 8, 8), conv(2, 6, (8, 8)), nir.IF(**spikes), pool, flat, linear, nir.IF(**last)
    )
    model = NirNetwork(from_graph(graph, SUBTRACT)).eval()
    frames = np.random.default_rng(0).poisson(0.3, (3, 6, 2, 8, 8)).astype(np.uint16)
    compilation = compile_graph(import_module(model, (2, 8, 8), 6), calibration=frames[:2])
    pools = [node for node in compilation.graph.nodes if node.op.name == "sum_pool2d"]
    assert [node.type.kind for node in pools] == [Kind.COUNT]
    verifier = IntegerVerifier(model, compilation, tmp_path, ("-O1",))
    for window in frames:
        verifier.verify(window)
    assert verifier.result.passed
    assert verifier.result.samples == 3
    assert all(layer.compared > 0 for layer in verifier.result.layers)
