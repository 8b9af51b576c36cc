"""Graphs for the compiler's tests: samples of ops as graphs, values to feed them, and their C."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from snnc.compiler.codegen import c_program
from snnc.compiler.codegen.c_program import Framing, Generated
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir.graph import (
    Array,
    Graph,
    Kind,
    Node,
    TensorType,
)
from snnc.compiler.ir.operation import EdgeRead, EdgeWrite
from snnc.compiler.ops import (
    OPS,
    Feedback,
    FeedbackWrite,
    Input,
    Sample,
    SigmoidI8,
    TimeMean,
    TimeSumI8,
    op_of,
)
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.view import NodeRun
from snnc.compiler.plan.planned import planned
from snnc.compiler.plan.schedule import Schedule, schedule
from snnc.compiler.verify import reference
from snnc.compiler.verify.pytorch import is_discrete
from snnc.errors import SnncError

FAST = (*NATIVE, "-O1")
"""-O1 compiles in half the time, and no optimisation changes a value: one rounding an operation."""


def random_values(
    given: TensorType, steps: int, rng: np.random.Generator, zeros: float = 0.1
) -> torch.Tensor:
    """float64 values of a type that float32 holds exactly, [steps, *shape] (or [1, *shape]).

    ``zeros``: the part of real values that is exactly 0.
    """
    shape = (steps if given.temporal else 1, *given.shape)
    if given.kind is Kind.SPIKE:
        values: Array = rng.random(shape) < 0.3
    elif given.kind is Kind.COUNT:
        values = rng.poisson(0.8, shape)
    elif given.dtype:
        limit = {"int16": 20_000, "int32": 200_000}[given.dtype]
        values = rng.integers(-limit, limit, shape)
    else:
        values = rng.normal(size=shape).astype(np.float32)
        values[rng.random(shape) < zeros] = 0.0
    return torch.from_numpy(np.asarray(values, np.float64))


@dataclass(frozen=True)
class SampleGraph:
    """Many samples of one op as one graph.

    The operands are input nodes beside the network's own; their values are forced. ``operands``
    gives their names for each of the samples' nodes, which are called ``nodes``.
    """

    graph: Graph
    nodes: tuple[str, ...]
    operands: Mapping[str, tuple[str, ...]]


def every_kind(op: str) -> list[Sample]:
    """An op's samples, and more: one for each combination of kinds that it accepts and that none of
    its own has. What `infer` lets through must work, whoever has thought of it."""
    own = list(OPS[op].samples())
    first = {len(sample.inputs): sample for sample in reversed(own)}
    seen = {tuple(given.kind for given in sample.inputs) for sample in own}
    further = [
        replace(
            sample,
            inputs=tuple(given.of(kind) for given, kind in zip(sample.inputs, kinds, strict=True)),
        )
        for sample in first.values()
        for kinds in product(Kind, repeat=len(sample.inputs))
        if kinds not in seen
    ]
    return [*own, *(sample for sample in further if _accepts(op, sample))]


def _accepts(op: str, sample: Sample) -> bool:
    try:
        sample_graph(op, [sample])
    except SnncError:
        return False
    return True


def sample_graph(op: str, samples: Sequence[Sample]) -> SampleGraph:
    """One graph that holds every sample; all of them have the same number of time steps."""
    (steps,) = {sample.time_steps for sample in samples}
    return samples_graph(f"{op}_{steps}", samples, steps)


def samples_graph(name: str, samples: Sequence[Sample], steps: int) -> SampleGraph:
    """One graph that holds samples of several ops, over a number of time steps."""
    building = Importing(name, steps)
    whole = all(isinstance(sample.op, IntegerOp) for sample in samples)
    building.input((1,), Kind.COUNT)
    operands = {
        f"s{index}": tuple(
            _operand(building, f"s{index}x{position}", given)
            for position, given in enumerate(sample.inputs)
        )
        for index, sample in enumerate(samples)
    }
    for (node, inputs), sample in zip(operands.items(), samples, strict=True):
        if isinstance(sample.op, EdgeRead | EdgeWrite):
            operands[node] = _both_ends(building, node, sample)
        else:
            building.add(node, sample.op, inputs, sample.params)
    output = building.add("output", TimeSumI8() if whole else TimeMean(), ["input"])
    return SampleGraph(building.graph([output]), tuple(operands), operands)


def _both_ends(building: Importing, node: str, sample: Sample) -> tuple[str, ...]:
    """A recurrent connection, of which one end is the sample; gives that end's operands."""
    (given,) = sample.inputs
    kept, operand, reads = sample.op.edge, f"{node}x0", isinstance(sample.op, EdgeRead)
    read, write = (node, f"{node}w") if reads else (f"{node}r", node)
    building.add(read, Feedback(edge=kept, shape=given.shape), ())
    building.add(write, FeedbackWrite(edge=kept), [operand])
    return (write if reads else operand,)


