"""The reference interpreter: what a graph means, in PyTorch, and how far float32 may stray.

:func:`run` evaluates a graph in any dtype; :func:`judge` evaluates it in float64 with a rigorous
bound on the error of a float32 evaluation of every value, in any order of summation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import networkx as nx
import torch

from snnc.compiler.ir import Graph, Node
from snnc.compiler.ops import op_of

Values = Mapping[str, torch.Tensor]


def run(
    graph: Graph,
    inputs: Values,
    *,
    dtype: torch.dtype = torch.float32,
    forced: Values | None = None,
    wanted: Iterable[str] | None = None,
) -> dict[str, torch.Tensor]:
    """Evaluate a graph on one sample.

    Args:
        graph: a lowered graph.
        inputs: value of each input node, [T, *shape].
        dtype: of the arithmetic.
        forced: values to take instead of computing them (spikes of another run, say).
        wanted: names of the values to give; default: all.

    Returns:
        Values by node name, [T, *shape] or [1, *shape].
    """
    taken = {**inputs, **(forced or {})}
    params = {key: torch.from_numpy(value).to(dtype) for key, value in graph.params.items()}
    values: dict[str, torch.Tensor] = {}
    for node in _needed(graph, wanted, taken):
        if node.name in taken:
            values[node.name] = taken[node.name].to(dtype)
            continue
        own = {role: params[key] for role, key in node.params.items()}
        given = [values[name] for name in node.inputs]
        values[node.name] = op_of(node).reference(node, own, given)
    return values if wanted is None else {name: values[name] for name in wanted}


@dataclass
class Verdict:
    """Exact value (float64) of a node and the bound on its float32 error.

    For a node with a discrete output the value is the forced one and the bound is 1 where
    a correct float32 run may differ from it.
    """

    value: torch.Tensor
    error: torch.Tensor


def judge(
    graph: Graph, inputs: Values, forced: Values, wanted: Iterable[str]
) -> dict[str, Verdict]:
    """Exact values and error bounds, with the discrete outputs in ``forced`` taken as they are.

    Args:
        graph: a lowered graph whose parameters are exact (float64).
        inputs: exact values of the input nodes.
        forced: discrete outputs of a real run, by node; they end the propagation of errors.
        wanted: nodes to judge; one that is also forced is judged against its forced value.
    """
    params = {key: torch.from_numpy(value) for key, value in graph.params.items()}
    ends = {name: value.to(torch.float64) for name, value in {**inputs, **forced}.items()}
    wanted = set(wanted)
    verdicts: dict[str, Verdict] = {}
    for node in _needed(graph, wanted, ends, open_ends=wanted):
        if node.name in ends and node.name not in wanted:
            verdicts[node.name] = Verdict(ends[node.name], torch.zeros_like(ends[node.name]))
            continue
        own = {role: params[key] for role, key in node.params.items()}
        given = [verdicts[name] for name in node.inputs]
        # what its readers take as exact is the forced value, so their errors start from zero
        values = [ends.get(name, verdicts[name].value) for name in node.inputs]
        errors = [
            torch.zeros_like(verdict.error) if name in ends else verdict.error
            for name, verdict in zip(node.inputs, given, strict=True)
        ]
        output = ends.get(node.name)
        if output is None:
            output = op_of(node).reference(node, own, values)
        error = op_of(node).error(node, own, values, errors, output)
        verdicts[node.name] = Verdict(output, error)
    return {name: verdicts[name] for name in wanted}


def _needed(
    graph: Graph,
    wanted: Iterable[str] | None,
    taken: Mapping[str, object],
    open_ends: Iterable[str] = (),
) -> list[Node]:
    """The nodes to visit, in order, going up from ``wanted`` and not above what is taken."""
    if wanted is None:
        return list(graph.nodes)
    flow = graph.digraph()
    open_names = set(open_ends)
    flow.remove_edges_from(
        [(above, name) for above, name in flow.edges if name in taken and name not in open_names]
    )
    names = set(wanted).union(*(nx.ancestors(flow, name) for name in wanted))
    return [node for node in graph.nodes if node.name in names]
