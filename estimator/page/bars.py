"""The whole cost by layer, as bars whose pieces say their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.estimator.units import energy_text

if TYPE_CHECKING:
    from snnc.estimator.counts import LayerCounts
    from snnc.estimator.report import Report, Subject
    from snnc.estimator.tables import EnergyTable

KINDS = {
    "ac": "accumulations (AC)",
    "mac": "multiply-accumulates (MAC)",
    "attention": "MAC of attention",
    "other": "products, sums and comparisons outside weighted sums",
    "memory": "memory traffic",
}


@dataclass(frozen=True)
class Piece:
    """A piece of a bar.

    Attributes:
        kind: of :data:`KINDS`.
        percent: its length, of the longest bar.
        tip: what it says.
    """

    kind: str
    percent: float
    tip: str


@dataclass(frozen=True)
class Bar:
    """One network's bar of one layer: "model" or "base", its pieces, and its sum in words."""

    role: str
    pieces: tuple[Piece, ...]
    total: str


def bars(report: Report, *, memory: bool) -> list[tuple[str, list[Bar]]]:
    """Layer → the bars of baseline and model, per inference.

    Args:
        report: the networks, counted by ``executed`` or by the report's convention.
        memory: with memory traffic, where it is known.
    """
    found: dict[str, list[tuple[str, dict[str, float]]]] = {name: [] for name in report.order}
    for role, subject, place in (("base", report.baseline, 1), ("model", report.model, 0)):
        if subject is None:
            continue
        views = report.views[place] if memory else None
        traffic = views.memory.layers if views and views.memory else {}
        for name, energies in _energies(report, subject).items():
            if name in traffic:
                energies["memory"] = traffic[name] / report.samples
            found[name].append((role, energies))
    longest = max((sum(e.values()) for layer in found.values() for _, e in layer), default=0.0)
    return [
        (name, [_bar(role, name, energies, longest) for role, energies in layer])
        for name, layer in found.items()
        if layer
    ]


def _energies(report: Report, subject: Subject) -> dict[str, dict[str, float]]:
    """Layer → kind → pJ per inference, of the operations."""
    estimate = subject.estimates.get("executed") or subject.estimates[report.convention]
    return {
        entry.layer.name: _operations(entry, estimate.table, estimate.tally.samples)
        for entry in estimate.layers
    }


def _operations(entry: LayerCounts, table: EnergyTable, samples: int) -> dict[str, float]:
    attention = entry.parts.get("attention", {"mac": 0})["mac"]
    energies = {
        "ac": table.ac * entry.totals["ac"],
        "mac": table.mac * (entry.totals["mac"] - attention),
        "attention": table.mac * attention,
        "other": table.other(entry.totals),
    }
    return {kind: energy / samples for kind, energy in energies.items()}


def _bar(role: str, layer: str, energies: dict[str, float], longest: float) -> Bar:
    whole = sum(energies.values())
    pieces = tuple(
        Piece(
            kind,
            100 * energy / longest,
            f"{layer}, {'the baseline' if role == 'base' else 'the model'}: {KINDS[kind]} "
            f"{energy_text(energy)} ({energy / whole:.1%} of the layer)",
        )
        for kind, energy in energies.items()
        if energy
    )
    return Bar(role, pieces, energy_text(whole) if whole else "0")
