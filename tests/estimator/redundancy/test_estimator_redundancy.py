"""Redundancy measures: by their definitions, merged from parts, and the same from the C."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir.graph import Graph, Kind, Node, TensorType
from snnc.compiler.ops import Input, Neuron, NeuronI8
from snnc.compiler.verify import reference
from snnc.errors import BAD_OPTION, InternalError, SnncError
from snnc.estimator.activity import Activity, Network, observe
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.analysis import (
    busiest_channels,
    busiest_step,
    csv_text,
    redundancy_json,
)
from snnc.estimator.redundancy.ghosts import ghosts
from snnc.estimator.redundancy.records import Bins, LayerRecord, Redundancy, gather, recorded
from tests.support.counting import interpret, network_of
from tests.support.networks.lively import lively_network
from tests.support.samples.graphs import c_of

BINS = Bins(threshold=0.3, reach=1.0, count=10)
T, C, H, W = 3, 2, 2, 3


def record_of(membranes: np.ndarray, name: str = "layer") -> LayerRecord:
    """A record of samples [N, T, ...] that fire at the threshold."""
    record = LayerRecord(name, membranes.shape[2:], membranes.shape[1], BINS)
    for membrane in membranes:
        record.add((membrane >= np.float32(BINS.threshold)).astype(np.uint8), membrane)
    return record


@pytest.fixture(scope="module")
def membranes() -> np.ndarray:
    rng = np.random.default_rng(4)
    return rng.normal(0.2, 0.5, (7, T, C, H, W)).astype(np.float32)


def test_measures_are_their_definitions(membranes: np.ndarray) -> None:
    record, fired = record_of(membranes), membranes >= np.float32(0.3)
    np.testing.assert_array_equal(measures.n_sfr(record), fired.mean(axis=0))
    np.testing.assert_allclose(measures.c_sfr(record), fired.mean(axis=(0, 3, 4)), rtol=1e-15)
    np.testing.assert_allclose(measures.t_sfr([record]), fired.mean(axis=(0, 2, 3, 4)), rtol=1e-15)
    assert measures.nasfr([record]) == pytest.approx(fired.mean(), rel=1e-15)
    assert measures.spikes(record) == fired.sum()
    exact = membranes.astype(np.float64)
    per_channel = {"axis": (0, 3, 4)}
    np.testing.assert_allclose(measures.mean_potential(record), exact.mean(**per_channel))
    np.testing.assert_allclose(measures.variance(record), exact.var(**per_channel))
    error = np.square(exact - fired)
    np.testing.assert_allclose(measures.quantization_error(record), error.mean(**per_channel))
    assert measures.network_quantization_error([record]) == pytest.approx(error.mean())


def test_histogram_splits_at_the_threshold(membranes: np.ndarray) -> None:
    record = record_of(membranes)
    assert record.histogram.sum() == membranes.size
    above = record.histogram[:, :, 1 + BINS.count // 2 :].sum(axis=2)
    assert (above == (membranes >= np.float32(0.3)).sum(axis=(0, 3, 4))).all()
    np.testing.assert_allclose(measures.mpd(record).sum(axis=2), 1)


def test_neurons_with_thresholds_of_their_own_are_binned_by_their_distance_from_them() -> None:
    given = TensorType((2, 1, 2), Kind.REAL)
    neuron = Neuron(
        beta=0.5,
        drift=0.0,
        gain=1.0,
        reset_mode="hard",
        reset=0.0,
        threshold=9.0,
        strict=False,
        initial=0.0,
    )
    nodes = (
        Node("x", Input(), (), given),
        Node("n", neuron, ("x",), given.of(Kind.SPIKE), {"threshold": "th"}),
    )
    thresholds = np.array([0.25, 1.0]).reshape(2, 1, 1)
    graph = Graph("g", 2, nodes, {"th": thresholds}, ("n",))
    current = np.float32([[[[0.25, 0.2]], [[0.9, 1.1]]], [[[0.1, 0.1]], [[0.6, 0.0]]]])
    values = reference.run(graph, {"x": torch.tensor(current)})
    activity = Activity(Network(graph, graph), values, interpret)
    found = recorded(activity)
    # U[1] = 0.5 U[0] (0 after a spike) + x[1]
    expected = np.float32([current[0], [[[0.1, 0.2]], [[1.05, 0.0]]]])
    np.testing.assert_allclose(found["n", "membrane"], expected, rtol=1e-6)
    redundancy = Redundancy.of(graph, reach=1.0, bins=4)
    redundancy.add(found)
    record = redundancy.merged(redundancy).layers["n"]
    assert record.bins.threshold == 0
    above = record.histogram[:, :, 3:].sum(axis=2)
    assert above.tolist() == record.fired.sum(axis=(2, 3)).tolist() == [[2, 2], [0, 2]]


def test_a_quantized_neuron_is_left_out_and_a_network_of_nothing_else_refused() -> None:
    given = TensorType((2, 1, 2), Kind.REAL, dtype="int16")
    neuron = NeuronI8(beta=1, input_shift=0, reset_mode="none", width="int16", saturate=True)
    nodes = (
        Node("x", Input(), (), given),
        Node("n", neuron, ("x",), given.of(Kind.SPIKE), {"threshold": "th"}),
    )
    graph = Graph("g", 2, nodes, {"th": np.array([3, 4])}, ("n",))
    found = Redundancy.of(graph)
    assert found.layers == {}
    assert list(found.unmeasured.values()) == [
        "a quantized network's potentials have a unit of their own a channel"
    ]
    with pytest.raises(SnncError, match="no neuron's potentials can be measured") as caught:
        redundancy_json(found)
    assert caught.value.code is BAD_OPTION


def test_bins_hold_their_lower_edge_and_are_open_at_the_ends() -> None:
    assert BINS.width == 0.2
    assert BINS.edges[5] == 0.3
    values = np.array([-5.0, BINS.edges[0], 0.3, np.nextafter(0.3, 0), BINS.edges[-1], 9.0])
    assert BINS.of(values).tolist() == [0, 1, 6, 5, 11, 11]
    for wrong in ({"reach": 0.0}, {"count": 7}, {"count": 0}):
        with pytest.raises(SnncError, match="positive reach and an even number of bins") as caught:
            Bins(0.3, **wrong)
        assert caught.value.code is BAD_OPTION


def test_ptd_is_the_mean_distance_of_the_three_fullest_bins() -> None:
    """Ten bins of 0.2 around 0.3: centres at -0.6, -0.4, … 1.2, distances -0.9, -0.7, … 0.9."""
    membranes = np.zeros((1, 1, 1, 1, 10), np.float32)
    membranes[0, 0, 0, 0] = [0.35, 0.36, 0.37, 0.1, 0.15, -0.45, -0.4, 0.55, 1.1, 9.0]
    distances = measures.ptd(record_of(membranes))
    # fullest: [0.3, 0.5) thrice, [0.1, 0.3) and [-0.5, -0.3) twice
    assert distances.shape == (1, 1)
    assert distances[0, 0] == pytest.approx((0.1 - 0.1 - 0.7) / 3)


def test_ptd_of_equally_full_bins_takes_the_lower_and_sees_the_open_ones() -> None:
    membranes = np.full((1, 1, 1, 1, 4), 9.0, np.float32)
    membranes[..., :2] = [-0.65, 0.35]
    # [1.3, ∞) twice: 1.1 from the threshold; then [-0.7, -0.5) and [0.3, 0.5)
    assert measures.ptd(record_of(membranes))[0, 0] == pytest.approx((1.1 - 0.9 + 0.1) / 3)


samples = st.integers(2, 6).flatmap(
    lambda n: hnp.arrays(
        np.float32, (n, T, C, H, W), elements=st.floats(-2, 2, width=32, allow_nan=False)
    )
)


@settings(max_examples=40, deadline=None)
@given(samples, st.data())
def test_merged_records_of_parts_are_the_record_of_the_whole(membranes, data) -> None:
    first = data.draw(st.integers(0, len(membranes)))
    second = data.draw(st.integers(first, len(membranes)))
    whole = record_of(membranes)
    parts = [record_of(part) for part in np.split(membranes, [first, second])]
    left = parts[0].merged(parts[1]).merged(parts[2])
    right = parts[0].merged(parts[1].merged(parts[2]))
    for merged in (left, right):
        assert merged.samples == whole.samples
        np.testing.assert_array_equal(merged.fired, whole.fired)
        np.testing.assert_array_equal(merged.histogram, whole.histogram)
        for name in ("potential", "potential_squared", "error_squared"):
            np.testing.assert_allclose(
                getattr(merged, name), getattr(whole, name), rtol=1e-12, atol=1e-12
            )


def test_counters_widen_before_they_overflow() -> None:
    record = record_of(np.ones((1, 1, 1, 1, 1), np.float32))
    record.samples = 0xFFFF
    record.fired[:] = 0xFFFF
    before = record.bytes
    record.add(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1), np.float32))
    assert record.fired.dtype == np.uint32
    assert record.fired.item() == 0x10000
    assert record.bytes == before + 2
    twice = record.merged(record)
    assert twice.fired.item() == 0x20000


def test_memory_does_not_grow_with_samples(membranes: np.ndarray) -> None:
    sizes = {record_of(np.concatenate([membranes] * n)).bytes for n in (1, 3, 30)}
    assert len(sizes) == 1


def test_records_of_different_layers_do_not_mix(membranes: np.ndarray) -> None:
    record = record_of(membranes)
    with pytest.raises(InternalError, match="different layers"):
        record.merged(record_of(membranes, name="other"))
    with pytest.raises(InternalError, match=r"expected spikes and membranes of \(3, 2, 2, 3\)"):
        record.add(membranes[0, :2], membranes[0, :2])
    one, two = Redundancy({"a": record}), Redundancy({"b": record})
    with pytest.raises(InternalError, match="different networks"):
        one.merged(two)
    with pytest.raises(SnncError, match="zero samples"):
        measures.n_sfr(LayerRecord("empty", (C, H, W), T, BINS))


def test_nasfr_weights_neurons_and_its_plain_mean_weights_layers() -> None:
    busy = record_of(np.ones((1, 1, 1, 1, 1), np.float32))
    quiet = record_of(np.zeros((1, 1, 1, 1, 9), np.float32))
    assert measures.nasfr([busy, quiet]) == 0.1
    assert measures.nasfr_of_layers([busy, quiet]) == 0.5
    assert measures.t_sfr([busy, quiet]).tolist() == [0.1]


def test_ghosts_are_maps_that_repeat_an_earlier_one() -> None:
    maps = np.zeros((20, 1, 6, 1, 40), np.float32)
    maps[:, 0, 0, 0, :20] = 1  # fires on the left, in every sample
    maps[:, 0, 1, 0, 20:] = 1  # on the right
    maps[:, 0, 2, 0, :20] = 1  # repeats channel 0
    maps[:10, 0, 3, 0, :20] = 1  # the same map, half as often: not the same feature
    maps[:, 0, 4, 0, 19:] = 1  # nearly channel 1
    found = ghosts(record_of(maps), 0)
    assert found.of.tolist() == [-1, -1, 0, -1, 1, -1]
    assert found.silent.tolist() == [False] * 5 + [True]
    assert found.share == 2 / 5
    assert found.similarity[0, 2] == 1
    assert found.similarity[0, 1] == 0
    assert found.similarity[0, 3] == 2 * 0.5 / 1.25
    assert found.similarity[1, 4] == 2 * 20 / 41
    assert not found.similarity[5].any()
    assert ghosts(record_of(maps), 0, alike=1.0).of.tolist() == [-1, -1, 0, -1, -1, -1]
    with pytest.raises(SnncError, match="not 0"):
        ghosts(record_of(maps), 0, alike=0)


def test_a_ghost_of_a_ghost_points_at_the_original() -> None:
    maps = np.zeros((1, 1, 3, 1, 40), np.float32)
    maps[0, 0, 0, 0, :38] = maps[0, 0, 1, 0, 1:39] = maps[0, 0, 2, 0, :38] = 1
    assert ghosts(record_of(maps), 0).of.tolist() == [-1, 0, 0]


def test_records_from_pytorch_and_from_the_compiled_c_are_the_same(tmp_path: Path) -> None:
    model = lively_network("asa1", input_size=(2, 9, 10), time_steps=3)
    network = network_of(model, model.input_size, 3)
    graph = network.executed
    generated = c_of(graph)
    observed = ObservedModel(graph, generated, tmp_path, flags=[*NATIVE, "-O0"])
    recordings = np.random.default_rng(8).poisson(0.4, (3, 3, 2, 9, 10))
    of_pytorch, of_c = Redundancy.of(graph), Redundancy.of(graph)
    wanted = [(node, what) for node in of_c.layers for what in ("value", "membrane")]
    py = [recorded(activity) for activity in observe(network, recordings, interpret)]
    c = [observed.run(frames, observe=wanted).values for frames in recordings]
    gather(of_pytorch, py)
    gather(of_c, c)
    assert list(of_c.layers) == [f"{name}_neuron" for name in _names(of_c)]
    potentials = {
        node: [np.stack([sample[node, "membrane"] for sample in runs]) for runs in (py, c)]
        for node in of_c.layers
    }
    for node, mine in of_pytorch.layers.items():
        theirs = of_c.layers[node]
        assert mine.fired.any()
        np.testing.assert_array_equal(mine.fired, theirs.fired)
        # where the potentials part by rounding, only those at the edge of a bin change bins
        apart = np.abs(np.subtract(*potentials[node], dtype=np.float64)).max()
        to_edge = np.abs(potentials[node][0][..., None] - mine.bins.edges).min(axis=-1)
        moved = np.abs(mine.histogram.astype(int) - theirs.histogram).sum()
        assert moved <= 2 * (to_edge <= 2 * apart).sum()
        # |(e + d)² - e²| <= 2|e|d + d² <= (e² + 1)d + d², summed over the potentials
        places = mine.samples * mine.neurons_per_channel
        bound = apart * (mine.error_squared + places * (1 + apart))
        assert (np.abs(mine.error_squared - theirs.error_squared) <= bound + 1e-9).all()


def _names(redundancy: Redundancy) -> list[str]:
    return [record.name for record in redundancy.layers.values()]


def test_recorded_spikes_are_where_recorded_potentials_reach_the_threshold() -> None:
    model = lively_network("none", "five-layer", input_size=(2, 32, 33), time_steps=2)
    network = network_of(model, model.input_size, 2)
    (activity,) = observe(network, [np.ones((2, 2, 32, 33))], interpret)
    found = recorded(activity)
    for node in network.executed.nodes:
        if node.op.name == "neuron":
            reached = found[node.name, "membrane"] >= np.float32(node.op.threshold)
            np.testing.assert_array_equal(found[node.name, "value"], reached)


def pair(membranes: np.ndarray) -> tuple[Redundancy, Redundancy]:
    model = Redundancy({"a": record_of(membranes, "conv"), "b": record_of(membranes[:, :, 0, 0])})
    baseline = Redundancy(
        {"a": record_of(membranes + 0.4, "conv"), "b": record_of(membranes[:, :, 0, 0])}
    )
    return model, baseline


def test_json_says_what_went_away(membranes: np.ndarray) -> None:
    model, baseline = pair(membranes)
    result = json.loads(json.dumps(redundancy_json(model, baseline), allow_nan=False))
    assert result["schema"] == "snnc-redundancy/1"
    assert result["samples"] == 7
    assert [entry["name"] for entry in result["layers"]] == ["conv", "layer"]
    conv = result["layers"][0]
    assert conv["spikes"] == (membranes[:, :] >= np.float32(0.3)).sum()
    assert len(conv["t_sfr"]) == len(conv["ghost_share"]) == T
    assert "ghost_share" not in result["layers"][1]
    delta = result["delta"]
    assert delta["nasfr"] == result["baseline"]["nasfr"] - result["nasfr"] > 0
    assert (
        delta["layers"][0]["spikes"] == result["baseline"]["layers"][0]["spikes"] - conv["spikes"]
    )
    assert delta["layers"][1]["spikes"] == 0
    with pytest.raises(SnncError, match="not 7 and 14"):
        redundancy_json(model, baseline.merged(baseline))


def test_csv_holds_one_line_a_layer(membranes: np.ndarray) -> None:
    layers = redundancy_json(pair(membranes)[0])["layers"]
    rows = list(csv.DictReader(io.StringIO(csv_text(layers))))
    assert [row["name"] for row in rows] == ["conv", "layer"]
    assert [int(row["spikes"]) for row in rows] == [entry["spikes"] for entry in layers]
    assert float(rows[0]["firing_rate"]) == layers[0]["firing_rate"]
    assert "t_sfr" not in rows[0]


def test_busiest_step_and_channels() -> None:
    membranes = np.zeros((2, 3, 4, 1, 2), np.float32)
    membranes[:, 1, 1:] = 1
    membranes[0, 1, 3] = 0
    record = record_of(membranes)
    assert busiest_step(record) == 1
    assert busiest_channels(record, 1, 2) == [1, 2]
    assert busiest_channels(record, 1, 9) == [0, 1, 2, 3]
