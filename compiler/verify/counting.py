"""Operations of every node by its own count rule, for comparison with the executed ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from snnc.compiler.ir.graph import Graph
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.view import NodeRun


def analytic_counts(
    graph: Graph, values: Mapping[str, torch.Tensor], runs: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Operations of every node by its own count rule, as integers over the window, times how often
    it runs (a recomputed value is computed in several stages)."""
    found = {}
    for node in graph.nodes:
        if not node.plays(Role.INPUT):
            counts = op_of(node).count(NodeRun.of(graph, node, values))
            found[node.name] = {what: n * runs[node.name] for what, n in counts.totals().items()}
    return found
