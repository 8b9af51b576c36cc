"""A graph as text that a person reads: a line a node, values before their readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnc.compiler.ir.graph import Graph, Node


def text(graph: Graph) -> str:
    """The graph, its columns aligned.

    A line says: name, type, ``op(inputs)``, attributes, shapes of parameters, and where in the
    user's model the node comes from. Parameters' numbers are left out.
    """
    outputs = (f"{name}={node}" for name, node in _pairs(graph))
    head = f"graph {graph.name}: T={graph.time_steps}, outputs {', '.join(outputs)}"
    rows = [_cells(graph, node) for node in graph.nodes]
    widths = [max(len(row[column]) for row in rows) for column in range(2)] if rows else [0, 0]
    lines = [
        f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {rest}".rstrip() for name, kind, rest in rows
    ]
    return "\n".join([head, *lines])


def _pairs(graph: Graph) -> Iterable[tuple[str, str]]:
    return zip(graph.output_names, graph.outputs, strict=False)


def _cells(graph: Graph, node: Node) -> tuple[str, str, str]:
    call = f"{node.op}({', '.join(node.inputs)})"
    parts = [call, *attributes(node.attrs), *_params(graph, node), *_origin(node)]
    return node.name, str(node.type), "  ".join(parts)


def attributes(attrs: Mapping[str, Any]) -> list[str]:
    """``name=value`` of each attribute; a long value is cut."""
    found = []
    for name, value in attrs.items():
        shown = " ".join(str(value).split())
        found.append(f"{name}={shown if len(shown) <= 60 else shown[:57] + '...'}")
    return found


def _params(graph: Graph, node: Node) -> list[str]:
    return [
        f"{role}[{'×'.join(map(str, graph.params[key].shape)) or 'scalar'}]"
        for role, key in node.params.items()
        if key in graph.params
    ]


def _origin(node: Node) -> list[str]:
    places = [place for place in (node.loc.module, node.loc.source) if place]
    return [f"<- {' '.join(places)}"] if places else []
