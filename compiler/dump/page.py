"""The page of a dump: the graph drawn, and every text behind it; self-contained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jinja2
import networkx as nx
import torch

from snnc.compiler.ir import layout, printer
from snnc.compiler.ir.graph import Graph, Node
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.view import NodeRun
from snnc.compiler.plan.planned import Planned

WIDTH, HEIGHT, GAP_X, GAP_Y = 264, 62, 24, 34
"""Pixels of a node's box and of the room between boxes."""

BOW = 48
"""Pixels by which an arrow that passes rows bows out, and more the farther it goes."""


@dataclass(frozen=True)
class Box:
    """A node as it is drawn: its place, and the lines in it and behind it."""

    node: Node
    x: float
    y: float
    kernel: str
    value_bytes: int
    weight_bytes: int
    operations: int
    details: str

    @property
    def bottom(self) -> float:
        """Where its arrows leave."""
        return self.y + HEIGHT

    def arrow_to(self, other: Box) -> str:
        """The path of an arrow, in SVG's commands; one that passes rows bows out to the right."""
        if other.y - self.bottom <= GAP_Y:
            x, to = self.x + WIDTH / 2, other.x + WIDTH / 2
            return f"M{x} {self.bottom} C{x} {self.bottom + 18} {to} {other.y - 18} {to} {other.y}"
        x, to = self.x + WIDTH, other.x + WIDTH
        y, end = self.y + HEIGHT * 2 / 3, other.y + HEIGHT / 3
        bow = max(x, to) + BOW * (1 + (end - y) / (HEIGHT + GAP_Y) / 4)
        return f"M{x} {y} C{bow} {y} {bow} {end} {to} {end}"


def render(
    graph: Graph, planned: Planned, diffs: Sequence[tuple[str, str]], texts: Mapping[str, str]
) -> str:
    """The page as HTML.

    Args:
        graph: the graph as it is emitted.
        planned: its program and arena.
        diffs: what each pass changed.
        texts: what the other files hold, by name.
    """
    boxes = _boxes(graph, planned)
    arrows = [boxes[name].arrow_to(boxes[node.name]) for node in graph for name in node.inputs]
    return _template().render(
        graph=graph,
        boxes=boxes.values(),
        arrows=arrows,
        width=max(box.x for box in boxes.values()) + WIDTH + 4 * BOW,
        height=max(box.bottom for box in boxes.values()) + GAP_Y,
        box_width=WIDTH,
        box_height=HEIGHT,
        arena=planned.arena,
        end=1 + max(buffer.last for buffer in planned.arena.buffers),
        diffs=diffs,
        texts={name: text for name, text in texts.items() if not name.endswith(".diff")},
    )


def _boxes(graph: Graph, planned: Planned) -> dict[str, Box]:
    """Nodes in rows by their distance from the input (networkx's topological generations)."""
    boxes = {}
    for row, names in enumerate(nx.topological_generations(graph.digraph())):
        for column, name in enumerate(names):
            place = column * (WIDTH + GAP_X) + GAP_X, row * (HEIGHT + GAP_Y) + GAP_Y
            boxes[name] = _box(graph, planned, graph[name], place)
    return boxes


def _box(graph: Graph, planned: Planned, node: Node, place: tuple[float, float]) -> Box:
    constants = planned.program.constants.values()
    weights = sum(c.nbytes for c in constants if _owner(graph, c.symbol) == node.name)
    return Box(
        node,
        *place,
        planned.program.kernels.get(node.name, ""),
        layout.step_bytes(node.type),
        weights,
        _most_operations(graph, node),
        "\n".join(
            [*printer.attributes(node.op.settings), node.loc.module, node.loc.source]
        ).strip(),
    )


def _owner(graph: Graph, symbol: str) -> str:
    """The node that a constant is called after: the longest name that begins the symbol."""
    names = [node.name for node in graph if symbol.startswith(f"{node.name}_")]
    return max(names, key=len, default="")


def _most_operations(graph: Graph, node: Node) -> int:
    """Operations of one step by the op's own count rule if every input is active."""
    if node.plays(Role.INPUT):
        return 0
    given = {
        name: torch.ones((1, *graph[name].type.shape), dtype=torch.float64)
        for name in graph.sources(node)
    }
    return sum(op_of(node).count(NodeRun.of(graph, node, given)).totals().values())


@cache
def _template() -> jinja2.Template:
    text = (files("snnc") / "compiler" / "dump" / "templates" / "dump.html.j2").read_text("utf-8")
    return jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(text)
