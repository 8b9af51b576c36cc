"""Operation counts of a network on real data, under any convention; exact integers throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from typing import TypeVar

from snnc.compiler.ir.graph import Graph
from snnc.errors import InternalError
from snnc.estimator.activity import Activity, Network, Values
from snnc.estimator.conventions import COUNTERS, Convention, CountedOn
from snnc.estimator.conventions.base import Number, StepCounts, Visit
from snnc.estimator.layers import Layer

N = TypeVar("N", int, Fraction, Number)

Totals = dict[str, int]
"""Counter → number over all steps and samples."""


@dataclass(frozen=True)
class LayerCounts:
    """What one layer did, summed over samples.

    Attributes:
        layer: the layer.
        totals: counts of all its nodes.
        parts: the same by part: synapse, attention, neuron, other (pools, sums, normalisation).
        steps: counts per time step; work done once a window is in ``once``.
        once: counts of work done once a window.
        spikes: spikes that its neurons fired, per step.
    """

    layer: Layer
    totals: Totals
    parts: dict[str, Totals]
    steps: dict[str, list[int]]
    once: Totals
    spikes: list[int]


@dataclass
class Tally:
    """Counts of one network under one convention, summed over samples.

    Attributes:
        convention: the rule.
        network: the graphs.
        samples: how many samples have been added.
        nodes: node → counter → numbers per step, or one number for work done once a window.
        spikes: neuron node → spikes per step.
    """

    convention: Convention
    network: Network
    samples: int = 0
    nodes: dict[str, dict[str, list[Number]]] = field(default_factory=dict)
    spikes: dict[str, list[int]] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """The graph that the convention counts on."""
        executed = self.convention.counted_on is CountedOn.EXECUTED
        return self.network.executed if executed else self.network.source

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of that graph."""
        executed = self.convention.counted_on is CountedOn.EXECUTED
        return self.network.executed_layers if executed else self.network.source_layers

    def add(self, activity: Activity) -> None:
        """Count one more sample.

        Raises:
            SnncError: NO_COUNT_RULE for an op that the convention does not know.
        """
        values = _values(self.convention.counted_on, activity)
        for layer in self.layers:
            for name in layer.nodes:
                runs = self.network.runs.get(name, 1)
                visit = Visit(self.graph, layer, self.graph[name], values, runs)
                _accumulate(self.nodes.setdefault(name, {}), self.convention.count(visit))
            for name in layer.neurons:
                fired = (values[name] != 0).flatten(1).sum(dim=1).tolist()
                self.spikes[name] = _sum(self.spikes.get(name), fired)
        self.samples += 1

    def merged(self, other: Tally) -> Tally:
        """The tally of both sets of samples together."""
        if self.convention is not other.convention or self.network is not other.network:
            raise InternalError("tallies of different networks or conventions cannot be merged")
        merged = Tally(self.convention, self.network, self.samples + other.samples)
        for tally in (self, other):
            for name, counts in tally.nodes.items():
                _accumulate(merged.nodes.setdefault(name, {}), counts)
            for name, spikes in tally.spikes.items():
                merged.spikes[name] = _sum(merged.spikes.get(name), spikes)
        return merged

    def per_layer(self) -> list[LayerCounts]:
        """Counts by layer. A rule that divides (``paper``, ``syops``) is rounded here, once for
        each part of a layer: steps add up to parts, parts to layers, layers to the network."""
        return [self._layer(layer) for layer in self.layers]

    def _layer(self, layer: Layer) -> LayerCounts:
        steps = {counter: [0] * self.graph.time_steps for counter in COUNTERS}
        once = dict.fromkeys(COUNTERS, 0)
        parts = {}
        for part, names in _by_part(self.graph, layer).items():
            found = self._part(names)
            parts[part] = {counter: sum(numbers) for counter, numbers in found.items()}
            for counter, (alone, *numbers) in found.items():
                once[counter] += alone
                steps[counter] = _sum(steps[counter], numbers)
        totals = {counter: sum(part[counter] for part in parts.values()) for counter in COUNTERS}
        spikes = [0] * self.graph.time_steps
        for name in layer.neurons:
            spikes = _sum(spikes, self.spikes.get(name, spikes))
        return LayerCounts(layer, totals, parts, steps, once, spikes)

    def _part(self, names: Iterable[str]) -> dict[str, list[int]]:
        """Rounded numbers of some nodes: for each counter once a window, then per step."""
        length = self.graph.time_steps
        sums: dict[str, list[Number]] = {counter: [0] * (length + 1) for counter in COUNTERS}
        for name in names:
            for counter, numbers in self.nodes.get(name, {}).items():
                shift = 0 if self._runs_once(name) else 1
                for step, number in enumerate(numbers, start=shift):
                    sums[counter][step] += number
        return {counter: _rounded(numbers) for counter, numbers in sums.items()}

    def _runs_once(self, name: str) -> bool:
        one = any(len(numbers) == 1 for numbers in self.nodes[name].values())
        return one and self.graph.time_steps > 1


