"""Fold batch normalisation into the layer of weighted sums that alone feeds it.

Between them may stand what only moves numbers about, such as the transposition between a linear
layer on tokens and the batch norm of its features: then it is the channels of the layer that count,
and each must be one channel of the batch norm wherever its numbers go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Graph, Node, rewrite
from snnc.compiler.ops import Arrange, AxisLinear, BatchNorm, Conv2d, Flatten, Linear, op_of
from snnc.compiler.ops.view import NodeRun


@dataclass(frozen=True)
class _Fold:
    """A batch norm, the layer that takes it in, and which channel of the batch norm each of the
    layer's is."""

    norm: Node
    op: BatchNorm
    synapse: Node
    channels: Array


def fold_batch_norm(graph: Graph) -> Graph:
    """W' = scale W and b' = scale b + shift, in float64; the batch norm disappears."""
    folded = {node.name: fold for node in graph.nodes if (fold := _fold(node, graph)) is not None}
    params: dict[str, Array] = dict(graph.params)
    keys: dict[str, dict[str, str]] = {}
    for fold in folded.values():
        of_norm = {k: torch.from_numpy(v) for k, v in graph.params_of(fold.norm).items()}
        scale, shift = (value.numpy()[fold.channels] for value in fold.op.affine(of_norm))
        synapse, own = fold.synapse, graph.params_of(fold.synapse)
        keys[synapse.name] = {role: f"{synapse.name}.{role}+bn" for role in ("weight", "bias")}
        weight = own["weight"] * scale.reshape(-1, *[1] * (own["weight"].ndim - 1))
        params[keys[synapse.name]["weight"]] = weight
        params[keys[synapse.name]["bias"]] = own.get("bias", np.zeros(len(scale))) * scale + shift

    def change(node: Node) -> Node | None:
        if node.name in folded:
            return None
        return node.replace(params=keys[node.name]) if node.name in keys else node

    return rewrite(graph, change, params)


def _fold(norm: Node, graph: Graph) -> _Fold | None:
    """How a batch norm is folded; None where it cannot be, or the node is none."""
    if not isinstance(norm.op, BatchNorm):
        return None
    source, moves = graph.index[norm.inputs[0]], list[Node]()
    while isinstance(source.op, Arrange | Flatten) and _is_alone(source, graph):
        moves.insert(0, source)
        source = graph.index[source.inputs[0]]
    if not isinstance(source.op, Conv2d | Linear | AxisLinear) or not _is_alone(source, graph):
        return None
    channels = _channels(norm, source, moves, graph)
    return None if channels is None else _Fold(norm, norm.op, source, channels)


def _is_alone(node: Node, graph: Graph) -> bool:
    return len(graph.users[node.name]) == 1 and node.name not in graph.outputs


def _channels(norm: Node, synapse: Node, moves: list[Node], graph: Graph) -> Array | None:
    """For each channel of a layer that of the batch norm; None where it has several, or none."""
    made = synapse.type
    axis = made.packed if isinstance(synapse.op, AxisLinear) else 0
    if not moves and axis == 0:
        return np.arange(made.shape[0])
    shape = [-1 if at == axis else 1 for at in range(len(made.shape))]
    of_layer = torch.arange(made.shape[axis], dtype=torch.float64).reshape(shape)
    value = of_layer.expand(made.shape)[None]
    for node in moves:
        value = op_of(node).reference(NodeRun.of(graph, node, {node.inputs[0]: value}, {}))
    count = norm.type.shape[0]
    of_norm = np.repeat(np.arange(count), math.prod(norm.type.shape[1:]))
    pairs = np.unique(np.stack([value.numpy().reshape(-1).astype(np.int64), of_norm]), axis=1)
    known = len(pairs[0]) == made.shape[axis] and bool((pairs[0] == np.arange(len(pairs[0]))).all())
    return pairs[1] if known else None
