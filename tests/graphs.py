"""Graphs for the compiler's tests: samples of ops as graphs, values to feed them, and their C."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snnc.compiler import codegen
from snnc.compiler.build import NATIVE, ObservedModel
from snnc.compiler.codegen import Generated
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.ir import Array, Graph, Kind, Node, TensorType
from snnc.compiler.ops import Sample, op_of
from snnc.compiler.schedule import Schedule, schedule

FAST = (*NATIVE, "-O1")
"""The optimisation changes no value (one rounding an operation), and -O1 compiles in half the time."""


def random_values(given: TensorType, steps: int, rng: np.random.Generator) -> torch.Tensor:
    """float64 values of a type that float32 holds exactly, [steps, *shape] (or [1, *shape])."""
    shape = (steps if given.temporal else 1, *given.shape)
    if given.kind is Kind.SPIKE:
        values: Array = rng.random(shape) < 0.3
    elif given.kind is Kind.COUNT:
        values = rng.poisson(0.8, shape)
    else:
        values = rng.normal(size=shape).astype(np.float32)
        values[rng.random(shape) < 0.1] = 0.0
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


def sample_graph(op: str, samples: Sequence[Sample]) -> SampleGraph:
    """One graph that holds every sample; all of them have the same number of time steps."""
    (steps,) = {sample.time_steps for sample in samples}
    building = Importing(f"{op}_{steps}", steps)
    building.input((1,), Kind.COUNT)
    operands = {
        f"s{index}": tuple(
            _operand(building, f"s{index}x{position}", given)
            for position, given in enumerate(sample.inputs)
        )
        for index, sample in enumerate(samples)
    }
    for (node, inputs), sample in zip(operands.items(), samples, strict=True):
        building.add(node, op, inputs, sample.attrs, sample.params)
    output = building.add("output", "time_mean", ["input"])
    return SampleGraph(building.graph([output]), tuple(operands), operands)


def _operand(building: Importing, name: str, given: TensorType) -> str:
    temporal = TensorType(given.shape, given.kind)
    building.nodes[name] = Node(name, "input", (), temporal)
    if given.temporal:
        return name
    return building.add(f"{name}_window", "time_mean", [name])


def random_operands(cases: SampleGraph, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Values for every operand of every sample."""
    return {
        name: random_values(cases.graph[name].type, cases.graph.time_steps, rng)
        for names in cases.operands.values()
        for name in names
    }


def observed(
    graph: Graph,
    *,
    flags: Sequence[str] = FAST,
    plan: Schedule | None = None,
    generated: Generated | None = None,
) -> ObservedModel:
    """The C of a graph, instrumented and traced."""
    generated = generated or codegen.generate(graph, plan or schedule(graph), None)
    with tempfile.TemporaryDirectory() as folder:  # a loaded library needs its file no more
        return ObservedModel(graph, generated, Path(folder), flags)


def all_values(graph: Graph, names: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """What to observe to see every value, and every membrane potential."""
    wanted = [node for node in graph.nodes if names is None or node.name in names]
    membranes = [(node.name, "membrane") for node in wanted if node.op == "neuron"]
    return [(node.name, "value") for node in wanted] + membranes


def analytic_counts(
    graph: Graph, values: Mapping[str, torch.Tensor], names: Iterable[str]
) -> dict[str, dict[str, int]]:
    """Operations of each node by its own rule."""
    return {
        name: op_of(graph[name])
        .count(
            graph[name],
            graph.params_of(graph[name]),
            [values[given] for given in graph[name].inputs],
            graph.input_types(graph[name]),
        )
        .totals()
        for name in names
    }


def torch_params(graph: Graph, name: str, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    """A node's parameters as tensors."""
    return {
        role: torch.from_numpy(value).to(dtype)
        for role, value in graph.params_of(graph[name]).items()
    }
