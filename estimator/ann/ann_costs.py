"""The artificial networks' operations, memory accesses and energy, view by view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from snnc.estimator.ann.windows import Active, Shape, Windows
from snnc.estimator.conventions import COUNTERS
from snnc.estimator.counts import Totals
from snnc.estimator.layers import Layer
from snnc.estimator.memory_access import ACCESSES, Accesses, Memory
from snnc.estimator.survey import Recorded
from snnc.estimator.tables import EnergyTable
from snnc.estimator.views import View, Views, each_of, memory_view, together

RULE = "executed"
"""The key of an artificial network's counts: there is one rule, what it executes."""


def bits_for(time_steps: int) -> int:
    """Bits of an activation that holds as many values as a count of spikes over T steps:
    ceil(log2(T + 1)), after Yan et al. 2024."""
    return time_steps.bit_length()


@dataclass
class DenseAccesses(Accesses):
    """Accesses of a network whose activations lie in memory and not in queues.

    Attributes:
        bits: width of an activation.
        shapes: what each layer has.
    """

    bits: int = 0
    shapes: Mapping[str, Shape] | None = None

    def memories(self, layer: Layer) -> dict[str, Memory]:
        """As of the spiking network, with activations read and written in their place."""
        found = super().memories(layer)
        shape = (self.shapes or {}).get(layer.name)
        if shape is None:
            return found
        return found | {
            "inputs_read": Memory("activations", self.bits, shape.inputs),
            "outputs_written": Memory("activations", self.bits, shape.outputs),
        }


@dataclass(frozen=True)
class Ann:
    """An artificial network of the shape of a spiking one.

    Attributes:
        name: "dense" or "sparse".
        windows: the network, and what of it was active.
    """

    name: str
    windows: Windows

    @property
    def title(self) -> str:
        """How it is called."""
        return "ANN" if self.name == "dense" else "sparse ANN"

    @property
    def bits(self) -> int:
        """Bits of an activation."""
        return bits_for(self.windows.network.executed.time_steps)

    def macs(self, shape: Shape, active: Active) -> int:
        """Multiply-accumulates of a layer in one recording."""
        return shape.synapses if self.name == "dense" else active.macs

    def operations(self, shape: Shape, active: Active) -> Totals:
        """Operations of a layer in one recording."""
        return dict.fromkeys(COUNTERS, 0) | {
            "mac": self.macs(shape, active),
            "add": shape.biases,
            "mul": shape.outputs,
            "cmp": 2 * shape.outputs,
        }

    def accesses(self, shape: Shape, active: Active) -> dict[str, int]:
        """Memory accesses of a layer in one recording."""
        macs = self.macs(shape, active)
        found = dict.fromkeys(ACCESSES, 0) | {"weights_read": macs + shape.biases}
        if self.name == "dense":
            return found | {"inputs_read": macs, "outputs_written": shape.outputs}
        return found | {
            "inputs_read": active.inputs,
            "potentials_read": macs + shape.biases + shape.outputs,
            "potentials_written": macs + shape.biases,
            "outputs_written": active.outputs,
        }

    def records(self) -> list[Recorded]:
        """Each recording's own sums."""
        shapes = self.windows.shapes
        found = []
        for place, layers in enumerate(self.windows.each):
            both = {name: (shapes[name], active) for name, active in layers.items()}
            counts = {name: self.operations(*pair) for name, pair in both.items()}
            accesses = {name: self.accesses(*pair) for name, pair in both.items()}
            found.append(Recorded(place, {RULE: counts}, {}, accesses, None))
        return found

    def views(self, table: EnergyTable) -> Views:
        """Its views at the prices of a table; Eq. 11's are its MACs."""
        records = self.records()
        summed: dict[str, Totals] = {name: dict.fromkeys(COUNTERS, 0) for name in self._names}
        for record in records:
            for name, counts in record.counts[RULE].items():
                summed[name] = {key: summed[name][key] + counts[key] for key in COUNTERS}
        executed = View(
            "executed",
            {name: table.priced(counts) for name, counts in summed.items()},
            each_of(records, RULE, table.priced),
        )
        weighted = View(
            "eq11",
            {name: table.weighted(counts) for name, counts in summed.items()},
            each_of(records, RULE, table.weighted),
        )
        memory = None
        if table.memory is not None:
            memory = memory_view(self._kept(records), table.memory, records)
        return Views(
            samples=len(records),
            machine=table.title,
            eq11=weighted,
            executed=executed,
            memory=memory,
            device=memory and together(executed, memory),
        )

    @property
    def _names(self) -> list[str]:
        return list(self.windows.shapes)

    def _kept(self, records: list[Recorded]) -> Accesses:
        """The accesses of all recordings, with where they go."""
        network, shapes = self.windows.network, self.windows.shapes
        found = Accesses(network, len(records))
        if self.name == "dense":
            found = DenseAccesses(network, len(records), bits=self.bits, shapes=shapes)
        for layer in self.windows.network.executed_layers:
            sums = dict.fromkeys(ACCESSES, 0)
            for record in records:
                for access, number in (record.accesses or {}).get(layer.name, {}).items():
                    sums[access] += number
            found.layers[layer.name] = sums
        return found
