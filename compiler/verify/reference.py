"""The reference interpreter: what a graph means, in PyTorch, and how far float32 may stray.

:func:`run` evaluates a graph in any dtype; :func:`judge` evaluates it in float64 with a rigorous
bound on the error of a float32 evaluation of every value, in any order of summation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import torch

from snnc.compiler.ir.graph import Graph, Node, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.rounding import no_error, without_nan
from snnc.compiler.ops.view import NodeRun, params_of
from snnc.errors import InternalError
from snnc.threads import one_thread

Values = Mapping[str, torch.Tensor]


@one_thread()
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
    params = _params(graph, dtype)
    taken = {**inputs, **(forced or {})}
    values = {name: value.to(dtype) for name, value in taken.items()}

    names = [node.name for node in graph] if wanted is None else list(wanted)
    for nodes in _order(graph, set(names) - values.keys(), taken):
        if len(nodes) > 1:
            shapes = {node.name: (graph.time_steps, *node.type.shape) for node in nodes}
            values |= {name: torch.zeros(shape, dtype=dtype) for name, shape in shapes.items()}
            _by_steps(graph, nodes, params, values)
            continue
        (node,) = nodes
        values[node.name] = op_of(node).reference(NodeRun.of(graph, node, values, params))
    return {name: values[name] for name in names}


def _params(graph: Graph, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The parameters in the dtype of the arithmetic; real ones of an integer graph stay real."""
    real: set[str] = set()
    if not dtype.is_floating_point:
        real.update(key for n in graph if op_of(n).real_params for key in n.params.values())
    given = {key: torch.from_numpy(value) for key, value in graph.params.items()}
    return {key: value if key in real else value.to(dtype) for key, value in given.items()}


def _by_steps(graph: Graph, loop: Sequence[Node], params: Values, values: Values) -> None:
    """Fill in the values of a recurrent loop, step by step."""
    runs = {
        node.name: NodeRun(node, graph.input_types(node), params_of(graph, node, params), ())
        for node in loop
    }
    temporal = {node.name for node in graph if node.type.temporal}
    writes = graph.feedback
    for step in range(graph.time_steps):
        now = slice(step, step + 1)
        for node in loop:
            if node.name in writes:
                values[node.name][step] = values[writes[node.name]][step - 1] if step else 0
                continue
            given = [
                values[name][now] if name in temporal else values[name] for name in node.inputs
            ]
            op, run_now = op_of(node), runs[node.name].at(given)
            facet = op.reference if op.time() is Time.STEP else op.advance
            values[node.name][now] = facet(run_now)


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
    # what readers take as exact is the forced value, so their errors start from zero
    taken = {name: Verdict(value, no_error(value)) for name, value in ends.items()}
    for nodes in _order(graph, wanted, ends):
        if len(nodes) > 1:
            raise InternalError("no spikes end the errors of this loop", where=nodes[0].name)
        (node,) = nodes
        if node.plays(Role.INPUT):
            verdicts[node.name] = taken[node.name]
            continue
        given = {name: taken.get(name) or verdicts[name] for name in graph.sources(node)}
        exact = NodeRun.of(graph, node, {name: v.value for name, v in given.items()}, params)
        output = ends.get(node.name)
        if output is None:
            output = op_of(node).reference(exact)
        errors = [given[name].error for name in graph.sources(node)]
        error = without_nan(op_of(node).error(exact.bounded(errors, output)))
        verdicts[node.name] = Verdict(output, error)
    return {name: verdicts[name] for name in wanted}


def _order(graph: Graph, wanted: set[str], taken: Iterable[str]) -> list[list[Node]]:
    """The nodes to visit for what is ``wanted``, in order, not going above what is ``taken``.

    One by one, but for the nodes of a recurrent loop, which stand together.
    """
    flow = graph.digraph(recurrent=True)
    flow.remove_edges_from(list(flow.out_edges(set(taken) & set(flow))))
    names = wanted.union(*(nx.ancestors(flow, name) for name in wanted)) - (set(taken) - wanted)
    if not graph.feedback:
        return [[node] for node in graph if node.name in names]
    parts = nx.condensation(flow.subgraph(names))
    members = [parts.nodes[part]["members"] for part in nx.topological_sort(parts)]
    return [[node for node in graph if node.name in part] for part in members]
