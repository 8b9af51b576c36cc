"""What recordings say nothing about: layers that never fired, work that never was done.

A comparison holds trivially where nothing happens. So beside the numbers of a proof stands what did
not happen in any recording; PROVEN then names it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from snnc.compiler.host.observed import Observation
from snnc.compiler.ir.graph import Array, Graph, Node, fires
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.int8.cells.cell import CellI8
from snnc.compiler.ops.view import NodeView
from snnc.compiler.verify.chain.links import Vacuous
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.exact import Decision, Fired

NEAR = 0.1
"""A potential approaches its threshold where it is this share of it away, or less."""


class Activity:
    """What happened in the runs of a graph's C.

    Args:
        graph: the graph that the C computes.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.fired: dict[str, int] = {n.name: 0 for n in graph if fires(n)}
        self.places: dict[str, int] = dict.fromkeys(self.fired, 0)
        self.near: dict[str, bool] = dict.fromkeys(self.fired, False)
        self.worked: dict[str, int | None] = {
            n.name: None for n in graph if not n.plays(Role.INPUT)
        }
        self.nonzero: dict[str, Array] = {
            name: np.zeros(graph[node].type.size, bool)
            for name, node in zip(graph.output_names, graph.outputs, strict=True)
        }

    def add(self, run: Observation, decisions: Mapping[str, Decision] | None = None) -> None:
        """Add one run; with the exact decisions, how near potentials came to their thresholds."""
        self.add_values({name: run.values[name, "value"] for name in self.fired}, run.outputs)
        for name, decision in (decisions or {}).items():
            if name in self.near:
                self.near[name] = self.near[name] or _approached(decision)
        for name in self.worked:
            self.worked[name] = (self.worked[name] or 0) + sum(run.counts[name].values())

    def add_values(self, values: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
        """Add one run's spikes and outputs, where its counts are not known."""
        for name in self.fired:
            self.fired[name] += int(np.count_nonzero(values[name]))
            self.places[name] += values[name].size
        for name, given in outputs.items():
            self.nonzero[name] |= given.reshape(-1) != 0

    def add_potentials(self, potentials: Mapping[str, torch.Tensor]) -> None:
        """Note how near integer potentials came to their thresholds."""
        for name, potential in potentials.items():
            levels = _levels(self.graph, self.graph[name], potential)
            if levels is None:  # the threshold of a cell may move
                self.near[name] = True
                continue
            gap = (potential - levels).abs().to(torch.float64)
            close = gap <= NEAR * levels.abs().to(torch.float64)
            self.near[name] = self.near[name] or bool(close.any())

    def vacuous(self, result: Verification, stressed: Activity | None) -> list[Vacuous]:
        """What did not happen, and whether it did in the ``stressed`` runs."""
        found: list[Vacuous] = []
        for name, fired in self.fired.items():
            there = None if stressed is None else stressed.fired[name]
            if fired == 0:
                found.append(Vacuous(name, "never fired", None if there is None else there > 0))
            elif fired == self.places[name]:
                rested = None if stressed is None else stressed.fired[name] < stressed.places[name]
                found.append(Vacuous(name, "fired always", rested))
            elif not self.near[name]:
                near = None if stressed is None else stressed.near[name]
                found.append(Vacuous(name, "never came near its threshold", near))
        return [
            *found,
            *self._zero(stressed),
            *self._idle(stressed),
        ] + [
            Vacuous(f"link {link.name}", "compared nothing")
            for link in result.chain
            if link.total().compared == 0
        ]

    def _zero(self, stressed: Activity | None) -> list[Vacuous]:
        """Outputs that were zero in every run, element by element."""
        found = []
        for name, seen in self.nonzero.items():
            places = np.flatnonzero(~seen)
            if not len(places):
                continue
            there = None if stressed is None else bool(stressed.nonzero[name][places].all())
            which = "" if len(places) == len(seen) else f"[{', '.join(map(str, places))}]"
            found.append(Vacuous(f"output {name}{which}", "was always zero", there))
        return found

    def _idle(self, stressed: Activity | None) -> list[Vacuous]:
        """Nodes that executed nothing, though they can: weighted sums, what stress set to work."""
        found = []
        for node in self.graph:
            if self.worked.get(node.name) != 0:
                continue
            there = None if stressed is None else bool(stressed.worked[node.name])
            if "weight" in node.params or there:
                found.append(Vacuous(node.name, "executed no operation", there))
        return found


def _levels(graph: Graph, node: Node, potential: torch.Tensor) -> torch.Tensor | None:
    """The thresholds of a neuron in an integer graph, in the units of its potential [T, *shape];
    None where they are no constant."""
    if isinstance(node.op, CellI8):
        level = node.op.fixed_threshold(NodeView.of(graph, node))
        return None if level is None else torch.from_numpy(np.asarray(level))
    threshold = graph.params_of(node)["threshold"]
    return torch.from_numpy(threshold).reshape(-1, *[1] * (potential.ndim - 2))


def _approached(decision: Decision) -> bool:
    """Whether a potential came near the threshold in exact arithmetic."""
    if isinstance(decision, Fired):
        return bool((decision.margin.abs() <= NEAR * decision.threshold.abs()).any())
    if decision.margin is None:  # no comparison decides: what it counts moves by ones
        return True
    away = decision.margin.abs()
    return bool((away <= NEAR * away.max()).any())
