"""Every op: its facets agree with each other and with the C, on every sample that it gives.

The reference (PyTorch) says what an op computes, the bound how far float32 may stray from it, the
count what the C executes. Nothing here has a tolerance of its own.
"""

from __future__ import annotations

import zlib
from functools import cache
from itertools import groupby

import numpy as np
import pytest
import torch

from snnc.compiler import reference
from snnc.compiler.build import Observation
from snnc.compiler.ir import Kind, Time
from snnc.compiler.ops import COMPOSITES, OPS, Sample
from snnc.compiler.ops.base import Op
from snnc.compiler.ops.neuron import Neuron
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, SnncError
from tests.graphs import (
    SampleGraph,
    analytic_counts,
    observed,
    random_operands,
    sample_graph,
    torch_params,
)

DISCRETE = ("neuron", "complementary_mask")


@cache
def graphs_of(op: str) -> tuple[SampleGraph, ...]:
    """The op's samples, one graph for each number of time steps."""
    ordered = sorted(OPS[op].samples(), key=lambda sample: sample.time_steps)
    groups = groupby(ordered, key=lambda sample: sample.time_steps)
    return tuple(sample_graph(op, list(group)) for _, group in groups)


CASES = [
    pytest.param(op, number, node, id=f"{op}-{cases.graph.time_steps}-{node}")
    for op in OPS
    for number, cases in enumerate(graphs_of(op))
    for node in cases.nodes
]
each_case = pytest.mark.parametrize(("op", "number", "node"), CASES)


@cache
def operands_of(op: str, number: int) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(zlib.crc32(f"{op}{number}".encode()))
    return random_operands(graphs_of(op)[number], rng)


@cache
def run_in_c(op: str, number: int) -> Observation:
    """What the C gives for every sample, with the operands forced to the chosen values."""
    cases = graphs_of(op)[number]
    frames = np.zeros((cases.graph.time_steps, 1))
    forced = {name: value.numpy() for name, value in operands_of(op, number).items()}
    wanted = [(node, "value") for node in cases.nodes]
    return observed(cases.graph).run(frames, observe=wanted, forced=forced)


def test_every_op_has_samples_and_a_name_of_its_own():
    assert {op for op in OPS if not list(OPS[op].samples())} == {"input"}
    assert all(op.name == name for name, op in (OPS | COMPOSITES).items())


@pytest.mark.parametrize("facet", sorted(Op.__abstractmethods__))
def test_a_missing_facet_fails_at_once(facet):
    facets = {name: getattr(Neuron, name) for name in Op.__abstractmethods__ - {facet}}
    with pytest.raises(TypeError, match=facet):
        type("Forgetful", (Op,), facets)()


@each_case
def test_type_is_what_the_reference_gives(op, number, node):
    graph = graphs_of(op)[number].graph
    given = graph[node].type
    value = reference.run(graph, operands_of(op, number), dtype=torch.float64, wanted=[node])[node]
    assert value.shape == (graph.time_steps if given.temporal else 1, *given.shape)
    if given.kind is Kind.SPIKE:
        assert bool(((value == 0) | (value == 1)).all())
    if given.kind is Kind.COUNT:
        assert bool(((value >= 0) & (value == value.round())).all())


@each_case
def test_c_gives_what_the_bound_allows(op, number, node):
    graph, inputs = graphs_of(op)[number].graph, operands_of(op, number)
    own = torch.from_numpy(run_in_c(op, number).values[node, "value"].astype(np.float64))
    forced = {node: own} if op in DISCRETE else {}
    verdict = reference.judge(graph, inputs, forced, [node])[node]
    if op not in DISCRETE:
        assert bool(((own - verdict.value).abs() <= verdict.error).all())
        return
    decided = verdict.error == 0
    exact = exact_discrete(graph, node, inputs, own)
    assert torch.equal(own[decided], exact[decided])
    assert 0 < own.mean() < 1 or own.numel() == 1


def exact_discrete(graph, node, inputs, own):
    """The float64 result; a neuron goes on from the spikes that the C fired."""
    if graph[node].op != "neuron":
        return reference.run(graph, inputs, dtype=torch.float64, wanted=[node])[node]
    (x,) = (inputs[name] for name in graph[node].inputs)
    attrs = graph[node].attrs
    u = torch.stack([u for u, _ in OPS["neuron"].membrane(graph[node], x, own)])
    fired = u > attrs["threshold"] if attrs["strict"] else u >= attrs["threshold"]
    return fired.to(torch.float64)


