"""Recurrent connections: what they mean, where they run, and what has no meaning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.adapters.recurrence import Recurrence
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.ir.graph import Graph, Kind, prune
from snnc.compiler.ops import (
    Add,
    Affine,
    Conv2d,
    Flatten,
    Linear,
    Neuron,
    Scale,
    Sigmoid,
    SpikeLogic,
    Statistics,
    TimeMean,
    WeightedRows,
)
from snnc.compiler.ops.inference import check
from snnc.compiler.ops.recurrent_loops import loops
from snnc.compiler.passes import pipeline
from snnc.compiler.plan.causality import causality
from snnc.compiler.plan.recompute import choices
from snnc.compiler.plan.schedule import schedule
from snnc.compiler.verify import reference
from snnc.compiler.verify.integer import run_reference
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, InternalError, SnncError
from snnc.estimator.activity import Network
from snnc.estimator.layers import layers_of
from tests.compiler.plan.test_threads import traced
from tests.support.counting import counted
from tests.support.samples.graphs import (
    all_values,
    analytic_counts,
    as_tensors,
    assert_within_bounds,
    observed,
)

LIF = {"beta": 0.75, "drift": 0.0, "gain": 1.0, "reset_mode": "soft", "reset": 0.5}
LIF |= {"threshold": 0.5, "strict": False, "initial": 0.0}
CONV = {"stride": (1, 1), "padding": (1, 1, 1, 1), "dilation": (1, 1), "groups": 1}
STEPS, SHAPE = 9, (2, 5, 7)
X = torch.from_numpy(np.random.default_rng(0).poisson(0.5, (STEPS, *SHAPE)).astype(np.float32))


def weight(*shape, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, 1.2 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)


def recurrent_layer(g: Importing, x: str, path: str) -> str:
    """A map of neurons that hear each other through a convolution."""
    channels = g.type_of(x).channels
    recurrence = Recurrence.of(g, path, g.type_of(x).shape)
    params = {"weight": weight(channels, channels, 3, 3, seed=2)}
    back = g.add(f"{path}.back", Conv2d(**CONV), [recurrence.spikes], params)
    spikes = g.add(path, Neuron(**LIF), [g.add(f"{path}.sum", Add(), [x, back])])
    recurrence.close(g, spikes)
    return spikes


def convolved(g: Importing, shape=SHAPE, channels: int = 33) -> str:
    x = g.input(shape, Kind.COUNT)
    return g.add("conv", Conv2d(**CONV), [x], {"weight": weight(channels, 2, 3, 3)})


def readout(g: Importing, spikes: str) -> Graph:
    flat = g.add("flat", Flatten(), [spikes])
    size = g.type_of(flat).size
    g.add("fc", Linear(), [flat], {"weight": weight(4, size)})
    return g.graph([g.add("mean", TimeMean(), [g.add("last", Neuron(**LIF), ["fc"])])])


def streaming(steps: int = STEPS, shape=SHAPE, channels: int = 33) -> Graph:
    """Two recurrent layers, one after the other."""
    g = Importing("streaming", steps)
    one = recurrent_layer(g, convolved(g, shape, channels), "one")
    params = {"weight": weight(channels, channels, 3, 3, seed=3)}
    return readout(g, recurrent_layer(g, g.add("conv2", Conv2d(**CONV), [one], params), "two"))


def after_attention() -> Graph:
    """A recurrent layer whose input is known only after the whole window."""
    g = Importing("gated", STEPS)
    x = convolved(g)
    pooled = g.add("pool", Statistics(over="time_pixels", mean_scale=1.0), [x])
    mixed = g.add("mixed", WeightedRows(), [pooled], {"weights": np.array([0.3, 0.1])})
    gate = g.add("gate", Sigmoid(), [mixed])
    return readout(g, recurrent_layer(g, g.add("scaled", Scale(), [x, gate]), "one"))


GRAPHS = {"streaming": streaming, "after attention": after_attention}
each_graph = pytest.mark.parametrize("name", GRAPHS)


@each_graph
def test_c_is_the_judge_and_counts_are_executed(name):
    """Each value from the spikes that the C fired itself."""
    graph = pipeline.optimised(GRAPHS[name]())
    run = observed(graph).run(X.numpy(), observe=all_values(graph))
    own = as_tensors(run.values)
    assert_within_bounds(graph, {"input": X.double()}, own)
    names = [node.name for node in graph if node.op.name != "input"]
    assert {name: run.counts[name] for name in names} == analytic_counts(graph, own, names)
    for read, write in graph.feedback.items():
        assert torch.equal(own[read][1:], own[write][:-1])
        assert not own[read][0].any()
        assert 0.05 < own[write].mean() < 0.95


def test_reference_is_a_loop_by_hand():
    """Each layer hears itself a step later."""
    values = reference.run(streaming(), {"input": X}, dtype=torch.float64)
    graph, conv = streaming(), torch.nn.functional.conv2d
    param = {key: torch.from_numpy(value) for key, value in graph.params.items()}
    u = [torch.zeros(33, 5, 7, dtype=torch.float64)] * 2
    spikes = list(u)
    for step, x in enumerate(X.double()):
        current = conv(x[None], param["conv.weight"], padding=1)[0]
        for layer, name in enumerate(("one", "two")):
            back = conv(spikes[layer][None], param[f"{name}_back.weight"], padding=1)[0]
            u[layer] = 0.75 * u[layer] - 0.5 * spikes[layer] + current + back
            spikes[layer] = (u[layer] >= 0.5).double()
            assert torch.equal(values[name][step], spikes[layer])
            current = conv(spikes[layer][None], param["conv2.weight"], padding=1)[0]


@each_graph
def test_a_loop_runs_in_one_stage(name):
    graph = pipeline.optimised(GRAPHS[name]())
    plan = schedule(graph)
    assert plan.streams == (name == "streaming")
    assert causality(GRAPHS[name]())["streams"] == plan.streams
    found = loops(graph)
    assert len(found) == len(graph.feedback)
    for loop in found:
        names = {node.name for node in loop}
        assert {node.op.name for node in loop} >= {"feedback", "feedback_write", "neuron", "conv2d"}
        (stage,) = (s for s in plan.stages if names & {node.name for node in s.loop})
        assert names <= {node.name for node in stage.loop}
        assert all(plan.runs[name] == 1 for name in names)


def test_a_recurrent_layer_reads_spikes_of_its_own_neurons():
    """Not the input: the estimator charges it by their rates, a step late."""
    graph = pipeline.lowered(streaming())
    layers = {layer.synapse: layer for layer in layers_of(graph)}
    assert layers["conv"].from_input
    for name in ("one", "two"):
        layer = layers[f"{name}_back"]
        assert not layer.from_input
        assert layer.neurons == (name,)
        assert {f"{name}_previous", f"{name}_kept"} <= set(layer.nodes)
    network = Network(graph, pipeline.optimised(streaming()))
    tally = counted(network, [X.numpy()], "paper")["paper"]
    charged = {entry.layer.synapse: entry.steps["ac"] for entry in tally.per_layer()}
    values = reference.run(graph, {"input": X})
    for name in ("one", "two"):
        fired = values[name].flatten(1).sum(dim=1).int().tolist()
        assert charged[f"{name}_back"] == [0, *(33 * 9 * spikes for spikes in fired[:-1])]


def test_recomputed_values_are_the_same():
    """A tight arena makes a later stage compute the input of the loop again."""
    graph = pipeline.optimised(after_attention())
    least = choices(graph)[-1]
    assert least.recomputed == {"conv"}
    stored = observed(graph).run(X.numpy(), observe=[("one", "value")])
    again = observed(graph, plan=least.schedule).run(X.numpy(), observe=[("one", "value")])
    assert np.array_equal(stored.values["one", "value"], again.values["one", "value"])


@each_graph
def test_windows_and_threads_give_the_same_bits(name, tmp_path, monkeypatch):
    """State is cleared between windows, and no part of a layer sees another's step."""
    graph = pipeline.optimised(GRAPHS[name]())
    model = observed(graph)
    runs = [model.run(X.numpy(), observe=all_values(graph)).values for _ in range(2)]
    for key, value in runs[0].items():
        assert np.array_equal(value, runs[1][key]), key
    monkeypatch.setattr("tests.compiler.plan.test_threads.frames_for", lambda _: X)
    found = []
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        found.append(traced(graph, threads, folder, team=threads > 1))
    assert found[0] == found[1]
    assert any(found[0]["one value"])


