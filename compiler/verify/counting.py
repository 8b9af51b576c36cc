"""Operations of every node by its own count rule, for comparison with the executed ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from snnc.compiler.ir.graph import Graph
from snnc.compiler.ops import op_of


def analytic_counts(
    graph: Graph, values: Mapping[str, torch.Tensor], runs: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Operations of every node by its own count rule, as integers over the window, times how often
    it runs (a recomputed value is computed in several stages)."""
    found = {}
    for node in graph.nodes:
        if node.op != "input":
            given = [values[name] for name in graph.sources(node)]
            counts = op_of(node).count(node, graph.params_of(node), given, graph.input_types(node))
            found[node.name] = {what: n * runs[node.name] for what, n in counts.totals().items()}
    return found
