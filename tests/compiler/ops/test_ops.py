"""Every op: its facets agree with each other and with the C, on every sample that it gives.

The reference (PyTorch) says what an op computes, the bound how far float32 may stray from it, the
count what the C executes. Nothing here has a tolerance of its own.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cache
from itertools import groupby

import numpy as np
import pytest
import torch

from snnc.compiler.host.observed import Observation
from snnc.compiler.ir.graph import Kind, TensorType, Time
from snnc.compiler.ops import (
    COMPOSITES,
    OPS,
    ComplementaryMask,
    Linear,
    Neuron,
    Sample,
    Sigmoid,
    op_of,
)
from snnc.compiler.ops.base import Op
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.rounding import SMALLEST
from snnc.compiler.verify import reference
from snnc.compiler.verify.pytorch import is_discrete
from snnc.errors import BAD_ATTRIBUTE, BAD_SHAPE, UNSUPPORTED_LAYER, SnncError
from tests.support.samples.graphs import (
    SampleGraph,
    analytic_counts,
    as_tensors,
    assert_within_bounds,
    every_kind,
    exact_choice,
    observed,
    one_by_one,
    random_operands,
    random_values,
    run_of,
    sample_graph,
)


@cache
def graphs_of(op: str) -> tuple[SampleGraph, ...]:
    """The op's samples in every kind, one graph for each number of time steps."""
    ordered = sorted(every_kind(op), key=lambda sample: sample.time_steps)
    groups = groupby(ordered, key=lambda sample: sample.time_steps)
    return tuple(sample_graph(op, list(group)) for _, group in groups)


CASES = [
    pytest.param(op, number, node, id=f"{op}-{cases.graph.time_steps}-{node}")
    for op in OPS
    if not issubclass(OPS[op], IntegerOp)  # tests/compiler/ops/test_ops_int8.py
    for number, cases in enumerate(graphs_of(op))
    for node in cases.nodes
]
MOVERS = (
    *("flatten", "delay", "feedback", "feedback_write", "time_last", "time_stack"),
    *("arrange", "concat", "pad"),
)
"""Ops that only move values."""

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
        type("Forgetful", (Op,), {**facets, "name": "forgetful"})


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
    graph = graphs_of(op)[number].graph
    own = as_tensors(run_in_c(op, number).values)[node]
    assert_within_bounds(graph, operands_of(op, number), {node: own})
    assert not is_discrete(graph[node]) or 0 < (own != 0).double().mean() < 1 or own.numel() == 1


def is_or_of_spikes(node):
    return node.op.name == "reduce" and node.type.kind is Kind.SPIKE


@each_case
def test_c_executes_what_is_counted(op, number, node):
    graph, inputs = graphs_of(op)[number].graph, operands_of(op, number)
    executed = run_in_c(op, number).counts[node]
    assert executed == analytic_counts(graph, inputs, [node])[node]
    if op not in MOVERS and not is_or_of_spikes(graph[node]):
        assert sum(executed.values()) > 0


@each_case
def test_counts_are_per_step(op, number, node):
    graph, inputs = graphs_of(op)[number].graph, operands_of(op, number)
    given = [inputs[name] for name in graph.sources(graph[node])]
    counts = op_of(graph[node]).count(run_of(graph, node, given))
    once = op_of(graph[node]).time() is Time.SEQUENCE
    for entry in (counts.ac, counts.mac, counts.mul, counts.add, counts.cmp):
        assert entry.dtype == np.int64
        assert entry.shape == (1 if once else max(len(value) for value in given),)


@pytest.mark.parametrize(
    ("op", "number", "node"),
    [case for case in CASES if case.values[0] in ("neuron", "integrator", "delay", "cell")],
)
def test_steps_one_by_one_are_the_reference(op, number, node):
    """How an op with state runs inside a recurrent loop."""
    graph = graphs_of(op)[number].graph
    given = [operands_of(op, number)[name] for name in graph[node].inputs]
    assert torch.equal(one_by_one(graph, node, given), exact_value(graph, node, given))


@each_case
def test_bound_holds_for_float32_in_any_order(op, number, node):
    graph = graphs_of(op)[number].graph
    exact = [operands_of(op, number)[name] for name in graph.sources(graph[node])]
    for near in neighbours(graph, node, exact):
        errors = [(value.double() - x).abs() for value, x in zip(near, exact, strict=True)]
        for own in float32_runs(graph, node, near):
            if is_discrete(graph[node]):
                output = exact_choice(graph, node, exact, own)
                bound = error_bound(graph, node, exact, errors, own)
            else:
                output = exact_value(graph, node, exact)
                bound = error_bound(graph, node, exact, errors, output)
            assert bool(((own - output).abs() <= bound).all())


def exact_value(graph, node, given):
    return op_of(graph[node]).reference(run_of(graph, node, given))


def error_bound(graph, node, given, errors, output):
    return op_of(graph[node]).error(run_of(graph, node, given).bounded(errors, output))


