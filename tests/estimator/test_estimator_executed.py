"""Executed counts against the counters of instrumented C."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir.graph import Kind
from snnc.compiler.passes import pipeline
from snnc.compiler.plan.schedule import schedule
from snnc.compiler.verify.integer import run_reference
from snnc.estimator.activity import Activity, Network, observe
from snnc.estimator.conventions import CONVENTIONS, COUNTERS
from snnc.estimator.counts import Tally, totals_of
from tests.support.counting import interpret
from tests.support.networks.lively import lively_network
from tests.support.samples.graphs import c_of

SMALL = {"input_size": (2, 12, 13), "time_steps": 4}
FIVE = {"input_size": (2, 33, 32), "time_steps": 2, "channels": (4, 8, 8, 8, 8), "hidden": 16}


@pytest.mark.parametrize(
    ("attention_name", "kernel", "architecture", "hyper"),
    [
        ("none", "event", "three-layer-narrow", SMALL),
        ("tcsa", "event", "three-layer-narrow", SMALL),
        ("asa1", "dense", "three-layer-narrow", SMALL),
        ("asa2", "dense", "five-layer", FIVE),
        ("sa", "event", "five-layer-avg", FIVE),
    ],
)
def test_executed_counts_equal_the_counters_of_instrumented_c(
    tmp_path: Path, attention_name: str, kernel: str, architecture: str, hyper: dict
) -> None:
    model = lively_network(attention_name, architecture, **hyper)
    graph = import_module(model, model.input_size, model.time_steps)
    executed = with_kernel(pipeline.optimised(graph), kernel)
    network = Network(pipeline.lowered(graph), executed)
    generated = c_of(executed)
    observed = ObservedModel(executed, generated, tmp_path, flags=[*NATIVE, "-O0"])
    rng = np.random.default_rng(5)
    for density in (0.05, 0.6):
        frames = rng.poisson(density, (model.time_steps, *model.input_size))
        (activity,) = observe(network, [frames], interpret)
        tally = Tally(CONVENTIONS["executed"], network)
        tally.add(activity)
        decisions = {name: value.numpy() for name, value in activity.discrete.items()}
        decisions.pop("input")
        counters = observed.run(frames, forced=decisions).counts
        assert summed(tally) == counters
        assert sum(sum(steps) for steps in tally.spikes.values()) > 0


@pytest.mark.parametrize("attention_name", ["none", "asa1"])
def test_executed_counts_of_a_quantized_network_equal_its_c(
    tmp_path: Path, attention_name: str
) -> None:
    model = lively_network(attention_name, **SMALL)
    graph = import_module(model, model.input_size, model.time_steps)
    rng = np.random.default_rng(4)
    windows = list(rng.poisson(0.5, (3, model.time_steps, *model.input_size)).astype(np.uint16))
    compiled = compile_graph(graph, calibration=windows)
    network = Network(compiled.source, compiled.graph)
    values, _ = run_reference(compiled.graph, windows[0])
    tally = Tally(CONVENTIONS["executed"], network)
    tally.add(Activity(network, values, interpret))
    observed = ObservedModel(compiled.graph, compiled.generated, tmp_path, flags=[*NATIVE, "-O0"])
    counters = observed.run(windows[0]).counts
    assert summed(tally) == counters
    names = [entry.layer.name for entry in tally.per_layer()]
    assert names == ["layer1", "layer2", "layer3", "fc1", "fc2", "readout"]
    parts = {part for entry in tally.per_layer() for part in entry.parts}
    assert ("attention" in parts) == (attention_name != "none")
    if attention_name == "none":
        return
    paper = Tally(CONVENTIONS["paper"], network)
    paper.add(Activity(network, values, interpret))
    assert totals_of(paper.per_layer())["ac"] > 0  # the source network on the integers' spikes


def test_what_is_computed_again_counts_again(tmp_path: Path) -> None:
    model = lively_network("asa1", **SMALL)
    graph = pipeline.optimised(import_module(model, model.input_size, model.time_steps))
    plan = schedule(graph, recompute=["layer1_conv"])
    assert plan.runs["layer1_conv"] == 3
    network = Network(graph, graph, plan.runs)
    observed = ObservedModel(graph, c_of(graph, plan=plan), tmp_path, flags=[*NATIVE, "-O0"])
    frames = np.random.default_rng(3).poisson(0.4, (model.time_steps, *model.input_size))
    (activity,) = observe(network, [frames], interpret)
    tally = Tally(CONVENTIONS["executed"], network)
    tally.add(activity)
    decisions = {name: value.numpy() for name, value in activity.discrete.items()}
    decisions.pop("input")
    assert summed(tally) == observed.run(frames, forced=decisions).counts


def summed(tally: Tally) -> dict[str, dict[str, int]]:
    """A tally's counts by node, over the window, as the counters of the C have them."""
    return {
        name: {key: sum(counts.get(key, [0])) for key in COUNTERS}
        for name, counts in tally.nodes.items()
    }


def with_kernel(graph, kernel: str):
    """The graph with one kernel variant for every synapse that reads spikes."""
    nodes = [
        node.with_op(kernel=kernel)
        if node.op.name in ("conv2d", "linear") and graph.input_types(node)[0].kind is Kind.SPIKE
        else node
        for node in graph.nodes
    ]
    changed = graph.replace(nodes=tuple(nodes))
    assert [getattr(node.op, "kernel", None) for node in changed.nodes].count(kernel) >= 2
    return changed