def test_int8_is_the_integer_reference():
    """Both layers before a neuron get one scale a channel, so their sums add exactly."""
    windows = [X.numpy()]
    compilation = compile_graph(streaming(), calibration=windows)
    graph = compilation.graph
    assert [node.op.name for node in graph].count("add_i8") == 2
    run = observed(graph, generated=compilation.generated).run(X.numpy(), observe=all_values(graph))
    values, _ = run_reference(graph, X.numpy())
    for name, value in values.items():
        if name != "input":
            assert np.array_equal(run.values[name, "value"].astype(np.int64), value.numpy()), name
    floats = reference.run(pipeline.optimised(streaming()), {"input": X})
    for name in ("one", "two"):
        assert 0.05 < values[name].double().mean() < 0.95
        agreement = float((values[name] == floats[name]).double().mean())
        assert agreement > 0.8, f"{name}: {agreement}"  # chance is 0.5 to 0.6 at these rates


def test_int8_refuses_sums_without_one_unit():
    g = Importing("mixed", STEPS)
    conv = convolved(g)
    spikes = g.add("n", Neuron(**LIF), [conv])
    total = g.add("total", Add(), [conv, recurrent_layer(g, spikes, "one")])
    graph = pipeline.optimised(readout(g, g.add("m", Neuron(**LIF), [total])))
    with pytest.raises(SnncError, match="sum of real values has no int8 form"):
        pipeline.quantized(graph, calibrate(graph, [X.numpy()]))