@each_case
def test_c_executes_what_is_counted(op, number, node):
    graph, inputs = graphs_of(op)[number].graph, operands_of(op, number)
    executed = run_in_c(op, number).counts[node]
    assert executed == analytic_counts(graph, inputs, [node])[node]
    if op != "flatten":
        assert sum(executed.values()) > 0


@each_case
def test_counts_are_per_step(op, number, node):
    graph, inputs = graphs_of(op)[number].graph, operands_of(op, number)
    given = [inputs[name] for name in graph[node].inputs]
    counts = OPS[op].count(
        graph[node], graph.params_of(graph[node]), given, graph.input_types(graph[node])
    )
    once = OPS[op].time(graph[node]) is Time.SEQUENCE
    for entry in (counts.ac, counts.mac, counts.mul, counts.add, counts.cmp):
        assert entry.dtype == np.int64
        assert entry.shape == (1 if once else max(len(value) for value in given),)


@each_case
def test_bound_holds_for_float32_in_any_order(op, number, node):
    graph = graphs_of(op)[number].graph
    exact = [operands_of(op, number)[name] for name in graph[node].inputs]
    rng = np.random.default_rng(number)
    for scale in (0.0, 1e-6, 1e-3):
        given = [perturbed(x, graph[name].type.kind, scale, rng)
                 for x, name in zip(exact, graph[node].inputs, strict=True)]  # fmt: skip
        errors = [(near.double() - x).abs() for near, x in zip(given, exact, strict=True)]
        for own in float32_runs(op, graph, node, given):
            output = own if op in DISCRETE else exact_value(graph, node, exact)
            bound = OPS[op].error(graph[node], torch_params(graph, node), exact, errors, output)
            if op in DISCRETE:
                difference = own != exact_discrete(graph, node, dict(zip(graph[node].inputs, exact, strict=True)), own)
            else:
                difference = (own - output).abs()
            assert bool((difference <= bound).all())


def exact_value(graph, node, given):
    return OPS[graph[node].op].reference(graph[node], torch_params(graph, node), given)


def perturbed(x, kind, scale, rng):
    """float32 values near x; events stay events."""
    if kind is not Kind.REAL:
        return x.float()
    noise = torch.from_numpy(rng.uniform(-scale, scale, x.shape))
    return (x + noise).float()


def float32_runs(op, graph, node, given):
    """The op in float32 by PyTorch's kernels: with and without oneDNN, and in reverse order."""
    facets, params = OPS[op], torch_params(graph, node, torch.float32)
    yield facets.reference(graph[node], params, given).double()
    with torch.backends.mkldnn.flags(enabled=False):
        yield facets.reference(graph[node], params, given).double()
    if op in ("time_mean", "masked_statistics", "statistics"):
        reverse = reversed_axes(op, graph[node])
        flipped = [value.flip([axis for axis in reverse if axis < value.ndim]) for value in given]
        yield undo(op, graph[node], facets.reference(graph[node], params, flipped)).double()
    if op in ("conv2d", "linear") and graph[node].attrs.get("groups", 1) == 1:
        channels = given[0].shape[1]
        weight = params["weight"].unflatten(1, (channels, -1)).flip(1).flatten(1, 2)
        flipped = [given[0].flip(1)]
        yield facets.reference(
            graph[node], {**params, "weight": weight.reshape(params["weight"].shape)}, flipped
        ).double()


def reversed_axes(op, node):
    """Axes over which the op sums, so that their order must not matter."""
    if op == "time_mean":
        return (0,)
    if op == "masked_statistics":
        return (0, 1)
    return {"pixels": (2, 3), "all": (1, 2, 3), "time_pixels": (0, 2, 3), "time_channels": (0, 1)}[
        node.attrs["over"]
    ]


def undo(op, node, value):
    return value


@each_case
def test_bound_is_tight(op, number, node):
    """On exact inputs a real value is known to a thousandth of the largest, a choice for sure."""
    graph = graphs_of(op)[number].graph
    exact = [operands_of(op, number)[name] for name in graph[node].inputs]
    output = exact_value(graph, node, exact)
    none = [torch.zeros_like(x) for x in exact]
    bound = OPS[op].error(graph[node], torch_params(graph, node), exact, none, output)
    assert bound.shape == output.shape
    assert bool(torch.isfinite(bound).all())
    if op in DISCRETE:
        assert not bool(bound.any())
    else:
        assert float(bound.max()) < 1e-3 * float(output.abs().max())
