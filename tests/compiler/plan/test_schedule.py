"""Stages: every value is there when it is read, cuts are only where they must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph, Kind, Node, TensorType, Time
from snnc.compiler.ops import Input, Scale, TimeMean, op_of
from snnc.compiler.passes import pipeline
from snnc.compiler.plan.schedule import Schedule, in_loop, schedule
from snnc.errors import InternalError
from snnc.models.attention import ATTENTION_NAMES
from tests.support.networks.firing import SIZES, firing_network, frames_for
from tests.support.samples.graphs import all_values, analytic_counts, as_tensors, c_of, observed
from tests.support.samples.random_graphs import random_graphs


def walk(graph: Graph, plan: Schedule) -> None:
    """Run the stages; a value must exist when it is read, and be kept if a later loop reads it."""
    done: set[str] = set()  # kept for all steps, or of the whole window
    for stage in plan.stages:
        fresh: set[str] = set()  # of this step
        waiting: set[str] = set()  # reductions, ready after the loop
        for node in stage.loop:
            for name in node.inputs:
                ready = name in done and (name in plan.stored or not graph[name].type.temporal)
                assert name in fresh or ready, f"{node.name} reads {name} too early"
            reduces = op_of(node).time() is Time.REDUCE
            (waiting if reduces else fresh).add(node.name)
        done |= fresh | waiting
        for node in stage.once:
            for name in node.inputs:
                kept = name in plan.stored or not graph[name].type.temporal
                assert name in done, f"{node.name} reads {name} too early"
                assert kept, f"{node.name} reads {name}, which was not kept"
            done.add(node.name)
    assert done == {node.name for node in graph.nodes}


def runs_of(plan: Schedule) -> dict[str, int]:
    """In how many stages each node runs."""
    runs: dict[str, int] = {}
    for stage in plan.stages:
        for node in (*stage.loop, *stage.once):
            runs[node.name] = runs.get(node.name, 0) + 1
    return runs


def imported(name: str, attention: str) -> Graph:
    size, steps = SIZES[name]
    return pipeline.optimised(import_module(firing_network(name, attention), size, steps))


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
@pytest.mark.parametrize("name", SIZES)
def test_values_exist_when_they_are_read(name, attention):
    graph = imported(name, attention)
    plan = schedule(graph)
    walk(graph, plan)
    assert set(runs_of(plan).values()) == {1}


@pytest.mark.parametrize(
    ("attention", "cuts"),
    [("none", 0), ("sa", 1), ("ta", 1), ("ca", 1), ("tcsa", 3), ("asa1", 3), ("asa2", 2)],
)
def test_attention_cuts_where_it_needs_the_whole_window(attention, cuts):
    """Three gates cost three cuts; ASA one for its choice, one for its maps, and ASA-1 one for the
    sigmoid between its perceptron along time and the choice."""
    plan = schedule(imported("three-layer-narrow", attention))
    assert len(plan.stages) == 1 + 3 * cuts
    assert plan.streams is (cuts == 0)


def test_what_streams_keeps_nothing_but_its_input():
    assert schedule(imported("three-layer-narrow", "none")).stored == {"input"}


@settings(max_examples=150, deadline=None)
@given(random_graphs(), st.randoms(use_true_random=False))
def test_any_graph_runs_in_order_with_any_recomputation(graph, chance):
    walk(graph, schedule(graph))
    steps = [
        node.name
        for node in graph.nodes
        if node.op.name != "input" and op_of(node).time() is Time.STEP and in_loop(graph, node)
    ]
    again = [name for name in steps if chance.random() < 0.5]
    walk(graph, schedule(graph, again))


def test_a_loop_that_reads_a_reduction_comes_after_the_loop_that_computes_it():
    """A gate straight from a mean over all steps: of the composites none reads one so directly."""
    step, window = (TensorType((3,), Kind.REAL, temporal=temporal) for temporal in (True, False))
    nodes = (
        Node("input", Input(), (), step),
        Node("mean", TimeMean(), ("input",), window),
        Node("gated", Scale(), ("input", "mean"), step),
    )
    plan = schedule(Graph("gate", 4, nodes, {}, ("gated",)))
    assert [[node.name for node in stage.loop] for stage in plan.stages] == [
        ["input", "mean"],
        ["gated"],
    ]


@settings(max_examples=100, deadline=None)
@given(random_graphs())
def test_a_node_runs_in_the_first_stage_that_can(graph):
    plan = schedule(graph)
    stage_of = {
        node.name: index
        for index, stage in enumerate(plan.stages)
        for node in (*stage.loop, *stage.once)
    }
    for node in graph.nodes:
        waits = [
            stage_of[name]
            + (
                in_loop(graph, node)
                and not (in_loop(graph, graph[name]) and graph[name].type.temporal)
            )
            for name in node.inputs
        ]
        returning = [stage_of[name] for name in graph.sources(node) if name not in node.inputs]
        assert stage_of[node.name] == max(waits + returning, default=0)


@pytest.mark.parametrize("name", ["layer1_neuron", "input", "layer1_attention_maps"])
def test_only_a_value_of_one_step_can_be_computed_again(name):
    with pytest.raises(InternalError, match="only a STEP op can be recomputed"):
        schedule(imported("three-layer-narrow", "asa1"), [name])


def test_recomputing_gives_the_same_bits_in_less_memory():
    graph = imported("three-layer-narrow", "asa1")
    convolutions = [
        node.name for node in graph.nodes if node.op.name == "conv2d" and in_loop(graph, node)
    ]
    assert len(convolutions) == 3
    kept, again = schedule(graph), schedule(graph, convolutions)
    assert set(convolutions) <= kept.stored
    assert not set(convolutions) & again.stored
    x = frames_for("three-layer-narrow")
    plans, runs = [], []
    for plan in (kept, again):
        generated = c_of(graph, plan=plan)
        plans.append(generated.plan)
        runs.append(observed(graph, generated=generated).run(x.numpy(), observe=all_values(graph)))
    for key, value in runs[0].values.items():
        np.testing.assert_array_equal(value, runs[1].values[key], err_msg=str(key))
    np.testing.assert_array_equal(runs[0].scores, runs[1].scores)
    assert plans[1].size < plans[0].size
    times = runs_of(again)
    assert {times[name] for name in convolutions} == {3}
    values = as_tensors(runs[0].values)
    for name, counts in analytic_counts(graph, values, runs_of(kept).keys() - {"input"}).items():
        assert runs[0].counts[name] == counts
        assert runs[1].counts[name] == {key: times[name] * n for key, n in counts.items()}