def test_pruning_keeps_what_is_fed_back():
    graph = prune(streaming())
    assert [node.name for node in graph] == [node.name for node in streaming()]
    g = Importing("unused", STEPS)
    spikes = g.add("n", Neuron(**LIF), [convolved(g)])
    recurrent_layer(g, "conv", "unused")
    kept = prune(readout(g, spikes))
    assert not kept.feedback
    assert not any(node.name.startswith("unused") for node in kept)


def refused(build, code=UNSUPPORTED_LAYER) -> SnncError:
    g = Importing("refused", STEPS)
    with pytest.raises(SnncError) as caught:
        check(pipeline.lowered(readout(g, build(g, convolved(g)))))
    assert caught.value.code is code
    return caught.value


def test_what_needs_the_whole_window_cannot_be_in_a_loop():
    def build(g, x):
        recurrence = Recurrence.of(g, "n", g.type_of(x).shape)
        over = {"over": "time_pixels", "mean_scale": 1.0}
        real = g.add("n.real", Affine(), [recurrence.spikes], UNIT)
        pooled = g.add("n.pool", Statistics(**over), [real])
        weights = {"weights": np.array([0.5, 0.5])}
        gate = g.add("n.gate", Sigmoid(), [g.add("n.mix", WeightedRows(), [pooled], weights)])
        spikes = g.add("n", Neuron(**LIF), [g.add("n.scale", Scale(), [x, gate])])
        recurrence.close(g, spikes)
        return spikes

    error = refused(build)
    assert error.where == "n.pool"
    assert "statistics needs all time steps, and lies in a recurrent connection" in error.what


UNIT = {"scale": np.ones((33, 1, 1)), "shift": np.zeros((33, 1, 1))}


def test_a_loop_needs_a_neuron():
    def build(g, x):
        spikes = g.add("n", Neuron(**LIF), [x])
        recurrence = Recurrence.of(g, "both", g.type_of(x).shape)
        both = g.add("both", SpikeLogic(function="and"), [spikes, recurrence.spikes])
        recurrence.close(g, both)
        return both

    error = refused(build)
    assert (error.where, error.what) == ("both.kept", "it closes a loop without a spiking neuron")


def test_only_spikes_of_one_shape_return():
    def real(g, x):
        Recurrence.of(g, "n", g.type_of(x).shape).close(g, x)
        return x

    assert "carries spikes, not real" in refused(real).what

    def other(g, x):
        Recurrence.of(g, "n", (33, 5, 6)).close(g, g.add("n", Neuron(**LIF), [x]))
        return x

    assert "is for (33, 5, 6), and it gives (33, 5, 7)" in refused(other, BAD_SHAPE).what


@pytest.mark.parametrize("lost", ["feedback", "feedback_write"])
def test_half_a_connection_is_a_broken_graph(lost):
    g = Importing("half", STEPS)
    recurrence = Recurrence.of(g, "n", (33, 5, 7))
    recurrence.close(g, g.add("n", Neuron(**LIF), [convolved(g)]))
    check(readout(g, "n"))
    (end,) = (name for name, node in g.nodes.items() if node.op.name == lost)
    del g.nodes[end]
    graph = g.graph(["mean"])
    with pytest.raises(InternalError, match="are not pairs"):
        check(graph)
