"""Every integer op: the C gives the reference's numbers and executes what is counted."""

from __future__ import annotations

import zlib
from functools import cache
from itertools import groupby

import numpy as np
import pytest
import torch

from snnc.compiler.host.observed import Observation
from snnc.compiler.ops import OPS, op_of
from snnc.compiler.ops.int8.fixed import LIMITS, IntegerOp
from snnc.compiler.verify import reference
from tests.support.samples.graphs import (
    SampleGraph,
    analytic_counts,
    observed,
    one_by_one,
    random_operands,
    run_of,
    sample_graph,
)


@cache
def graphs_of(op: str) -> tuple[SampleGraph, ...]:
    """The op's samples, one graph for each number of time steps."""
    ordered = sorted(OPS[op].samples(), key=lambda sample: sample.time_steps)
    groups = groupby(ordered, key=lambda sample: sample.time_steps)
    return tuple(sample_graph(op, list(group)) for _, group in groups)


each_case = pytest.mark.parametrize(
    ("op", "number", "node"),
    [
        pytest.param(op, number, node, id=f"{op}-{cases.graph.time_steps}-{node}")
        for op in OPS
        if issubclass(OPS[op], IntegerOp)
        for number, cases in enumerate(graphs_of(op))
        for node in cases.nodes
    ],
)


@cache
def operands_of(op: str, number: int) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(zlib.crc32(f"{op}{number}".encode()))
    values = random_operands(graphs_of(op)[number], rng)
    return {name: value.to(torch.int64) for name, value in values.items()}


@cache
def run_in_c(op: str, number: int) -> Observation:
    cases = graphs_of(op)[number]
    return observed(cases.graph).run(
        np.zeros((cases.graph.time_steps, 1)),
        observe=[(node, "value") for node in cases.nodes],
        forced={name: value.numpy() for name, value in operands_of(op, number).items()},
    )


def run_reference(op: str, number: int, node: str) -> torch.Tensor:
    graph = graphs_of(op)[number].graph
    operands = operands_of(op, number)
    return reference.run(graph, operands, dtype=torch.int64, wanted=[node])[node]


@each_case
def test_c_gives_the_reference(op, number, node):
    given = graphs_of(op)[number].graph[node].type
    expected = run_reference(op, number, node)
    assert expected.dtype == torch.int64
    assert expected.shape[1:] == given.shape
    if given.dtype:
        assert int(expected.abs().max()) <= LIMITS[given.dtype] + 1
    assert expected.unique().numel() > 1
    own = torch.from_numpy(run_in_c(op, number).values[node, "value"].astype(np.int64))
    assert torch.equal(own, expected)


@each_case
def test_c_executes_what_is_counted(op, number, node):
    graph, inputs = graphs_of(op)[number].graph, operands_of(op, number)
    executed = run_in_c(op, number).counts[node]
    assert executed == analytic_counts(graph, inputs, [node])[node]
    assert sum(executed.values()) > 0 or op in ("time_last_i8", "time_stack_i8")  # they move


@pytest.mark.parametrize("node", graphs_of("neuron_i8")[0].nodes)
def test_steps_one_by_one_are_the_reference(node):
    """How a neuron runs inside a recurrent loop."""
    (cases,) = graphs_of("neuron_i8")
    given = [operands_of("neuron_i8", 0)[name] for name in cases.operands[node]]
    stepped = one_by_one(cases.graph, node, given)
    assert torch.equal(stepped, run_reference("neuron_i8", 0, node))


@each_case
def test_nothing_is_left_to_rounding(op, number, node):
    graph, inputs = graphs_of(op)[number].graph, operands_of(op, number)
    given = [inputs[name] for name in graph[node].inputs]
    output = run_reference(op, number, node)
    errors = [torch.zeros_like(x) for x in given]
    assert not op_of(graph[node]).error(run_of(graph, node, given).bounded(errors, output)).any()
