"""Energy of counted operations: per layer, in all, and against a baseline (Eq. 11).

Eq. 11 of Yao et al. 2023 knows two prices: ΔE = E_MAC·Δ_MAC - E_AC·Δ_AC, with Δ_MAC the MACs that
a model adds to its baseline and Δ_AC the accumulations that it saves. Products, sums and
comparisons outside weighted sums (the gating product, leaks, thresholds, pools) have no place in
it: they are priced by the same table and reported beside it as *other* energy, never mixed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator.counts import LayerCounts, Tally, Totals, nasfr, nasfr_of_layers, totals_of
from snnc.estimator.tables import EnergyTable

SCHEMA = "snnc-energy/1"


@dataclass(frozen=True)
class Estimate:
    """One network's counts under one convention, priced by one table."""

    tally: Tally
    table: EnergyTable

    @cached_property
    def layers(self) -> Sequence[LayerCounts]:
        """Counts by layer."""
        if not self.tally.samples:
            raise SnncError(BAD_OPTION, "there is no energy of zero samples")
        return self.tally.per_layer()

    @cached_property
    def total(self) -> Totals:
        """Counts of the whole network."""
        return totals_of(self.layers)

    @property
    def spikes(self) -> int:
        """Spikes of all neurons."""
        return sum(sum(layer.spikes) for layer in self.layers)

    @property
    def nasfr(self) -> float:
        """Network average spike firing rate, every neuron alike."""
        return nasfr(self.layers, self.tally.samples)

    @property
    def energy_pj(self) -> float:
        """E_MAC·MAC + E_AC·AC over all samples."""
        return self.table.weighted(self.total)

    @property
    def other_energy_pj(self) -> float:
        """Energy of products, sums and comparisons outside weighted sums."""
        return self.table.other(self.total)

    @property
    def moving_pj(self) -> float:
        """The part of :attr:`energy_pj` that grows with the firing rates: all accumulations, and
        the MACs of layers that read sums of spikes, where the convention counts those by spikes."""
        moving = {"ac": self.total["ac"], "mac": 0}
        if self.tally.convention.counts_follow_spikes:
            moving["mac"] = sum(
                entry.parts["synapse"]["mac"]
                for entry in self.layers
                if entry.layer.input_kind == "count" and not entry.layer.from_input
            )
        return self.table.weighted(moving)

    @property
    def count_layers(self) -> list[str]:
        """Names of the layers whose synapse reads counts: event counts, or sums of spikes."""
        read = [entry.layer for entry in self.layers if entry.layer.synapse is not None]
        return [layer.name for layer in read if layer.input_kind == "count"]

    def as_json(self) -> dict[str, Any]:
        """The part of the JSON contract that one network fills (DESIGN: ``snnc energy``)."""
        return {
            "samples": self.tally.samples,
            "time_steps": self.tally.graph.time_steps,
            "layers": [self._layer(entry) for entry in self.layers],
            "count_inputs": {
                "layers": self.count_layers,
                "counted": self.tally.convention.count_inputs,
            },
            "total": self._priced(self.total) | {"spikes": self.spikes},
            "nasfr": self.nasfr,
            "nasfr_layer_mean": nasfr_of_layers(self.layers, self.tally.samples),
        }

    def _layer(self, entry: LayerCounts) -> dict[str, Any]:
        spikes = sum(entry.spikes)
        places = entry.layer.neuron_count * len(entry.spikes) * self.tally.samples
        return {
            "name": entry.layer.name,
            "input_kind": entry.layer.input_kind,
            **self._priced(entry.totals),
            "spikes": spikes,
            "neurons": entry.layer.neuron_count,
            "firing_rate": spikes / places if places else None,
            "parts": {part: self._priced(counts) for part, counts in entry.parts.items()},
            "per_step": {**entry.steps, "spikes": entry.spikes},
            "per_window": entry.once,
        }

    def _priced(self, counts: Totals) -> dict[str, Any]:
        return {
            **counts,
            "energy_pj": self.table.weighted(counts),
            "other_energy_pj": self.table.other(counts),
        }


