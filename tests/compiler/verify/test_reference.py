"""The interpreter says what a graph means; the judge says how far float32 may be from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.ops import Affine, Linear, Neuron, TimeMean
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.cells.writing import Writing
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.compiler.verify.exact import Exact
from snnc.compiler.verify.pytorch import is_discrete
from snnc.models.attention import ATTENTION_NAMES
from tests.support.networks.firing import SIZES, firing_network, frames_for
from tests.support.samples.graphs import assert_within_bounds

LIF = {"beta": 0.5, "drift": 0.0, "gain": 1.0, "reset_mode": "hard", "reset": 0.0}
LIF |= {"threshold": 1.0, "strict": False, "initial": 0.0}


def two_layers(threshold: float = 1.0) -> Graph:
    """input (2,) -> linear -> neuron -> linear -> time mean, all numbers exact in float32."""
    g = Importing("two", 4)
    x = g.input((2,), Kind.COUNT)
    g.add("fc1", Linear(), [x], {"weight": np.array([[1.0, 0.5], [0.25, 0.75]])})
    g.add("lif", Neuron(**(LIF | {"threshold": threshold})), ["fc1"])
    g.add("fc2", Linear(), ["lif"], {"weight": np.array([[2.0, -1.0]])})
    g.add("mean", TimeMean(), ["fc2"])
    return g.graph(["mean"])


X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
SPIKES = torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])


def test_run_is_the_network_by_hand():
    values = reference.run(two_layers(), {"input": X})
    assert torch.equal(values["lif"], SPIKES)
    assert torch.equal(values["fc2"], torch.tensor([[2.0], [0.0], [1.0], [0.0]]))
    assert torch.equal(values["mean"], torch.tensor([[0.75]]))
    assert {value.dtype for value in values.values()} == {torch.float32}


def test_run_takes_forced_values_and_gives_only_what_is_wanted():
    silent = torch.zeros(4, 2)
    values = reference.run(two_layers(), {"input": X}, forced={"lif": silent}, wanted=["mean"])
    assert values.keys() == {"mean"}
    assert float(values["mean"]) == 0.0
    # what is forced needs nothing above it
    again = reference.run(two_layers(), {}, forced={"lif": SPIKES}, wanted=["mean"])
    assert float(again["mean"]) == 0.75


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
@pytest.mark.parametrize("name", SIZES)
def test_graph_means_what_the_module_computes(name, attention):
    """In float64, where the order of a sum decides no spike of these networks."""
    model, (size, steps) = firing_network(name, attention), SIZES[name]
    graph = import_module(model, size, steps)
    x = frames_for(name).double()
    with torch.no_grad():
        scores = model.double()(x[:, None])[0]
    for compiled in (pipeline.lowered(graph), pipeline.optimised(graph)):
        values = reference.run(compiled, {"input": x}, dtype=torch.float64)
        spikes = [values[node.name] for node in compiled.nodes if node.op.name == "neuron"]
        assert all(0 < value.mean() < 1 for value in spikes)
        torch.testing.assert_close(values[compiled.outputs[0]][0], scores, rtol=1e-14, atol=0)


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
def test_float32_of_pytorch_stays_within_the_bounds_of_the_judge(attention):
    name = "three-layer-narrow"
    size, steps = SIZES[name]
    graph = pipeline.lowered(import_module(firing_network(name, attention), size, steps))
    x = frames_for(name)
    values = reference.run(graph, {"input": x})
    own = {name: value.double() for name, value in values.items()}
    assert_within_bounds(graph, {"input": x.double()}, own)


def judged(graph: Graph, forced: torch.Tensor) -> reference.Verdict:
    return reference.judge(graph, {"input": X}, {"lif": forced}, ["lif"])["lif"]


def test_judge_finds_a_clear_spike_decided_and_a_close_one_not():
    # U of neuron 0 is exactly 1.0 at step 0; rounding may turn it only if the threshold is there
    assert torch.equal(judged(two_layers(), SPIKES).error[0], torch.tensor([1.0, 0.0]).double())
    near = np.nextafter(np.float32(1), np.float32(2))
    assert float(judged(two_layers(float(near)), SPIKES).error[0, 0]) == 1.0
    for clear in (0.999, 1.001):
        assert not bool(judged(two_layers(clear), SPIKES).error.any())


def test_nothing_is_bounded_behind_what_may_overflow_not_even_by_what_is_not_a_number():
    """0 times infinity: a scale that float32 holds exactly, and a leak that forgets."""
    g = Importing("over", 2)
    x = g.input((1,), Kind.COUNT)
    g.add("linear", Linear(), [x], {"weight": np.array([[200.0]])})
    w = Writing("x")
    g.add("exp", Cell(program=w.program(w("exp", "x"))), ["linear"])
    g.add("affine", Affine(), ["exp"], {"scale": np.array([2.0]), "shift": np.array([1.0])})
    kept = LIF | {"beta": 0.0, "reset_mode": "none", "threshold": 0.5}
    g.add("lif", Neuron(**kept), ["affine"])
    g.add("mean", TimeMean(), ["lif"])
    graph, spikes = g.graph(["mean"]), torch.ones(2, 1)
    exact = Exact(graph, torch.tensor([[1.0], [0.0]]), {"lif": spikes})
    assert torch.isposinf(exact.values["exp"].error[0, 0])
    assert torch.isposinf(exact.values["affine"].error[0, 0])
    assert torch.isfinite(exact.values["affine"].error[1, 0])
    decision = exact.decisions["lif"]
    assert torch.isposinf(decision.potential.error).all()
    assert decision.leeway.all()
    judged = reference.judge(graph, {"input": X[:2, :1]}, {"lif": spikes}, ["lif"])["lif"]
    assert judged.error.all()


def test_judge_goes_on_from_the_spikes_that_were_fired():
    """Neuron 1 is left alone for three steps; had it fired at step 1, step 2 would differ."""
    graph = two_layers(threshold=1.3125)
    kept = reference.judge(graph, {"input": X}, {"lif": torch.zeros(4, 2)}, ["lif"])["lif"]
    assert float(kept.error[2, 1]) == 0.0
    tie = two_layers(threshold=1.4375)  # 0.5 * (0.5 * 0.25 + 0.75) + 1.0
    assert (
        float(
            reference.judge(tie, {"input": X}, {"lif": torch.zeros(4, 2)}, ["lif"])["lif"].error[
                2, 1
            ]
        )
        == 1.0
    )
    fired = torch.zeros(4, 2)
    fired[1, 1] = 1.0
    assert (
        float(reference.judge(tie, {"input": X}, {"lif": fired}, ["lif"])["lif"].error[2, 1]) == 0.0
    )


def test_judge_ends_errors_at_what_is_forced():
    graph, inexact = two_layers(), torch.full((4, 2), 1 / 3).double()
    one = reference.judge(graph, {"input": X}, {"fc1": inexact, "lif": SPIKES}, ["fc2"])["fc2"]
    assert torch.equal(one.value.float(), torch.tensor([[2.0], [0.0], [1.0], [0.0]]))
    params = {**graph.params, "fc2.weight": np.array([[2 / 3, -1.0]])}
    rounded = graph.replace(params=params)
    two = reference.judge(rounded, {"input": X}, {"lif": SPIKES}, ["fc2"])["fc2"]
    weight_error = abs(2 / 3 - float(np.float32(2 / 3)))
    assert float(two.error[0, 0]) >= weight_error
    assert float(two.error[1, 0]) < 1e-30  # nothing is summed where nothing fired


def test_judge_gives_wanted_values_above_forced_ones_too():
    graph = two_layers()
    both = reference.judge(graph, {"input": X}, {"lif": SPIKES}, ["fc1", "lif", "mean"])
    assert both.keys() == {"fc1", "lif", "mean"}
    assert torch.equal(both["fc1"].value.float(), reference.run(graph, {"input": X})["fc1"])
    assert torch.equal(both["lif"].value.float(), SPIKES)


def test_undecided_choices_are_few():
    """A bound that explains everything would prove nothing.

    ASA-1 is left out: where its perceptron is silent, all steps of a channel are tied in truth.
    """
    for attention in set(ATTENTION_NAMES) - {"asa1"}:
        size, steps = SIZES["three-layer-narrow"]
        graph = pipeline.lowered(
            import_module(firing_network("three-layer-narrow", attention), size, steps)
        )
        x = frames_for("three-layer-narrow")
        values = reference.run(graph, {"input": x})
        chosen = {n.name: values[n.name] for n in graph.nodes if is_discrete(n)}
        verdicts = reference.judge(graph, {"input": x}, chosen, chosen)
        undecided = sum(float(verdict.error.sum()) for verdict in verdicts.values())
        assert undecided <= 1e-3 * sum(value.numel() for value in chosen.values())