def neighbours(graph, node, exact):
    """float32 inputs: exact, at random nearby, and where they change one output most."""
    rng = np.random.default_rng(5)
    sources = graph.sources(graph[node])
    real = [graph[name].type.kind is Kind.REAL for name in sources]
    noise = [torch.from_numpy(rng.uniform(-1, 1, x.shape)) for x in exact]
    steepest = [slope.sign() for slope in gradients(graph, node, exact, rng)]
    for scale, direction in [(0.0, noise), (1e-6, noise), (1e-3, noise), (1e-3, steepest)]:
        yield [
            (x + scale * way if moves else x).float()
            for x, way, moves in zip(exact, direction, real, strict=True)
        ]


def gradients(graph, node, exact, rng):
    """The slope of one output element along every input."""
    given = [x.clone().requires_grad_() for x in exact]
    output = exact_value(graph, node, given).flatten()
    if not output.requires_grad:
        return [torch.zeros_like(x) for x in exact]
    element = output[int(rng.integers(len(output)))]
    slopes = torch.autograd.grad(element, given, allow_unused=True)
    return [torch.zeros_like(x) if s is None else s for x, s in zip(exact, slopes, strict=True)]


def float32_runs(graph, node, given):
    """The op in float32 by PyTorch's kernels: with and without oneDNN, and in reverse order."""
    op, run = op_of(graph[node]), run_of(graph, node, given, torch.float32)
    yield op.reference(run).double()
    with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
        yield op.reference(run).double()
    if axes := summed_axes(graph[node]):
        flipped = [x.flip([axis for axis in axes if axis < x.ndim]) for x in given]
        yield op.reference(run.on(flipped)).double()
    if op.name in ("conv2d", "linear") and getattr(op, "groups", 1) == 1:
        weight = run.params["weight"].unflatten(1, (given[0].shape[1], -1)).flip(1)
        params = {**run.params, "weight": weight.reshape(run.params["weight"].shape)}
        yield op.reference(run.on([given[0].flip(1)], params)).double()


def summed_axes(node):
    """Axes that the op sums over, so that their order cannot matter."""
    over = {
        "pixels": (2, 3),
        "all": (1, 2, 3),
        "time_pixels": (0, 2, 3),
        "time_channels": (0, 1),
    }
    if node.op.name == "statistics":
        return over[node.op.over]
    return {"time_mean": (0,), "masked_statistics": (0, 1)}.get(node.op.name)


@each_case
def test_bound_is_tight(op, number, node):
    """On exact inputs a real value is known to a thousandth of the largest, or to the smallest
    float32 where all are zero; a choice for sure."""
    graph, rng = graphs_of(op)[number].graph, np.random.default_rng(9)
    exact = [
        random_values(graph[given].type, graph.time_steps, rng, zeros=0.0)
        for given in graph.sources(graph[node])
    ]
    output = exact_value(graph, node, exact)
    bound = error_bound(graph, node, exact, [torch.zeros_like(x) for x in exact], output)
    assert bound.shape == output.shape
    assert bool(torch.isfinite(bound).all())
    assert bool((bound >= 0).all())
    limit = 0.0 if is_discrete(graph[node]) else max(1e-3 * float(output.abs().max()), SMALLEST)
    assert float(bound.max()) <= limit


def one_op(op, sample):
    """A graph of one sample, the name of its node and of its operands."""
    cases = sample_graph(op, [sample])
    (node,) = cases.nodes
    return cases.graph, node, cases.operands[node]


def run_one(op, sample, *operands):
    """What the C and the float32 reference give for chosen operands."""
    graph, node, names = one_op(op, sample)
    inputs = dict(zip(names, operands, strict=True))
    own = observed(graph).run(
        np.zeros((graph.time_steps, 1)),
        observe=[(node, "value")],
        forced={name: value.numpy() for name, value in inputs.items()},
    )
    theirs = reference.run(graph, inputs, wanted=[node])[node]
    return torch.from_numpy(own.values[node, "value"]), theirs


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("reset_mode", ["hard", "soft", "none"])
def test_neuron_is_exact_where_rounding_plays_no_part(reset_mode, strict):
    """Quarters and halves are exact, so that U = threshold is met, and the sign of >= shows."""
    neuron = Neuron(
        beta=0.5,
        drift=0.25,
        gain=2.0,
        reset_mode=reset_mode,
        reset=0.5,
        threshold=1.0,
        strict=strict,
        initial=0.5,
    )
    sample = Sample(neuron, (TensorType((40,), Kind.REAL),), time_steps=6)
    x = torch.from_numpy(np.random.default_rng(0).integers(-4, 5, (6, 40)) / 4.0)
    own, theirs = run_one("neuron", sample, x)
    assert torch.equal(own.float(), theirs)
    u = torch.stack([u for u, _ in neuron.membrane(run_of(one_op("neuron", sample)[0], "s0", [x]))])
    assert bool((u == 1.0).any())
    assert bool((theirs == 1)[u == 1.0].all()) is not strict


def test_mask_breaks_ties_to_the_lowest_index():
    sample = Sample(ComplementaryMask(), (TensorType((35,), Kind.REAL),), time_steps=6)
    x = torch.from_numpy(np.random.default_rng(1).integers(-1, 2, (6, 35)).astype(float))
    own, theirs = run_one("complementary_mask", sample, x)
    assert torch.equal(own.float(), theirs)
    assert 0 < own.float().mean() < 1


