"""A network beside its artificial counterparts: by hand, on paper, and after those who asked."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

import snnc
from snnc.compiler.ir.graph import Graph, Kind, Node, TensorType
from snnc.compiler.ops import Feedback, FeedbackWrite, Input
from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator import tables
from snnc.estimator.activity import Network, observe
from snnc.estimator.ann.ann_costs import bits_for
from snnc.estimator.ann.break_even import BreakEven, Firing
from snnc.estimator.ann.comparison import AgainstAnn
from snnc.estimator.ann.sentences import firing_text
from snnc.estimator.ann.windows import Active, Windows
from snnc.estimator.conventions import EXECUTED
from snnc.estimator.memory_access import QUEUE, WORD_BITS
from snnc.estimator.survey import Survey
from tests.support.counting import ByHand, by_hand_frames, interpret, network_of

TABLE = tables.load("horowitz-f32")


def surveyed(model: nn.Module, recordings: list[np.ndarray], shape=(1, 4, 4)) -> Survey:
    network = network_of(model, shape, len(recordings[0]))
    survey = Survey(network, [EXECUTED], memory=True, windows=True)
    for activity in observe(network, recordings, interpret):
        survey.add(activity)
    return survey


def against(survey: Survey, table: tables.EnergyTable = TABLE) -> AgainstAnn:
    found = AgainstAnn.of(survey, table, "executed")
    assert found is not None
    return found


@pytest.fixture
def by_hand() -> AgainstAnn:
    return against(surveyed(ByHand(), [by_hand_frames()]))


def test_synapses_and_activity_are_those_counted_by_hand(by_hand: AgainstAnn) -> None:
    """A 3×3 kernel on 4 pixels of one axis reaches 2 + 3 + 3 + 2; with the pool folded in it is a
    4×4 kernel of stride 2, which has 3 + 3 inputs in the image. Of the events two are at step 0
    and one is at step 1: the window has all three, and the 6 neurons fire once each."""
    shapes, (recording,) = by_hand.windows.shapes, by_hand.windows.each
    assert [shapes[name].synapses for name in shapes] == [10 * 10 * 2, 6 * 6 * 2 * 2, 8 * 3]
    assert recording["layer1"] == Active(inputs=3, macs=34, outputs=6)
    assert recording["layer2"] == Active(inputs=6, macs=24, outputs=2)
    assert recording["layer3"] == Active(inputs=2, macs=6, outputs=3)
    assert by_hand.bits == 2  # 0, 1 or 2 spikes in 2 steps
    assert by_hand.firing.spikes_per_synapse == pytest.approx((24 + 6) / (144 + 24))


def test_views_are_those_priced_by_hand(by_hand: AgainstAnn) -> None:
    mac, synapses, outputs = 4.6, 200 + 144 + 24, 32 + 8 + 3
    applied = outputs * (3.7 + 2 * 0.9)  # rescale and clip; the networks have no biases
    dense = {change.model.name: change.baseline.energy_pj for change in by_hand.changes["dense"]}
    sparse = {change.model.name: change.baseline.energy_pj for change in by_hand.changes["sparse"]}
    assert dense["eq11"] == pytest.approx(mac * synapses)
    assert sparse["eq11"] == pytest.approx(mac * (34 + 24 + 6))
    assert dense["executed"] == pytest.approx(mac * synapses + applied)
    assert sparse["executed"] == pytest.approx(mac * (34 + 24 + 6) + applied)
    for found in (dense, sparse):
        assert found["device"] == pytest.approx(found["executed"] + found["memory"])


def test_memory_traffic_is_that_priced_by_hand(by_hand: AgainstAnn) -> None:
    """layer3 is linear, 8 to 3: 24 weights of 32 bits; 2 inputs of 8 are not 0."""
    assert TABLE.memory is not None
    price = TABLE.memory.sram_per_bit
    weight, queue = 32 * price(24 * 4), WORD_BITS * price(QUEUE * WORD_BITS // 8)
    dense, sparse = (
        next(change for change in by_hand.changes[name] if change.model.name == "memory")
        for name in ("dense", "sparse")
    )
    inputs, outputs = 2 * price(8 * 2 // 8), 2 * price(3 * 2 // 8)
    assert dense.baseline is not None
    assert sparse.baseline is not None
    assert dense.baseline.layers["layer3"] == pytest.approx(24 * (weight + inputs) + 3 * outputs)
    potential = 32 * price(3 * 4)
    events = (2 + 3) * queue  # two inputs, and all three outputs are not 0
    reads, writes = (6 + 3) * potential, 6 * potential
    assert sparse.baseline.layers["layer3"] == pytest.approx(6 * weight + events + reads + writes)


def test_at_the_break_even_both_cost_the_same(by_hand: AgainstAnn) -> None:
    """By Eq. 11, layer1's 34 MACs stay; the accumulations of layers 2 and 3 move."""
    point = by_hand.break_even["dense"]["eq11"]
    assert point.scale == pytest.approx((4.6 * 368 - 4.6 * 34) / (0.9 * (24 + 6)))
    assert point.firing is not None
    assert point.firing.nasfr == pytest.approx(by_hand.firing.nasfr * point.scale)
    assert firing_text(point) == "any"
    beyond = BreakEven.of(ann_pj=5.0, snn_pj=10.0, moving_pj=2.0, now=Firing(0.1, 1.0))
    assert beyond.scale == pytest.approx(-1.5)
    assert firing_text(beyond) == "none"
    assert firing_text(BreakEven.of(9.0, 10.0, 2.0, Firing(0.1, 1.0))) == "0.05 (0.5)"
    assert BreakEven.of(1.0, 2.0, 0.0, Firing(0.0, 0.0)).scale is None


