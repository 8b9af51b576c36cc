"""Fold batch normalisation into the convolution or linear layer that alone feeds it."""

from __future__ import annotations

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Graph, Node, rewrite
from snnc.compiler.ops import BatchNorm, Conv2d, Linear


def fold_batch_norm(graph: Graph) -> Graph:
    """W' = scale W and b' = scale b + shift, in float64; the batch norm disappears."""
    index, users = graph.index, graph.users
    folded = {
        node.name: (node.op, index[node.inputs[0]])
        for node in graph.nodes
        if isinstance(node.op, BatchNorm) and _can_fold(index[node.inputs[0]], users, graph)
    }
    params: dict[str, Array] = dict(graph.params)
    keys: dict[str, dict[str, str]] = {}
    for name, (norm, synapse) in folded.items():
        of_norm = {k: torch.from_numpy(v) for k, v in graph.params_of(index[name]).items()}
        scale, shift = (value.numpy() for value in norm.affine(of_norm))
        own = graph.params_of(synapse)
        keys[synapse.name] = {role: f"{synapse.name}.{role}+bn" for role in ("weight", "bias")}
        weight = own["weight"] * scale.reshape(-1, *[1] * (own["weight"].ndim - 1))
        params[keys[synapse.name]["weight"]] = weight
        params[keys[synapse.name]["bias"]] = own.get("bias", np.zeros(len(scale))) * scale + shift

    def change(node: Node) -> Node | None:
        if node.name in folded:
            return None
        return node.replace(params=keys[node.name]) if node.name in keys else node

    return rewrite(graph, change, params)


def _can_fold(synapse: Node, users: dict[str, list[Node]], graph: Graph) -> bool:
    alone = len(users[synapse.name]) == 1 and synapse.name not in graph.outputs
    return isinstance(synapse.op, Conv2d | Linear) and alone