def _values(counted_on: CountedOn, activity: Activity) -> Values:
    if counted_on is CountedOn.EXECUTED:
        return activity.executed
    return activity.discrete if counted_on is CountedOn.SPIKES else activity.source


def _by_part(graph: Graph, layer: Layer) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for name in layer.nodes:
        parts.setdefault(layer.part_of(graph[name]), []).append(name)
    return parts


def _rounded(numbers: Sequence[Number]) -> list[int]:
    """Integers whose running sums are the rounded running sums: only the whole is rounded."""
    sums = [round(total) for total in accumulate(numbers)]
    return [after - before for before, after in zip([0, *sums], sums, strict=False)]


def _accumulate(into: dict[str, list[Number]], counts: StepCounts) -> None:
    for counter, numbers in counts.items():
        into[counter] = _sum(into.get(counter), numbers)


def _sum(so_far: Sequence[N] | None, more: Sequence[N]) -> list[N]:
    if so_far is None:
        return list(more)
    return [a + b for a, b in zip(so_far, more, strict=True)]


def count(
    network: Network, activities: Iterable[Activity], conventions: Iterable[Convention]
) -> dict[str, Tally]:
    """Count recordings under several conventions in one pass.

    Args:
        network: its graphs.
        activities: what it did on each sample (:func:`snnc.estimator.activity.observe`).
        conventions: the rules.

    Returns:
        Convention's name → tally.

    Raises:
        SnncError: NO_COUNT_RULE.
    """
    tallies = {entry.name: Tally(entry, network) for entry in conventions}
    for activity in activities:
        for tally in tallies.values():
            tally.add(activity)
    return tallies


def totals_of(layers: Iterable[LayerCounts]) -> Totals:
    """Counts of all layers together."""
    sums = dict.fromkeys(COUNTERS, 0)
    for entry in layers:
        for counter, number in entry.totals.items():
            sums[counter] += number
    return sums


def firing_rates(layers: Iterable[LayerCounts], samples: int) -> Mapping[str, float]:
    """Mean firing rate of each layer that fires, over its neurons, steps and samples."""
    return {
        entry.layer.name: sum(entry.spikes)
        / (entry.layer.neuron_count * len(entry.spikes) * samples)
        for entry in layers
        if entry.layer.neurons
    }


def nasfr(layers: Sequence[LayerCounts], samples: int) -> float:
    """Network average spike firing rate: spikes over neurons, steps and samples.

    This is Definition 1 of Yao et al. 2023 (mean of T-SFR over time) with all neurons alike, which
    weights a layer by its neurons as the authors' code does, linear layers included. A network
    without neurons has 0.
    """
    places = sum(entry.layer.neuron_count * len(entry.spikes) for entry in layers)
    fired = sum(sum(entry.spikes) for entry in layers)
    return fired / (places * samples) if places else 0.0


def nasfr_of_layers(layers: Sequence[LayerCounts], samples: int) -> float:
    """The plain mean of the layers' firing rates: each layer counts once, whatever its size."""
    rates = firing_rates(layers, samples).values()
    return sum(rates) / len(rates) if rates else 0.0
