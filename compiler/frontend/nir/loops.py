"""Recurrent connections of a NIR graph: which edges carry the spikes of the step before.

NIR's time is continuous, and its edges have no delay. With discrete steps a loop has a meaning only
if one of its edges is late by a step, and with one spiking neuron in the loop there is one choice:
what leaves the neuron towards the loop. That is what the tools that write NIR run themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np

from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, SnncError

FIRES = ("IF", "LIF", "CubaLIF")
SPIKES = ("Threshold", *FIRES)


def loops(flow: nx.DiGraph[str], kinds: Mapping[str, str], where: str) -> dict[str, str]:
    """For every node in a loop the neuron whose spikes return to it.

    Args:
        flow: the graph's edges.
        kinds: type of each node.
        where: the file, for errors.

    Raises:
        SnncError: UNSUPPORTED_LAYER for a loop with no spiking neuron or with several, one that
            closes without passing its neuron, and one that something else than its neuron leaves.
    """
    found: dict[str, str] = {}
    for part in nx.strongly_connected_components(flow):
        if len(part) == 1 and not any(flow.has_edge(key, key) for key in part):
            continue
        neurons = [key for key in sorted(part) if kinds[key] in SPIKES]
        names = f"the nodes {', '.join(sorted(part))} form a loop"
        if len(neurons) != 1:
            what = "without a spiking neuron" if not neurons else f"of {len(neurons)} neurons"
            raise _refusal(f"{names} {what}", where)
        if not nx.is_directed_acyclic_graph(_opened(flow, part, neurons[0])):
            raise _refusal(f"{names} that also closes without the neuron {neurons[0]}", where)
        for key in sorted(part - set(neurons)):
            if outside := sorted(set(flow.successors(key)) - part):
                raise _refusal(f"{names}, and {key} also feeds {outside[0]}", where)
        found |= dict.fromkeys(part, neurons[0])
    return found


def order(flow: nx.DiGraph[str], loops: Mapping[str, str], rank: Any) -> list[str]:
    """All nodes, each after what it needs of its own step; those of a loop stand together.

    Args:
        flow: the graph's edges.
        loops: from :func:`loops`.
        rank: gives the sort key of a node where order is free.
    """
    parts = nx.condensation(flow)

    def first(part: int) -> Any:
        return min(rank(key) for key in parts.nodes[part]["members"])

    keys: list[str] = []
    for part in nx.lexicographical_topological_sort(parts, key=first):
        members = parts.nodes[part]["members"]
        inside = _opened(flow, members, loops.get(next(iter(members)), ""))
        keys += nx.lexicographical_topological_sort(inside, key=rank)
    return keys


def neuron_shape(node: Any, feeding: list[Any], where: str) -> tuple[int, ...]:
    """How many neurons a NIR node in a loop stands for, as the file says it.

    Args:
        node: the NIR node of the neuron.
        feeding: the NIR nodes that feed it.
        where: its key, for errors.

    Raises:
        SnncError: BAD_SHAPE where neither its constants nor a matrix before it say so.
    """
    constants = [np.asarray(value) for value in vars(node).values() if not isinstance(value, dict)]
    sized = [value.shape for value in constants if value.dtype.kind in "fiu" and value.size > 1]
    sized += [np.shape(other.weight)[:1] for other in feeding if _is_matrix(other)]
    if not sized:
        raise SnncError(
            BAD_SHAPE,
            "its spikes return to it, and the file does not say how many neurons it has",
            where=where,
            hint="Write its v_threshold as one number for each neuron.",
        )
    return tuple(int(size) for size in sized[0])


def _is_matrix(node: Any) -> bool:
    return np.ndim(getattr(node, "weight", 0)) == 2


def _opened(flow: nx.DiGraph[str], part: set[str], neuron: str) -> nx.DiGraph[str]:
    """The nodes of a part with the edges among them, but for those out of its neuron."""
    inside: nx.DiGraph[str] = nx.DiGraph(flow.subgraph(part))
    inside.remove_edges_from([(a, b) for a, b in inside.edges if a == neuron])
    return inside


def _refusal(what: str, where: str) -> SnncError:
    return SnncError(
        UNSUPPORTED_LAYER,
        what,
        where=where,
        hint="Let spikes return within one layer: from a neuron, through nodes of their own, to "
        "its input.",
    )
