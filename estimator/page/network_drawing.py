"""The network, drawn from top to bottom: each layer with what it is, how often it fires, what it
costs and how many bytes its weights take; connections that pass layers by beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from snnc.compiler.ir.graph import Graph, Node, TensorType
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.estimator.layers import Layer
from snnc.estimator.page.svg import path, picture, rect, text, tipped
from snnc.estimator.units import energy_text

if TYPE_CHECKING:
    from snnc.estimator.report import Report
    from snnc.estimator.survey import Survey

WIDTH, HEIGHT, GAP, LANE, TOP = 330, 62, 22, 14, 8
"""CSS pixels: of a box, between two, between two lanes of connections, above the first box."""

INPUT = "input"


@dataclass(frozen=True)
class Box:
    """One layer as it is drawn.

    Attributes:
        name: the layer.
        what: its synapse and the shape of a step.
        rate: spikes a neuron and step; None where it does not fire.
        energy_pj: per inference, in the view that knows most of the cost.
        share: of the whole network's.
        weights: bytes.
    """

    name: str
    what: str
    rate: float | None
    energy_pj: float | None
    share: float
    weights: int


def weight_bytes(graph: Graph, layer: Layer) -> int:
    """Bytes of a layer's parameters: words of 4, weights of an int8 layer of 1."""
    total = 0
    for name in layer.nodes:
        node = graph[name]
        for role, values in graph.params_of(node).items():
            small = role == "weight" and isinstance(op_of(node), IntegerOp)
            total += int(np.size(values)) * (1 if small else 4)
    return total


def described(graph: Graph, layer: Layer) -> str:
    """A layer's synapse in words, with the shape of its last value: ``conv2d 3×3 → 64×32×32``."""
    last = graph[layer.neurons[-1] if layer.neurons else layer.nodes[-1]]
    if layer.synapse is None:
        return f"→ {_shape(last.type)}"
    return f"{_synapse(graph, graph[layer.synapse])} → {_shape(last.type)}"


def _synapse(graph: Graph, node: Node) -> str:
    kernel = graph.params_of(node)["weight"].shape[2:]
    return " ".join(filter(None, [node.op.name.removesuffix("_i8"), "×".join(map(str, kernel))]))


def _shape(kind: TensorType) -> str:
    return "×".join(map(str, kind.shape))


def boxes(report: Report) -> list[Box]:
    """The model's layers, in order; nothing where it was not surveyed."""
    survey = report.model.survey
    if survey is None:
        return []
    graph, samples = survey.network.executed, report.samples
    rates = _rates(survey)
    energies = report.whole.model.layers if report.whole else {}
    total = sum(energies.values())
    found = []
    for layer in survey.network.executed_layers:
        energy = energies.get(layer.name)
        found.append(
            Box(
                layer.name,
                described(graph, layer),
                rates.get(layer.name),
                None if energy is None else energy / samples,
                (energy or 0.0) / total if total else 0.0,
                weight_bytes(graph, layer),
            )
        )
    return found


def _rates(survey: Survey) -> dict[str, float]:
    """Layer → spikes a neuron and step."""
    steps = survey.network.executed.time_steps * len(survey.records)
    return {
        layer.name: sum(record.spikes[layer.name] for record in survey.records)
        / (layer.neuron_count * steps)
        for layer in survey.network.executed_layers
        if layer.neuron_count
    }


def connections(graph: Graph, layers: tuple[Layer, ...]) -> list[tuple[str, str]]:
    """Which layer reads which, and the input, each pair once, in order."""
    home = {name: layer.name for layer in layers for name in layer.nodes}
    sources = {node.name for node in graph if node.plays(Role.INPUT)}
    found: dict[tuple[str, str], None] = {}
    for layer in layers:
        for name in layer.nodes:
            if name in sources:
                found[INPUT, layer.name] = None
            for read in graph.sources(graph[name]):
                source = INPUT if read in sources else home[read]
                if source != layer.name:
                    found[source, layer.name] = None
    return list(found)


