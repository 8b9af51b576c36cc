"""The firing at which a spiking network costs what an artificial one does.

All its neurons are taken to fire more or less alike. What moves with that: the accumulations of
layers that read spikes, the accesses that they make, and the spikes' own (into and out of queues,
a reset each). The rest stays: layers that read the input, leaks and thresholds at every step,
attention, pools, readout. So a view's energy is ``fixed + scale · moving`` of its firing now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snnc.estimator.energy import Estimate
from snnc.estimator.layers import Layer
from snnc.estimator.memory_access import Accesses
from snnc.estimator.survey import synaptic
from snnc.estimator.tables import MemoryPrices
from snnc.estimator.views import Views


@dataclass(frozen=True)
class Firing:
    """How much a network fires.

    Attributes:
        nasfr: spikes a neuron and step.
        spikes_per_synapse: spikes that a synapse of a layer that reads spikes carries in one
            inference, on average: the unit of Dampfhoffer et al. 2022.
    """

    nasfr: float
    spikes_per_synapse: float

    def times(self, scale: float) -> Firing:
        """All neurons firing so many times as often."""
        return Firing(self.nasfr * scale, self.spikes_per_synapse * scale)


@dataclass(frozen=True)
class BreakEven:
    """Where a view's energies meet.

    Attributes:
        scale: by which factor the firing may change until both cost alike; at or below 0 no
            silence pays for what stays; None where nothing moves with the firing.
        firing: the network's firing there; None where there is none.
    """

    scale: float | None
    firing: Firing | None

    @classmethod
    def of(cls, ann_pj: float, snn_pj: float, moving_pj: float, now: Firing) -> BreakEven:
        """Of energies over the same samples: the artificial network's, the spiking one's, and the
        part of it that moves with its firing."""
        if not moving_pj:
            return cls(None, None)
        scale = (ann_pj - (snn_pj - moving_pj)) / moving_pj
        return cls(scale, now.times(scale) if scale > 0 else None)

    def as_json(self) -> dict[str, Any]:
        """``scale``, ``nasfr`` and ``spikes_per_synapse``; None where there is none."""
        firing = self.firing
        return {
            "scale": self.scale,
            "nasfr": firing and firing.nasfr,
            "spikes_per_synapse": firing and firing.spikes_per_synapse,
        }


def moving_pj(rule: Estimate, executed: Estimate, accesses: Accesses) -> dict[str, float]:
    """View → the part of a network's energy that moves with its firing, in pJ over all samples.

    Args:
        rule: its counts by the convention of the view ``eq11``.
        executed: its counts by ``executed``.
        accesses: its memory accesses.
    """
    found = {"eq11": rule.moving_pj, "executed": executed.moving_pj}
    prices = executed.table.memory
    if prices is None:
        return found
    found["memory"] = _moving_traffic(executed, accesses, prices)
    return found | {"device": found["executed"] + found["memory"]}


def _moving_traffic(executed: Estimate, accesses: Accesses, prices: MemoryPrices) -> float:
    per_word = accesses.prices_per_word(prices)
    total = 0.0
    for entry in executed.layers:
        words = accesses.layers[entry.layer.name]
        sums = 0 if entry.layer.from_input else synaptic(entry)
        moving = {
            "inputs_read": 0 if entry.layer.from_input else words["inputs_read"],
            "weights_read": sums,
            "potentials_read": sums,
            "potentials_written": sums + sum(entry.spikes),
            "outputs_written": words["outputs_written"],
        }
        total += sum(per_word[entry.layer.name][kind] * n for kind, n in moving.items())
    return total


def reads_spikes(layer: Layer) -> bool:
    """Whether a layer's synapse reads spikes, or sums of them."""
    return layer.synapse is not None and not layer.from_input


def firing_of(executed: Estimate, synapses: Mapping[str, int]) -> Firing:
    """How much a network fires.

    Args:
        executed: its counts.
        synapses: layer → its synapses.
    """
    layers = [entry for entry in executed.layers if reads_spikes(entry.layer)]
    carried = sum(synaptic(entry) for entry in layers)
    there = sum(synapses[entry.layer.name] for entry in layers) * executed.tally.samples
    return Firing(executed.nasfr, carried / there if there else 0.0)


def points(
    ann: Views, snn: Views, moving: Mapping[str, float], now: Firing
) -> dict[str, BreakEven]:
    """View → where the energies of an artificial and a spiking network meet."""
    ours = {view.name: view.energy_pj for view in snn}
    return {
        view.name: BreakEven.of(view.energy_pj, ours[view.name], moving[view.name], now)
        for view in ann
        if view.name in moving
    }
