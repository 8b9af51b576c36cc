"""What one unit of each output channel of a convolution or linear layer is worth in integers."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from snnc.compiler.ir.graph import Array, Graph, Kind, Node
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.elementwise.add import Add
from snnc.compiler.ops.int8.scaling import weight_scale
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.ops.pooling.max_pool2d import MaxPool2d

_KEEPING = (Add, MaxPool2d)
"""What gives sums in the units of its inputs."""


def weight_scales(graph: Graph, node: Node, int4: Collection[str] = ()) -> Array:
    """One scale a channel [O]: the weights fit int8, or int4 in the layers that are named there,
    the bias 14 bits, the threshold 13.

    Layers whose sums are added (the input of a recurrent neuron, and what its spikes bring) get one
    scale for both, so that the addition is exact.
    """
    total = _total(graph, node)
    end = max(map(_end, graph.users[total.name]), default=0.0)
    scales = [
        _own_scale(graph, summand, end, "int4" if summand.name in int4 else "int8")
        for summand in _summands(graph, total)
    ]
    return np.asarray(np.maximum.reduce(scales))


def _end(user: Node) -> float:
    """What a neuron compares with or is reset to, in units of its input; 0 for another op, and for
    a neuron that has no int8 form, which is refused when its turn comes."""
    if not isinstance(user.op, Neuron) or user.params or not user.op.gain:
        return 0.0
    numbers = user.op.numbers
    return max(abs(numbers["threshold"]), abs(numbers["reset"])) / abs(numbers["gain"])


def _own_scale(graph: Graph, node: Node, threshold: float, type_: str) -> Array:
    own = graph.params_of(node)
    weight = own["weight"]
    return weight_scale(weight, own.get("bias", np.zeros(len(weight))), threshold, type_)


def _total(graph: Graph, node: Node) -> Node:
    """The last of the sums and maxima that a layer's output goes into and nothing else reads."""
    users = graph.users[node.name]
    while len(users) == 1 and isinstance(users[0].op, _KEEPING) and users[0].type.kind is Kind.REAL:
        node = users[0]
        users = graph.users[node.name]
    return node


def _summands(graph: Graph, total: Node) -> list[Node]:
    """The layers whose outputs a sum adds up or a maximum chooses from, itself if it is none."""
    if total.plays(Role.SYNAPSE):
        return [total]
    if not isinstance(total.op, _KEEPING):
        return []
    return [summand for name in total.inputs for summand in _summands(graph, graph[name])]
