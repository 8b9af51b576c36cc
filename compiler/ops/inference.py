"""Types of a graph: inferring them, and checking that a graph is well formed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnc.compiler.ir.graph import Array, Graph, Node, TensorType
from snnc.compiler.ops import recurrent_loops
from snnc.compiler.ops.base import Layout, Op, Typed, expect_layout
from snnc.compiler.ops.view import NodeView
from snnc.errors import InternalError


def infer(node: Node, inputs: list[TensorType], params: Mapping[str, Array]) -> TensorType:
    """Type of a node, primitive or composite, from its inputs' types and its own parameters.

    Raises:
        SnncError: BAD_ATTRIBUTE where a parameter is wrong, missing or unknown, or an attribute
            that one could stand for is missing; BAD_SHAPE where they do not fit.
    """
    op = node.op
    if not isinstance(op, Typed):
        raise InternalError(f"the type of {op.name!r} follows from nothing", where=node.name)
    op.check_parameters(params, node.loc.module or node.name)
    how = op.layout if isinstance(op, Op) else Layout.USUAL
    expect_layout(node, how, inputs)
    return op.infer(NodeView(node, inputs, params))


def infer_types(graph: Graph) -> Graph:
    """The same graph with every type inferred again, in order."""
    types: dict[str, TensorType] = {}
    nodes = []
    for node in graph.nodes:
        inputs = [types[name] for name in node.inputs]
        types[node.name] = infer(node, inputs, graph.params_of(node))
        nodes.append(node.replace(type=types[node.name]))
    return graph.replace(nodes=tuple(nodes))


def check(graph: Graph) -> None:
    """Raise InternalError unless names are unique, order is topological, parameters are there
    and finite, every type is the one that its op infers, and recurrent connections are pairs.

    Raises also SnncError (UNSUPPORTED_LAYER) for a loop that has no meaning (:mod:`feedback`).
    """
    types: dict[str, TensorType] = {}
    for node in graph.nodes:
        if node.name in types:
            raise InternalError("two nodes share this name", where=node.name)
        if missing := [name for name in node.inputs if name not in types]:
            raise InternalError(f"reads {missing}, which no node before it gives", where=node.name)
        if missing := [key for key in node.params.values() if key not in graph.params]:
            raise InternalError(f"its parameters {missing} are not in the graph", where=node.name)
        inferred = infer(node, [types[name] for name in node.inputs], graph.params_of(node))
        if inferred != node.type:
            raise InternalError(f"typed {node.type}, but its op infers {inferred}", where=node.name)
        types[node.name] = node.type
    if missing := [name for name in graph.outputs if name not in types]:
        raise InternalError(f"the outputs {missing} do not exist", where=graph.name)
    for key, value in graph.params.items():
        if not np.isfinite(value).all():
            raise InternalError("the parameter is not finite", where=key)
    recurrent_loops.check(graph)
