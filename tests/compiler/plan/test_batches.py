"""Several steps at once: the same bits and counts as step by step, and only where it may be."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from snnc.api.compile_settings import CompileSettings
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.adapters.recurrence import Recurrence
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.observed import Observation, ObservedModel
from snnc.compiler.ir.graph import Graph, Kind, TensorType
from snnc.compiler.ops import OPS, Add, Flatten, Linear, Neuron, Sample, TimeMean
from snnc.compiler.passes import pipeline
from snnc.compiler.plan.batches import MOST_STEPS, with_batches
from snnc.compiler.plan.input_buffer import Buffering, buffered
from snnc.compiler.plan.schedule import Schedule, schedule
from tests.compiler.ops.test_feedback import LIF, STEPS, X, readout, streaming, weight
from tests.support.kernels.kernel_harness import NOT_INLINED
from tests.support.networks.firing import SIZES, firing_network, frames_for
from tests.support.samples.graphs import (
    SampleGraph,
    all_values,
    analytic_counts,
    as_tensors,
    c_of,
    observed,
    sample_graph,
)

NAME = "three-layer-narrow"
FLAGS = ("-O0", NOT_INLINED)
LARGE = ((96, 5, 5), 70), ((2112, 1, 1), 130)
"""Inputs and outputs of layers whose rows are several blocks, with a last one that is cut short."""


def batched(graph: Graph, most: int) -> Schedule:
    """The graph's schedule with batches of up to ``most`` steps."""
    return with_batches(graph, schedule(graph), most)


@cache
def linears(op: str) -> SampleGraph:
    """Samples of a linear layer that read spikes, and large ones, over five steps: one of the dense
    kernel, and of integers those in the orders that a host has."""
    rng = np.random.default_rng(3)
    spiking = [sample for sample in OPS[op].samples() if sample.inputs[0].kind is Kind.SPIKE]
    dense = next(sample for sample in spiking if sample.op.kernel == "dense")
    own = [s for s in spiking if s.op.kernel == "event" and getattr(s.op, "order", "") != "own"]
    wide = own[0]
    own = [dense, *own]
    for shape, out in LARGE:
        size = (out, int(np.prod(shape)))
        whole = rng.integers(-9, 10, size)
        values = {"weight": whole if op == "linear_i8" else rng.normal(size=size)}
        own.append(Sample(wide.op, (TensorType(shape, Kind.SPIKE),), values))
    return sample_graph(op, [replace(sample, time_steps=5) for sample in own])


@cache
def model_of(op: str, most: int) -> ObservedModel:
    return observed(linears(op).graph, plan=batched(linears(op).graph, most), flags=FLAGS)


def run_of(op: str, density: float, most: int) -> Observation:
    cases = linears(op)
    rng = np.random.default_rng(int(1000 * density))
    forced = {
        name: (rng.random((5, *cases.graph[name].type.shape)) < density).astype(np.int64)
        for names in cases.operands.values()
        for name in names
    }
    wanted = [(node, "value") for node in cases.nodes]
    return model_of(op, most).run(np.zeros((5, 1)), observe=wanted, forced=forced)


def assert_same(one: Observation, other: Observation) -> None:
    """The same bits of every value and output, and the same operations."""
    assert one.counts == other.counts
    assert one.values.keys() == other.values.keys()
    for key, value in one.values.items():
        assert value.tobytes() == other.values[key].tobytes(), key
    for key, output in one.outputs.items():
        assert output.tobytes() == other.outputs[key].tobytes(), key


@pytest.mark.parametrize("op", ["linear", "linear_i8"])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.3, 1.0])
def test_a_linear_layer_gives_the_same_bits(op, density):
    alone = run_of(op, density, 1)
    events = {node.name for node in linears(op).graph if getattr(node.op, "kernel", "") == "event"}
    for most in (2, 5):
        assert batched(linears(op).graph, most).batched == events
        assert_same(run_of(op, density, most), alone)
    assert (density == 0.0) == all(not sum(alone.counts[node].values()) for node in events)