def _operand(building: Importing, name: str, given: TensorType) -> str:
    temporal = TensorType(given.shape, given.kind, dtype=given.dtype, packed=given.packed)
    building.nodes[name] = Node(name, Input(), (), temporal)
    if given.temporal:
        return name
    if given.dtype:  # the values are forced: any op with this type does
        total = building.add(f"{name}_window", TimeSumI8(), [name])
        if given.dtype == "int32":
            return total
        return building.add(f"{name}_score", SigmoidI8(factor=1, shift=0), [total])
    return building.add(f"{name}_window", TimeMean(), [name])


def random_operands(cases: SampleGraph, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Values for every operand of every sample."""
    return {
        name: random_values(cases.graph[name].type, cases.graph.time_steps, rng)
        for names in cases.operands.values()
        for name in names
    }


def c_of(
    graph: Graph,
    framing: Framing | None = None,
    *,
    plan: Schedule | None = None,
    threads: int = 1,
) -> Generated:
    """The C of a graph, by its ordinary schedule where no other is given."""
    program = planned(graph, plan or schedule(graph), threads)
    return c_program.generate(graph, program, framing)


def observed(
    graph: Graph,
    *,
    flags: Sequence[str] = FAST,
    plan: Schedule | None = None,
    generated: Generated | None = None,
) -> ObservedModel:
    """The C of a graph, instrumented and traced."""
    generated = generated or c_of(graph, plan=plan)
    with tempfile.TemporaryDirectory() as folder:  # a loaded library needs its file no more
        return ObservedModel(graph, generated, Path(folder), flags)


def all_values(graph: Graph, names: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """What to observe to see every value, and every membrane potential."""
    wanted = [node for node in graph.nodes if names is None or node.name in names]
    membranes = [(node.name, "membrane") for node in wanted if node.op.name == "neuron"]
    return [(node.name, "value") for node in wanted] + membranes


def analytic_counts(
    graph: Graph, values: Mapping[str, torch.Tensor], names: Iterable[str]
) -> dict[str, dict[str, int]]:
    """Operations of each node by its own rule."""
    return {
        name: op_of(graph[name]).count(NodeRun.of(graph, graph[name], values)).totals()
        for name in names
    }


def run_of(
    graph: Graph, name: str, given: Sequence[torch.Tensor], dtype: torch.dtype = torch.float64
) -> NodeRun:
    """A node on inputs, with its parameters in the dtype of the arithmetic."""
    values = dict(zip(graph.sources(graph[name]), given, strict=True))
    return NodeRun.of(graph, graph[name], values).to(dtype)


def assert_within_bounds(
    graph: Graph,
    inputs: Mapping[str, torch.Tensor],
    own: Mapping[str, torch.Tensor],
    names: Iterable[str] | None = None,
) -> None:
    """Hold values of a float32 run against the exact ones, each from the run's own choices.

    A real value must lie within the bound that the judge gives; a choice must be the exact one
    wherever the judge says that it is decided.

    Args:
        graph: the graph that was run.
        inputs: exact values of its inputs.
        own: the run's values by node, float64.
        names: nodes to look at; default: all but inputs.
    """
    nodes = [
        node for node in graph.nodes if node.op.name != "input" and node.name in (names or own)
    ]
    chosen = {node.name: own[node.name] for node in nodes if is_discrete(node)}
    sources = {name for node in nodes for name in graph.sources(node)} - inputs.keys()
    verdicts = reference.judge(graph, inputs, chosen, sources | {node.name for node in nodes})
    exact = {name: verdict.value for name, verdict in verdicts.items()} | dict(inputs)
    for node in nodes:
        verdict, value = verdicts[node.name], own[node.name]
        assert value.shape == verdict.value.shape
        if not is_discrete(node):
            assert bool(((value - verdict.value).abs() <= verdict.error).all()), node.name
            continue
        decided = verdict.error == 0
        choice = exact_choice(
            graph, node.name, [exact[name] for name in graph.sources(node)], value
        )
        assert torch.equal(value[decided], choice[decided]), node.name


def exact_choice(
    graph: Graph, name: str, given: Sequence[torch.Tensor], own: torch.Tensor
) -> torch.Tensor:
    """The float64 choice; a neuron goes on from the spikes that were really fired (``own``)."""
    node, run = graph[name], run_of(graph, name, given)
    if isinstance(op_of(node), Cell):
        return node.op.decisions(run, own)
    if node.op.name != "neuron":
        return op_of(node).reference(run)
    u = torch.stack([u for u, _ in node.op.membrane(run, own)])
    threshold = node.op.threshold_of(run)
    return (u > threshold if node.op.strict else u >= threshold).to(torch.float64)


def one_by_one(graph: Graph, name: str, given: Sequence[torch.Tensor]) -> torch.Tensor:
    """What a node with state gives for its inputs, a step at a time."""
    node, run = graph[name], run_of(graph, name, given, given[0].dtype)
    steps = [[x[t : t + 1] if len(x) > 1 else x for x in given] for t in range(len(given[0]))]
    return torch.cat([op_of(node).advance(run.at(step)) for step in steps])


def as_tensors(values: Mapping[tuple[str, str], Array]) -> dict[str, torch.Tensor]:
    """Observed values by node, float64."""
    return {
        name: torch.from_numpy(value.astype(np.float64))
        for (name, what), value in values.items()
        if what == "value"
    }