@dataclass(frozen=True)
class Comparison:
    """A model against a baseline, on the same samples, convention and table."""

    model: Estimate
    baseline: Estimate

    def __post_init__(self) -> None:
        ours, theirs = self.model.tally, self.baseline.tally
        same = (ours.convention.name, ours.samples) == (theirs.convention.name, theirs.samples)
        if not same or self.model.table != self.baseline.table:
            raise SnncError(
                BAD_OPTION,
                "model and baseline must be counted on the same samples by the same convention: "
                f"{ours.samples} samples by {ours.convention.name} against {theirs.samples} by "
                f"{theirs.convention.name}",
            )

    @property
    def table(self) -> EnergyTable:
        """The prices."""
        return self.model.table

    @property
    def added_mac(self) -> int:
        """Δ_MAC: MODEL - BASELINE."""
        return self.model.total["mac"] - self.baseline.total["mac"]

    @property
    def saved_ac(self) -> int:
        """Δ_AC: BASELINE - MODEL."""
        return self.baseline.total["ac"] - self.model.total["ac"]

    @property
    def energy_pj(self) -> float:
        """ΔE of Eq. 11 in pJ; negative where the model saves."""
        return self.table.mac * self.added_mac - self.table.ac * self.saved_ac

    @property
    def other(self) -> Totals:
        """Products, sums and comparisons that the model adds: MODEL - BASELINE."""
        return {
            name: self.model.total[name] - self.baseline.total[name]
            for name in ("mul", "add", "cmp")
        }

    @property
    def other_energy_pj(self) -> float:
        """Their energy: what Eq. 11 leaves out."""
        return self.table.other(self.other)

    @property
    def whole_energy_pj(self) -> float:
        """ΔE of everything that is counted: Eq. 11 and what it leaves out."""
        return self.energy_pj + self.other_energy_pj

    @property
    def break_even_scale(self) -> float | None:
        """By which factor the model's firing may change until ΔE is 0; at or below 0, the
        attention costs more than all accumulations of the baseline, and no silence pays for it.
        None where nothing in the model follows its firing.

        All layers are taken to fire more or less alike, and the rest of the work stays.
        """
        moving = self.model.moving_pj
        if not moving:
            return None
        fixed = self.model.energy_pj - moving
        return (self.baseline.energy_pj - fixed) / moving

    @property
    def break_even_rate(self) -> float | None:
        """The NASFR of the model below which it saves energy, or None where there is none."""
        scale = self.break_even_scale
        return self.model.nasfr * scale if scale is not None and scale > 0 else None

    @property
    def break_even_ratio(self) -> float | None:
        """The ratio E_MAC/E_AC at which ΔE changes sign, or None where it never does."""
        if self.added_mac == 0 or self.saved_ac / self.added_mac <= 0:
            return None
        return self.saved_ac / self.added_mac

    @property
    def saves_where(self) -> str:
        """For which ratios E_MAC/E_AC the model saves: always, never, below or above the
        break-even ratio."""
        if self.break_even_ratio is not None:
            return "below" if self.added_mac > 0 else "above"
        return "always" if self.saved_ac >= 0 and self.energy_pj < 0 else "never"

    def as_json(self) -> dict[str, Any]:
        """``baseline``, ``delta``, ``break_even`` and ``sensitivity`` of the JSON contract."""
        return {
            "baseline": self.baseline.as_json(),
            "delta": {**self.total_delta(), "layers": self.layer_deltas()},
            "break_even": {"scale": self.break_even_scale, "nasfr": self.break_even_rate},
            "sensitivity": {
                "ratio": self.table.ratio,
                "break_even_ratio": self.break_even_ratio,
                "saves": self.saves_where,
            },
        }

    def total_delta(self) -> dict[str, Any]:
        """ΔE of the whole network with its terms, and what Eq. 11 leaves out."""
        whole = self.baseline.energy_pj
        return {
            "mac": self.added_mac,
            "ac": self.saved_ac,
            "energy_pj": self.energy_pj,
            "relative": self.energy_pj / whole if whole else None,
            "spikes": self.baseline.spikes - self.model.spikes,
            **self.other,
            "other_energy_pj": self.other_energy_pj,
            "whole_energy_pj": self.whole_energy_pj,
        }

    def layer_deltas(self) -> list[dict[str, Any]]:
        """ΔE by layer; a layer that only one of the networks has counts as zero in the other."""
        ours = {entry.layer.name: entry for entry in self.model.layers}
        theirs = {entry.layer.name: entry for entry in self.baseline.layers}
        return [
            self._layer_delta(name, ours.get(name), theirs.get(name))
            for name in dict.fromkeys([*ours, *theirs])
        ]

    def _layer_delta(
        self, name: str, ours: LayerCounts | None, theirs: LayerCounts | None
    ) -> dict[str, Any]:
        def number(entry: LayerCounts | None, counter: str) -> int:
            return entry.totals[counter] if entry else 0

        def fired(entry: LayerCounts | None) -> int:
            return sum(entry.spikes) if entry else 0

        mac = number(ours, "mac") - number(theirs, "mac")
        ac = number(theirs, "ac") - number(ours, "ac")
        other = {key: number(ours, key) - number(theirs, key) for key in ("mul", "add", "cmp")}
        return {
            "name": name,
            "in": "both" if ours and theirs else "model" if ours else "baseline",
            "mac": mac,
            "ac": ac,
            "energy_pj": self.table.mac * mac - self.table.ac * ac,
            "spikes": fired(theirs) - fired(ours),
            **other,
            "other_energy_pj": self.table.other(other),
        }


def energy_json(model: Estimate, comparison: Comparison | None = None) -> dict[str, Any]:
    """The JSON of ``snnc energy``: counts are integer totals over the samples, energies pJ."""
    return {
        "schema": SCHEMA,
        "convention": model.tally.convention.name,
        "table": model.table.as_json(),
        **model.as_json(),
        **(comparison.as_json() if comparison else {}),
    }