@pytest.mark.parametrize("dtype", ["f32", "int8"])
@pytest.mark.parametrize("attention", ["none", "asa1"])
def test_a_network_gives_the_same_bits(attention, dtype, tmp_path):
    size, steps = SIZES[NAME]
    frames = frames_for(NAME).numpy().astype(np.uint16)
    graph = import_module(firing_network(NAME, attention), size, steps)
    runs = {}
    for most in (1, 2, MOST_STEPS):
        calibration = [frames] if dtype == "int8" else None
        made = compile_graph(graph, calibration=calibration, batch=most)
        model = ObservedModel(made.graph, made.generated, tmp_path / str(most), FLAGS)
        runs[most] = model.run(frames, observe=all_values(made.graph))
        assert made.schedule.batch == min(most, steps)
    assert made.schedule.batched == {"fc1_linear", "fc2_linear"}
    assert made.schedule.streams == (attention == "none")
    for most in (2, MOST_STEPS):
        assert_same(runs[most], runs[1])
    own = as_tensors(runs[2].values)
    names = [node.name for node in made.graph if node.op.name != "input"]
    assert {name: runs[2].counts[name] for name in names} == analytic_counts(made.graph, own, names)


def test_a_stream_goes_on_as_a_window(tmp_path):
    """Steps one by one, then the rest at once: as many at once as are left."""
    size, steps = SIZES[NAME]
    frames = frames_for(NAME).numpy().astype(np.uint16)
    made = compile_graph(import_module(firing_network(NAME, "none"), size, steps), batch=2)
    model = ObservedModel(made.graph, made.generated, tmp_path, FLAGS)
    whole = model.run(frames).scores
    assert whole.any()
    packed = np.ascontiguousarray(np.moveaxis(frames, 1, -1))
    for first in range(steps + 1):
        model.host.reset()
        model.host.push_frames(packed)
        for _ in range(first):
            model.host.step()
        if first < steps:
            model.host.run()
        assert model.host.scores().tobytes() == whole.tobytes()


def _linear(g: Importing, name: str, x: str, outputs: int, inputs: int) -> str:
    return g.add(name, Linear(), [x], {"weight": weight(outputs, inputs, seed=inputs)})


def recurrent() -> Graph:
    """Neurons that hear each other through a linear layer, behind one and before one."""
    g = Importing("recurrent", STEPS)
    x = g.add("flat", Flatten(), [g.input((2, 5, 7), Kind.COUNT)])
    first = g.add("ahead", Neuron(**LIF), [_linear(g, "in", x, 40, 70)])
    second = _linear(g, "fc0", first, 33, 40)
    recurrence = Recurrence.of(g, "layer", (33,))
    back = _linear(g, "back", recurrence.spikes, 33, 33)
    spikes = g.add("layer", Neuron(**LIF), [g.add("sum", Add(), [second, back])])
    recurrence.close(g, spikes)
    _linear(g, "fc", spikes, 4, 33)
    return g.graph([g.add("mean", TimeMean(), [g.add("last", Neuron(**LIF), ["fc"])])])


@pytest.mark.parametrize(
    ("make", "expected"), [(streaming, {"fc"}), (recurrent, {"fc0", "fc"})], ids=["maps", "vectors"]
)
def test_a_loop_goes_step_by_step(make, expected):
    """What stands in a recurrent loop needs each step before the next; before and behind it not."""
    graph = pipeline.optimised(make())
    plan = batched(graph, 4)
    assert plan.batched == expected
    alone, together = (
        observed(graph, plan=each, flags=FLAGS).run(X.numpy(), observe=all_values(graph))
        for each in (schedule(graph), plan)
    )
    assert_same(together, alone)
    assert alone.values["last", "value"].any()


@pytest.mark.parametrize("held", [Buffering(frames=2), Buffering(events=500)], ids=str)
def test_a_network_that_keeps_little_goes_step_by_step(held):
    size, steps = SIZES[NAME]
    graph = pipeline.optimised(import_module(firing_network(NAME, "none"), size, steps))
    assert batched(graph, 4).batched
    assert batched(buffered(graph, held), 4) == schedule(buffered(graph, held))


def test_one_step_is_no_batch():
    g = Importing("single", 1)
    x = g.add("flat", Flatten(), [g.input((2, 3, 3), Kind.COUNT)])
    spikes = g.add("hidden", Neuron(**LIF), [_linear(g, "in", x, 9, 18)])
    graph = pipeline.optimised(readout(g, spikes))
    assert not batched(graph, MOST_STEPS).batched
    assert "_batch" not in c_of(graph, plan=batched(graph, MOST_STEPS)).files["single.c"]


def test_memory_that_is_limited_holds_no_batch():
    assert CompileSettings().steps_at_once == MOST_STEPS
    assert CompileSettings(arena_bytes=10**6).steps_at_once == 1
    assert CompileSettings(order="own").steps_at_once == 1
    assert CompileSettings(arena_bytes=10**6, batch=3).steps_at_once == 3
