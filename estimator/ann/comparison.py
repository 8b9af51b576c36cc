"""A spiking network beside the artificial ones of its shape, on the same recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snnc.estimator.ann.ann_costs import Ann, bits_for
from snnc.estimator.ann.break_even import BreakEven, Firing, firing_of, moving_pj, points
from snnc.estimator.ann.windows import Windows
from snnc.estimator.conventions import EXECUTED
from snnc.estimator.counts import LayerCounts
from snnc.estimator.energy import Estimate
from snnc.estimator.memory_access import Accesses
from snnc.estimator.survey import Survey, synaptic
from snnc.estimator.tables import EnergyTable
from snnc.estimator.views import Change, Views, changes, views_json, views_of


@dataclass(frozen=True)
class LayerActivity:
    """One layer of the networks, a recording.

    Attributes:
        name: the layer.
        synapses: its synapses, borders excluded.
        operations: what its spikes or events made of them: AC and MAC of its synapse.
        macs: of the sparse artificial network.
        active: share of its inputs that were not 0 in the window.
    """

    name: str
    synapses: int
    operations: float
    macs: float
    active: float

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return vars(self) | {"operations_per_synapse": self.operations / self.synapses}


@dataclass(frozen=True)
class AgainstAnn:
    """A spiking network against the artificial ones.

    Attributes:
        estimates: its counts by convention: the chosen one and ``executed``.
        accesses: its memory accesses.
        windows: what of it was active in the recordings' windows.
        snn: its views.
        convention: what its view ``eq11`` is counted by.
    """

    estimates: Mapping[str, Estimate]
    accesses: Accesses
    windows: Windows
    snn: Views
    convention: str

    @classmethod
    def of(cls, survey: Survey, table: EnergyTable, convention: str) -> AgainstAnn | None:
        """From what was surveyed; None where that is not enough."""
        estimates = {name: Estimate(tally, table) for name, tally in survey.tallies.items()}
        snn = views_of(estimates, survey.accesses, convention, survey.records)
        if snn is None or survey.windows is None or survey.accesses is None:
            return None
        return cls(estimates, survey.accesses, survey.windows, snn, convention)

    @property
    def samples(self) -> int:
        """Recordings that the energies are sums of."""
        return self.snn.samples

    @property
    def time_steps(self) -> int:
        """T."""
        return self.windows.network.executed.time_steps

    @property
    def bits(self) -> int:
        """Bits of an artificial network's activation."""
        return bits_for(self.time_steps)

    @property
    def anns(self) -> tuple[Ann, Ann]:
        """The dense one and the sparse one."""
        return Ann("dense", self.windows), Ann("sparse", self.windows)

    @property
    def executed(self) -> Estimate:
        """The spiking network's executed counts."""
        return self.estimates[EXECUTED.name]

    @cached_property
    def changes(self) -> dict[str, list[Change]]:
        """Artificial network → every view of the spiking network beside its."""
        table = self.executed.table
        return {ann.name: changes(self.snn, ann.views(table)) for ann in self.anns}

    @cached_property
    def firing(self) -> Firing:
        """How much the spiking network fires."""
        shapes = self.windows.shapes
        return firing_of(self.executed, {name: shapes[name].synapses for name in shapes})

    @cached_property
    def break_even(self) -> dict[str, dict[str, BreakEven]]:
        """Artificial network → view → the firing at which both cost alike."""
        table = self.executed.table
        moving = moving_pj(self.estimates[self.convention], self.executed, self.accesses)
        return {
            ann.name: points(ann.views(table), self.snn, moving, self.firing) for ann in self.anns
        }

    @cached_property
    def layers(self) -> list[LayerActivity]:
        """Layer by layer, a recording."""
        counted = {entry.layer.name: entry for entry in self.executed.layers}
        return [self._layer(counted[name]) for name in self.windows.shapes]

    def _layer(self, entry: LayerCounts) -> LayerActivity:
        name, number = entry.layer.name, self.samples
        shape = self.windows.shapes[name]
        own = [layers[name] for layers in self.windows.each]
        return LayerActivity(
            name=name,
            synapses=shape.synapses,
            operations=synaptic(entry) / number,
            macs=sum(active.macs for active in own) / number,
            active=sum(active.inputs for active in own) / (shape.inputs * number),
        )

    @property
    def weight_bits(self) -> int:
        """Bits of a weight; of the widest where layers differ."""
        memories = (self.accesses.memories(layer) for layer in self.windows.layers)
        return max(kinds["weights_read"].bits for kinds in memories)

    @property
    def bit_operations(self) -> dict[str, float]:
        """Network → bit operations of its synapses a recording, after Shen et al. 2024: bits of
        the activation times bits of the weight, a spike has one; the input's events are taken to
        have as many as an activation."""
        weights, shapes = self.weight_bits, self.windows.shapes
        spikes = sum(
            entry.operations * (self.bits if shapes[entry.name].from_input else 1)
            for entry in self.layers
        )
        return {
            "snn": weights * spikes,
            "dense": weights * self.bits * sum(entry.synapses for entry in self.layers),
            "sparse": weights * self.bits * sum(entry.macs for entry in self.layers),
        }

    def as_json(self) -> dict[str, Any]:
        """The ``ann`` key of ``snnc energy --ann``."""
        return {
            "time_steps": self.time_steps,
            "bits": self.bits,
            "weight_bits": self.weight_bits,
            "samples": self.samples,
            "nasfr": self.firing.nasfr,
            "spikes_per_synapse": self.firing.spikes_per_synapse,
            "layers": [entry.as_json() for entry in self.layers],
            "bit_operations": self.bit_operations,
        } | {
            ann.name: {
                "views": views_json(self.changes[ann.name]),
                "break_even": {
                    view: point.as_json() for view, point in self.break_even[ann.name].items()
                },
            }
            for ann in self.anns
        }
