"""Counts: by hand, and against the paper's printed numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.ir.graph import Graph, Kind, Node, TensorType
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops import (
    OPS,
    Add,
    AvgPool2d,
    Delay,
    Flatten,
    Input,
    Linear,
    MaxPool2d,
    Neuron,
    Op,
    SpikeLogic,
    SumPool2d,
)
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.errors import BAD_OPTION, NO_COUNT_RULE, SnncError
from snnc.estimator.activity import Activity, Network, observe
from snnc.estimator.conventions import CONVENTIONS, CountedOn, convention_called
from snnc.estimator.conventions.base import Visit
from snnc.estimator.counts import Tally, firing_rates, nasfr, nasfr_of_layers, totals_of
from snnc.estimator.layers import layers_of
from snnc.models import networks
from tests.support.counting import ByHand, by_hand_frames, counted, interpret, network_of
from tests.support.networks.lively import lively_network

SPIKES = {
    "layer1": [4, 2],  # both channels fire where there are events
    "layer2": [2, 0],  # one block of 2×2 holds two spikes: mean 0.5; later one: 0.25
    "layer3": [3, 0],  # U = 2, then 0
    "readout": [0, 0],
}


@pytest.mark.parametrize("gate", [False, True])
def test_executed_counts_are_those_counted_by_hand(gate: bool) -> None:
    network = network_of(ByHand(gate), (1, 4, 4), 2)
    tally = counted(network, [by_hand_frames()], "executed")["executed"]
    layers = {entry.layer.name: entry for entry in tally.per_layer()}
    assert {name: entry.spikes for name, entry in layers.items()} == SPIKES
    # layer1: an event reaches 4 outputs from a corner, 9 from (1, 1), in 2 channels
    synapse = {"ac": 0, "mac": (4 + 9) * 2 + 4 * 2, "mul": 0, "add": 0, "cmp": 0}
    assert layers["layer1"].parts["synapse"] == synapse
    assert layers["layer1"].steps["mac"] == [26, 8]
    # 2·4·4 neurons × 2 steps: one product (leak), one sum, one comparison each
    assert layers["layer1"].parts["neuron"] == {"ac": 0, "mac": 0, "mul": 64, "add": 64, "cmp": 64}
    # layer2, with the pool folded into a 4×4 kernel at stride 2: a spike in a corner reaches 1
    # output, one at (1, 1) reaches 4; 2 channels fire there, 2 channels read them
    assert layers["layer2"].steps["ac"] == [2 * (1 + 4) * 2, 2 * 1 * 2]
    assert layers["layer2"].totals == {"ac": 24, "mac": 0, "mul": 16, "add": 16, "cmp": 16}
    # layer3: 2 spikes × 3 outputs
    assert layers["layer3"].steps["ac"] == [6, 0]
    assert layers["layer3"].totals == {"ac": 6, "mac": 0, "mul": 6, "add": 6, "cmp": 6}
    # readout: 3 spikes summed, 3 means
    assert layers["readout"].totals == {"ac": 0, "mac": 0, "mul": 3, "add": 3, "cmp": 0}
    if not gate:
        total = {"ac": 30, "mac": 34, "mul": 89, "add": 89, "cmp": 86}
        assert totals_of(tally.per_layer()) == total
        return
    # the gate: 7×7 over 2 maps of 4×4, where every input reaches all 16 outputs, once a window
    assert layers["layer1"].parts["attention"]["mac"] == 2 * 16 * 16
    assert layers["layer1"].once["mac"] == 512
    # at each step its statistics add and compare 32 values, and 32 products are its own
    steps = layers["layer1"].steps
    assert steps["add"] == [32 + 32, 32 + 32]
    assert steps["cmp"] == [32 + 32, 32 + 32]
    assert steps["mul"] == [32 + 32, 32 + 32 + 16]  # 16 means after the last step


def test_paper_and_dense_counts_are_those_counted_by_hand() -> None:
    network = network_of(ByHand(gate=True), (1, 4, 4), 2)
    tallies = counted(network, [by_hand_frames()] * 2, "paper", "dense")
    paper = {entry.layer.name: entry for entry in tallies["paper"].per_layer()}
    # 32 outputs × 9 weights at each step, twice two steps; gate 32 + kernel 16·98 at each step
    assert paper["layer1"].parts["synapse"]["mac"] == 2 * 2 * 288
    assert paper["layer1"].parts["attention"]["mac"] == 2 * 2 * (32 + 16 * 98)
    # 32 outputs × 18 weights × rate 4/32, then 2/32
    assert paper["layer2"].steps["ac"] == [2 * 72, 2 * 36]
    assert paper["layer3"].steps["ac"] == [2 * 6, 0]
    dense = {entry.layer.name: entry for entry in tallies["dense"].per_layer()}
    assert dense["layer2"].steps["mac"] == [2 * 576, 2 * 576]
    assert dense["layer3"].steps["mac"] == [2 * 24, 2 * 24]
    assert dense["layer1"].parts["attention"]["mac"] == 2 * 16 * 98
    assert dense["layer1"].parts["attention"]["mul"] == 2 * 2 * 32


PAIRS = AvgPool2d.side_by_side((2, 2))


def spikes_through(op: Op, shape: tuple[int, ...], kind: Kind) -> list[int]:
    """What the paper's rule charges per step for a linear layer of 5 outputs that reads an op on
    two neurons (or maps of 2×2 neurons), of which 1, 2 and 0 per map fire at steps 0, 1 and 2."""
    given = TensorType((2, 2, 2), Kind.SPIKE)
    reads = TensorType(shape, kind)
    nodes = (
        Node("current", Input(), (), given.of(Kind.REAL)),
        Node("a", Neuron.forgetful(strict=True), ("current",), given),
        Node("op", op, ("a", "a") if isinstance(op, Add | SpikeLogic) else ("a",), reads),
        Node("sum", Linear(), ("op",), TensorType((5,), Kind.REAL), params={"weight": "w"}),
    )
    graph = Graph("g", 3, nodes, {"w": np.ones((5, reads.size))}, ("sum",))
    fired = torch.zeros(3, 2, 2, 2)
    fired[0, :, 0, 0] = fired[1, :, 0] = 1
    values = {"a": fired, "op": fired, "current": fired}
    visit = Visit(graph, layers_of(graph)[0], nodes[-1], values)
    return list(CONVENTIONS["paper"].count(visit)["ac"])


@pytest.mark.parametrize(
    ("op", "shape", "kind", "charged"),
    [
        # 8 neurons, of which 2, 4 and 0 fire; dense work 5 · inputs of the layer
        (Flatten(), (8,), Kind.SPIKE, [10, 20, 0]),
        (Delay(steps=1), (2, 2, 2), Kind.SPIKE, [0, 10, 20]),
        (Delay(steps=9), (2, 2, 2), Kind.SPIKE, [0, 0, 0]),
        (MaxPool2d.like(PAIRS), (2, 1, 1), Kind.SPIKE, [2.5, 5, 0]),
        (PAIRS, (2, 1, 1), Kind.REAL, [2.5, 5, 0]),
        (SumPool2d.like(PAIRS), (2, 1, 1), Kind.COUNT, [10, 20, 0]),
        (Add(), (2, 2, 2), Kind.COUNT, [20, 40, 0]),
        (SpikeLogic(function="and"), (2, 2, 2), Kind.SPIKE, [10, 20, 0]),
    ],
)
def test_paper_rate_of_what_stands_between_neurons_and_synapse(
    op: Op, shape: tuple[int, ...], kind: Kind, charged: list[float]
) -> None:
    assert spikes_through(op, shape, kind) == charged


def test_firing_rates_by_hand() -> None:
    network = network_of(ByHand(), (1, 4, 4), 2)
    layers = counted(network, [by_hand_frames()], "executed")["executed"].per_layer()
    rates = {"layer1": 6 / 64, "layer2": 2 / 16, "layer3": 3 / 6}
    assert firing_rates(layers, 1) == rates
    assert nasfr(layers, 1) == (6 + 2 + 3) / (2 * (32 + 8 + 3))
    assert nasfr_of_layers(layers, 1) == sum(rates.values()) / 3


def silent(name: str, attention_name: str, **hyper: object) -> Tally:
    """The paper's count of a network of Table 3's size that saw nothing and fired nothing."""
    model = networks.build(name, attention=attention_name, **hyper)
    network = network_of(model, model.input_size, model.time_steps)
    values = {
        node.name: torch.zeros(model.time_steps, *node.type.shape)
        for node in network.executed.nodes
        if node.op.name == "input" or node.type.kind is Kind.SPIKE
    }
    tally = Tally(CONVENTIONS["paper"], network)
    tally.add(Activity(network, values, interpret))
    return tally


@pytest.fixture(scope="module")
def vanilla_mac() -> int:
    return totals_of(silent("three-layer", "none").per_layer())["mac"]


@pytest.mark.parametrize(
    ("attention_name", "added", "printed"),
    [
        ("sa", 14_292_480, 14.3),
        ("asa1", 2_603_520, 2.6),
        ("tcsa", 27_119_664, 27.1),  # the paper prints 27.3: 0.2 M unexplained
        ("asa2", 1_451_520, 1.5),  # the paper prints 2.6, as for ASA-1, without the mixing
    ],
)
def test_paper_rule_gives_table_3(
    vanilla_mac: int, attention_name: str, added: int, printed: float
) -> None:
    total = totals_of(silent("three-layer", attention_name).per_layer())
    assert total["mac"] - vanilla_mac == added
    assert round(added / 1e6, 1) == printed


def test_one_matrix_along_time_is_charged_once(vanilla_mac: int) -> None:
    """It is computed as two, because of the ReLU of ASA-1; a T×T matrix has 3600 entries too."""
    sizes = {"mix_reduction": 1}
    total = totals_of(silent("three-layer", "asa1", attention_sizes=sizes).per_layer())
    assert total["mac"] - vanilla_mac == 2_603_520


def test_dense_work_of_the_three_layer_net_is_the_known_one() -> None:
    model = networks.build("three-layer")
    network = network_of(model, model.input_size, model.time_steps)
    tally = Tally(CONVENTIONS["dense"], network)
    silent_values = {
        node.name: torch.zeros(60, *node.type.shape)
        for node in network.executed.nodes
        if node.op.name in ("input", "neuron")
    }
    tally.add(Activity(network, silent_values, interpret))
    per_step = [entry.steps["mac"][0] for entry in tally.per_layer()]
    assert per_step == [1_179_648, 75_497_472, 37_748_736, 2_097_152, 2_816, 0]
    assert totals_of(tally.per_layer())["mac"] == 60 * sum(per_step)


def test_merged_tallies_equal_the_tally_of_all_samples() -> None:
    model = lively_network("asa1", input_size=(2, 9, 10), time_steps=3)
    network = network_of(model, model.input_size, 3)
    rng = np.random.default_rng(1)
    recordings = list(rng.poisson(0.4, (3, 3, 2, 9, 10)))
    whole = counted(network, recordings, "executed", "paper")
    first = counted(network, recordings[:1], "executed", "paper")
    rest = counted(network, recordings[1:], "executed", "paper")
    for name, tally in whole.items():
        merged = first[name].merged(rest[name])
        assert (merged.samples, merged.nodes, merged.spikes) == (3, tally.nodes, tally.spikes)
        assert merged.per_layer() == tally.per_layer()


def test_a_rule_that_divides_is_rounded_once() -> None:
    """3×3 without padding on 4×4: a spike is charged 4/16 of 9 taps a channel."""

    class Strict(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = ByHand.block(ByHand.conv(1), None)
            self.second = ByHand.block(nn.Conv2d(2, 1, 3, bias=False), None)
            self.third = ByHand.block(nn.Flatten(), None, nn.Linear(4, 2))
            self.mean = networks.TimeMean()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mean(self.third(self.second(self.first(x))))

    network = network_of(Strict(), (1, 4, 4), 2)
    tally = counted(network, [by_hand_frames()] * 3, "paper")["paper"]
    (second,) = [entry for entry in tally.per_layer() if entry.layer.name == "second"]
    dense = 1 * 2 * 2 * 18
    exact = [3 * 4 / 32 * dense, 3 * 2 / 32 * dense]
    assert exact == [27, 13.5]
    assert second.totals["ac"] == round(sum(exact)) == 40
    assert second.steps["ac"] == [27, 13]


def test_every_convention_has_a_rule_for_every_op_that_it_can_meet() -> None:
    """Only ``executed`` sees quantized graphs; the others count the source network."""
    integer = {name for name, op in OPS.items() if issubclass(op, IntegerOp)}
    assert len(integer) > 10
    for convention in CONVENTIONS.values():
        ops = set(OPS) if convention.counted_on is CountedOn.EXECUTED else set(OPS) - integer
        assert not [op for op in ops if convention.rule_of(OPS[op]) is None], convention.name
        named = {key for key in convention.rules if isinstance(key, type)}
        assert named <= set(OPS.values()), "a rule for an op that there is none of"


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
def test_an_op_without_a_rule_is_an_error_and_never_zero(convention) -> None:
    class Wavelet(Operation):
        name = "wavelet"

    network = network_of(ByHand(), (1, 4, 4), 2)
    unknown = [
        node.replace(op=Wavelet()) if node.op.name == "neuron" else node
        for node in network.executed.nodes
    ]
    graph = network.executed.replace(nodes=tuple(unknown))
    (activity,) = observe(network, [by_hand_frames()], interpret)
    strange = Network(graph, graph)
    tally = Tally(convention, strange)
    with pytest.raises(SnncError, match="no rule for 'wavelet'") as caught:
        tally.add(Activity(strange, activity.executed, lambda *_: activity.source))
    assert caught.value.code is NO_COUNT_RULE
    assert caught.value.where == "layer1.neuron"


def test_source_graph_is_evaluated_on_the_spikes_of_the_executed_one() -> None:
    model = lively_network("asa1", input_size=(2, 9, 10), time_steps=3)
    network = network_of(model, model.input_size, 3)
    (activity,) = observe(network, [np.ones((3, 2, 9, 10))], interpret)
    flipped = dict(activity.executed)
    flipped["layer1_neuron"] = 1 - flipped["layer1_neuron"]
    told = Activity(network, flipped, interpret)
    assert torch.equal(told.source["layer1_neuron"], flipped["layer1_neuron"])
    assert not torch.equal(told.source["layer2_conv"], activity.source["layer2_conv"])


def test_conventions_say_what_they_are() -> None:
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        assert convention.rule.endswith(".")
        assert convention.source.endswith(".")
        assert (convention.counted_on is CountedOn.EXECUTED) == (name == "executed")
    with pytest.raises(SnncError, match=r"no counting convention called 'guess'") as caught:
        convention_called("guess")
    assert caught.value.code is BAD_OPTION
    assert convention_called("paper") is CONVENTIONS["paper"]