def drawing(report: Report) -> Markup:
    """The picture, SVG; empty where the network is not known."""
    survey = report.model.survey
    if survey is None:
        return Markup("")
    graph, shown = survey.network.executed, boxes(report)
    places = {INPUT: 0} | {box.name: number for number, box in enumerate(shown, 1)}
    pairs = connections(graph, survey.network.executed_layers)
    below = [(a, b) for a, b in pairs if places[b] == places[a] + 1]
    lanes = _lanes([pair for pair in pairs if pair not in below], places)
    margin = LANE * (len(lanes) + 1) if lanes else 4
    shape = _shape(graph["input"].type)
    view = report.whole.model.title if report.whole else ""
    parts = _captions(margin, ("firing rate", "weights", view))
    parts.append(_input(margin, f"{shape}, {graph.time_steps} steps"))
    parts += [_box(margin, places[box.name], box) for box in shown]
    parts += [_arrow(margin, places[a]) for a, _ in below]
    for lane, found in enumerate(lanes, 1):
        parts += [_around(margin, lane, places[a], places[b]) for a, b in found]
    size = (margin + WIDTH + 4, TOP + len(places) * (HEIGHT + GAP) - GAP + 4)
    return picture("network", f"The layers of {report.model.title}", size, parts)


def _lanes(around: list[tuple[str, str]], places: Mapping[str, int]) -> list[list[tuple[str, str]]]:
    """Connections in lanes in which none overlaps another."""
    lanes: list[list[tuple[str, str]]] = []
    for pair in sorted(around, key=lambda pair: abs(places[pair[1]] - places[pair[0]])):
        low, high = sorted(places[name] for name in pair)
        free = (
            lane
            for lane in lanes
            if all(
                high <= min(places[a], places[b]) or low >= max(places[a], places[b])
                for a, b in lane
            )
        )
        lane = next(free, None)
        if lane is None:
            lanes.append(lane := [])
        lane.append(pair)
    return lanes


def _top(place: int) -> int:
    return TOP + place * (HEIGHT + GAP)


def _captions(margin: int, words: tuple[str, str, str]) -> list[str]:
    """What the three figures of a box are."""
    places = (margin + 12, margin + WIDTH / 2 + 8, margin + WIDTH - 12)
    anchors = ("start", "middle", "end")
    return [
        text("what", x, TOP + 8, word, anchor)
        for x, word, anchor in zip(places, words, anchors, strict=True)
    ]


def _input(margin: int, words: str) -> str:
    y = TOP + 18
    return (
        rect("box", (margin, y), (WIDTH, HEIGHT - 18), r=8)
        + text("name", margin + 12, y + 27, "input")
        + text("what", margin + WIDTH - 12, y + 27, words, "end")
    )


def _box(margin: int, place: int, box: Box) -> str:
    y, left, right = _top(place), margin + 12, margin + WIDTH - 12
    energy = "" if box.energy_pj is None else energy_text(box.energy_pj)
    rate = "does not fire" if box.rate is None else f"rate {box.rate:.4f}"
    kept = bytes_text(box.weights)
    tip = f"{box.name}: {box.what}; {rate}; {energy or 'energy not counted'} per inference, "
    tip += f"{box.share:.1%} of the network; weights {kept}"
    return tipped(
        tip,
        rect("box", (margin, y), (WIDTH, HEIGHT), r=8),
        text("name", left, y + 20, _short(box.name, 22)),
        text("what", right, y + 20, box.what, "end"),
        text("what", left, y + 39, rate),
        text("what", margin + WIDTH / 2 + 8, y + 39, kept, "middle"),
        text("cost-text", right, y + 39, energy, "end"),
        rect("rail", (left, y + 47), (WIDTH - 24, 6), r=3),
        rect("part", (left, y + 47), ((WIDTH - 24) * box.share, 6), r=3),
    )


def _arrow(margin: int, place: int) -> str:
    x, y = margin + WIDTH / 2, _top(place) + HEIGHT
    return path("edge", f"M{x} {y}v{GAP - 5}") + path("head", f"M{x} {y + GAP}l-4 -6h8z")


def _around(margin: int, lane: int, above: int, below: int) -> str:
    """A connection to the left of the boxes; upwards where it is recurrent."""
    x, start, end = margin - lane * LANE, _top(above) + HEIGHT / 2 + 6, _top(below) + HEIGHT / 2 - 6
    line = path("edge", f"M{margin} {start}H{x}V{end}H{margin - 5}")
    return line + path("head", f"M{margin} {end}l-6 -4v8z")


def _short(text: str, most: int) -> str:
    """The end of a long name, which tells it from others."""
    return text if len(text) <= most else f"…{text[1 - most :]}"


def bytes_text(size: int) -> str:
    """Bytes as people read them: 96 B, 1.5 KiB, 2.3 MiB."""
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:,.3g} {name}"
    return f"{size} B"