class Wide(nn.Module):
    """Many inputs to few neurons: nothing but synapses counts."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ByHand.block(nn.Flatten(), None, nn.Linear(64, 4096, bias=False))
        self.second = ByHand.block(nn.Flatten(), None, nn.Linear(4096, 8, bias=False))
        nn.init.constant_(self.first.synapse.layers[1].weight, 1.0)
        nn.init.constant_(self.second.synapse.layers[1].weight, 1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)).mean(dim=0)


@pytest.mark.parametrize("steps", [1, 5, 10])
def test_operations_alone_meet_at_their_ratio_over_the_steps(steps: int) -> None:
    """Yan et al. 2024's condition where synapses are all there is: T·rate = E_MAC / E_AC, here of
    a layer in which every neuron fires at every step (rate 1, T spikes a synapse)."""
    frames = np.ones((steps, 64, 1, 1))
    found = against(surveyed(Wide(), [frames], (64, 1, 1)))
    assert found.firing.spikes_per_synapse == steps
    if steps == 1:  # Shen et al. 2024: one bit budget
        assert found.bit_operations["snn"] == found.bit_operations["dense"]
    second = found.layers[1]
    alone = (TABLE.mac * second.synapses) / (TABLE.ac * second.operations)
    assert alone == pytest.approx(TABLE.ratio / steps)


@pytest.mark.parametrize(
    ("steps", "bits"), [(1, 1), (3, 2), (4, 3), (5, 3), (7, 3), (8, 4), (10, 4), (15, 4), (16, 5)]
)
def test_bits_hold_as_many_values_as_counts_of_spikes(steps: int, bits: int) -> None:
    assert bits_for(steps) == bits == int(np.ceil(np.log2(steps + 1)))


def test_bit_operations_weigh_a_spike_as_one_bit(by_hand: AgainstAnn) -> None:
    """After Shen et al. 2024; the 34 MACs of event counts have the ANN's 2 bits."""
    assert by_hand.bit_operations == {
        "snn": 32 * (2 * 34 + 24 + 6),
        "dense": 32 * 2 * 368,
        "sparse": 32 * 2 * 64,
    }


def test_json_has_all_of_it_and_intervals() -> None:
    found = against(surveyed(ByHand(gate=True), [by_hand_frames(), by_hand_frames() * 2]))
    content = json.loads(json.dumps(found.as_json()))
    assert set(content["dense"]["views"]) == {"eq11", "executed", "memory", "device"}
    for name in ("dense", "sparse"):
        assert len(content[name]["views"]["device"]["interval"]["delta"]) == 2
        assert set(content[name]["break_even"]) == set(content[name]["views"])
    assert [entry["name"] for entry in content["layers"]] == ["layer1", "layer2", "layer3"]


def test_shares_of_recordings_merge_to_the_whole() -> None:
    recordings = [by_hand_frames(), by_hand_frames()[::-1].copy(), by_hand_frames() * 0]
    network = network_of(ByHand(), (1, 4, 4), 2)
    whole, first, rest = (Survey(network, [EXECUTED], memory=True, windows=True) for _ in range(3))
    for place, activity in enumerate(observe(network, recordings, interpret)):
        whole.add(activity, place=place)
        (first if place == 1 else rest).add(activity, place=place)
    first.merge(rest.sums())
    assert against(first).as_json() == against(whole).as_json()


def test_a_recurrent_network_is_refused() -> None:
    real = TensorType((4,), Kind.REAL)
    nodes = (
        Node("input", Input(), (), real),
        Node("back", Feedback(edge="loop", shape=(4,)), ("input",), real),
        Node("write", FeedbackWrite(edge="loop"), ("back",), real),
    )
    graph = Graph("loop", 2, nodes, {}, ("write",))
    with pytest.raises(SnncError, match="recurrent") as refused:
        Windows(Network(graph, graph))
    assert (refused.value.code, refused.value.where) == (BAD_OPTION, "back")


def test_python_gives_it_where_it_is_asked_for() -> None:
    model = snnc.build("three-layer", attention="none", input_size=(2, 8, 8), time_steps=4)
    data = np.random.default_rng(0).poisson(0.3, (2, 4, 1, 2, 8, 8))
    assert snnc.energy(model, data).ann is None
    report = snnc.energy(model, data, ann=True)
    assert report.ann is not None
    assert (report.ann.bits, report.ann.samples) == (3, 2)
    assert report.to_json()["ann"] == report.ann.as_json()
    assert "ann" not in snnc.energy(model, data).to_json()