def test_sigmoid_keeps_its_bound_where_the_exponential_overflows():
    graph, node, (name,) = one_op("sigmoid", Sample(Sigmoid(), (TensorType((400,), Kind.REAL),)))
    x = torch.linspace(-130, 130, 1200).reshape(3, 400).double().float().double()
    own, theirs = run_one("sigmoid", Sample(Sigmoid(), (TensorType((400,), Kind.REAL),)), x)
    verdict = reference.judge(graph, {name: x}, {}, [node])[node]
    for value in (own, theirs):
        assert bool(((value.double() - verdict.value).abs() <= verdict.error).all())
    assert float(verdict.error.max()) < 1e-6


def refused(code, op, inputs, attrs=None, params=None):
    with pytest.raises(SnncError) as caught:
        sample_graph(op, [Sample(OPS[op](**attrs or {}), tuple(inputs), params or {})])
    assert caught.value.code is code
    return caught.value


IMAGE = TensorType((4, 5, 6), Kind.SPIKE)
VECTOR = TensorType((7,), Kind.REAL)
SPIKES = TensorType((7,), Kind.SPIKE)
ROWS = TensorType((2, 7), Kind.COUNT)
MATRICES = {"reduce": np.ones((2, 3)), "expand": np.ones((3, 2))}
COUNTS = TensorType((4,), Kind.COUNT)
MAPS = TensorType((2, 5, 6), Kind.REAL, temporal=False)
POOL = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
MAX_POOL = POOL | {"ceil_mode": False}
POOL = MAX_POOL | {"count_include_pad": True, "divisor": 0}
NORM = dict.fromkeys(("mean", "var", "weight", "bias"), np.ones(5))
CONV = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}


@pytest.mark.parametrize(
    ("op", "inputs", "attrs", "params", "says"),
    [
        ("conv2d", [IMAGE], CONV, {"weight": np.ones((2, 3, 3, 3))}, "takes 3 channels"),
        ("conv2d", [IMAGE], CONV, {"weight": np.ones((2, 4, 6, 3))}, "larger than its input"),
        ("conv2d", [VECTOR], CONV, {"weight": np.ones((2, 7, 1, 1))}, "3-D input"),
        ("linear", [IMAGE], {}, {"weight": np.ones((2, 119))}, "takes 119 inputs, got 120"),
        ("batch_norm", [IMAGE], {"eps": 0.1}, NORM, "over 5 channels"),
        ("avg_pool2d", [IMAGE], POOL | {"padding": (2, 0)}, {}, "more than half"),
        ("max_pool2d", [IMAGE], MAX_POOL | {"kernel_size": (6, 2)}, {}, "larger than its input"),
        (
            "max_pool2d",
            [TensorType((1, 2, 9), Kind.REAL)],
            MAX_POOL | {"padding": (1, 0), "dilation": (3, 1), "stride": (1, 1)},
            {},
            "meets nothing",
        ),
        ("add", [IMAGE, VECTOR], {}, {}, "cannot add"),
        ("scale", [IMAGE, VECTOR], {}, {}, "cannot scale"),
        ("group_mean", [VECTOR], {"size": 3}, {}, "groups of 3"),
        ("complementary_mask", [IMAGE], {}, {}, "1-D input"),
        ("complementary_mask", [SPIKES], {}, {}, "among real values"),
        ("weighted_rows", [ROWS], {}, {"weights": np.ones(2)}, "rows of real values"),
        ("mlp", [SPIKES], {"along": "time"}, MATRICES, "takes real values"),
        ("masked_gate", [IMAGE, COUNTS, MAPS], {}, {}, "cannot gate"),
        ("masked_gate", [IMAGE, VECTOR, VECTOR], {}, {}, "cannot gate"),
        ("masked_statistics", [IMAGE, VECTOR], {"mean_scale": 1.0}, {}, "cannot mask"),
        ("weighted_rows", [VECTOR], {}, {"weights": np.ones(7)}, "2-D input"),
        ("time_mean", [TensorType((3,), Kind.REAL, temporal=False)], {}, {}, "each time step"),
        (
            "mlp",
            [VECTOR],
            {"along": "channels"},
            {"reduce": np.ones((2, 6)), "expand": np.ones((6, 2))},
            "over 6 channels",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(op, inputs, attrs, params, says):
    error = refused(BAD_SHAPE, op, inputs, attrs, params)
    assert says in error.what
    assert error.where == "s0"


def test_options_that_no_kernel_has_are_refused():
    neuron = next(iter(Neuron.samples()))
    with pytest.raises(SnncError, match="'odd'") as caught:
        replace(neuron.op, reset_mode="odd")
    assert caught.value.code is BAD_ATTRIBUTE
    over = {"over": "pixels", "mean_scale": 2.0}
    refused(UNSUPPORTED_LAYER, "statistics", [TensorType((2, 3, 3), Kind.REAL)], over)
    with pytest.raises(SnncError, match="'sparse'"):
        Linear(kernel="sparse")
