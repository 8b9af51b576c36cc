"""What a comparison amounts to, in sentences and in a few numbers, before any figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.estimator import measures
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.units import count_text, energy_text

if TYPE_CHECKING:
    from snnc.estimator.report import Subject


@dataclass(frozen=True)
class Sentence:
    """One sentence; the first of a verdict is its headline."""

    text: str


@dataclass(frozen=True)
class Tile:
    """One number: what it is, its value, what it is compared with, and whether it is good news."""

    label: str
    value: str
    note: str
    good: bool | None = None


def sentences(
    model: Subject,
    baseline: Subject | None,
    estimate: Estimate | None,
    comparison: Comparison | None,
) -> list[Sentence]:
    """The verdict on a network, or on a pair."""
    found: list[str] = []
    if comparison is not None and baseline is not None:
        found += _energy_verdict(model.name, baseline.name, comparison)
    elif estimate is not None:
        found.append(_alone(model.name, estimate))
    rates = _rates(model, baseline, estimate, comparison)
    if rates:
        found.append(_firing(rates, headline=not found, name=model.name))
    found += _accuracy(model, baseline)
    return [Sentence(text) for text in found]


def _energy_verdict(model: str, baseline: str, comparison: Comparison) -> list[str]:
    delta, samples = comparison.energy_pj, comparison.model.tally.samples
    verb = "saves" if delta < 0 else "costs"
    share = _share(delta, comparison.baseline.energy_pj)
    by_rule = f"By Eq. 11, {model} {verb} {energy_text(abs(delta) / samples)} a recording"
    found = [f"{by_rule}{share} against {baseline}." if delta else f"{by_rule} nothing."]
    if comparison.other_energy_pj:
        whole = comparison.whole_energy_pj
        whole_base = comparison.baseline.energy_pj + comparison.baseline.other_energy_pj
        after_all = " after all" if (whole < 0) != (delta < 0) else ""
        found.append(
            "Counting also the products, sums and comparisons that Eq. 11 leaves out, it "
            f"{'saves' if whole < 0 else 'costs'} {energy_text(abs(whole) / samples)}"
            f"{_share(whole, whole_base)}{after_all}."
        )
    return found


def _share(change: float, whole: float) -> str:
    if not whole:
        return ""
    return f" ({abs(change) / whole:.1%} {'less' if change < 0 else 'more'})"


def _alone(model: str, estimate: Estimate) -> str:
    samples, table = estimate.tally.samples, estimate.table
    largest = max(estimate.layers, key=lambda entry: table.weighted(entry.totals))
    share = table.weighted(largest.totals) / estimate.energy_pj if estimate.energy_pj else 0.0
    return (
        f"{model} spends {energy_text(estimate.energy_pj / samples)} a recording on weighted sums, "
        f"{share:.0%} of it in {largest.layer.name}."
    )


def _rates(
    model: Subject,
    baseline: Subject | None,
    estimate: Estimate | None,
    comparison: Comparison | None,
) -> tuple[float, ...]:
    """NASFR of the model, and of the baseline if there is one."""
    if comparison is not None:
        return comparison.model.nasfr, comparison.baseline.nasfr
    if estimate is not None:
        return (estimate.nasfr,)
    subjects = [subject for subject in (model, baseline) if subject and subject.redundancy]
    return tuple(
        measures.nasfr(subject.redundancy.layers.values())
        for subject in subjects
        if subject.redundancy
    )


def _firing(rates: tuple[float, ...], *, headline: bool, name: str) -> str:
    subject = name if headline else "It"
    if len(rates) == 1 or not rates[1]:
        return f"{subject} fires at {rates[0]:.3g} spikes a neuron and step (NASFR)."
    change = rates[0] / rates[1] - 1
    less = "fewer" if change < 0 else "more"
    return (
        f"{subject} fires {abs(change):.0%} {less} spikes: NASFR {rates[1]:.4f} → {rates[0]:.4f}."
    )


def _accuracy(model: Subject, baseline: Subject | None) -> list[str]:
    if model.right is None or not model.right[1]:
        return []
    ours = model.right[0] / model.right[1]
    if baseline is None or baseline.right is None or not baseline.right[1]:
        return [f"It classifies {ours:.1%} of the recordings correctly."]
    theirs = baseline.right[0] / baseline.right[1]
    return [f"Accuracy {theirs:.1%} → {ours:.1%}."]


def tiles(
    model: Subject,
    baseline: Subject | None,
    estimate: Estimate | None,
    comparison: Comparison | None,
) -> list[Tile]:
    """The numbers of the verdict."""
    found: list[Tile] = []
    if comparison is not None:
        found += _energy_tiles(comparison)
    elif estimate is not None:
        samples = estimate.tally.samples
        energy = energy_text(estimate.energy_pj / samples)
        found.append(Tile("energy a recording", energy, "E_MAC·MAC + E_AC·AC"))
        other = energy_text(estimate.other_energy_pj / samples)
        found.append(Tile("outside weighted sums", other, "not part of Eq. 11"))
    rates = _rates(model, baseline, estimate, comparison)
    if rates:
        note = f"from {rates[1]:.4f}" if len(rates) > 1 else "spikes a neuron and step"
        good = rates[0] < rates[1] if len(rates) > 1 else None
        found.append(Tile("NASFR", f"{rates[0]:.4f}", note, good))
    if model.right and model.right[1]:
        note = f"{model.right[0]:,} of {model.right[1]:,} recordings"
        if baseline and baseline.right and baseline.right[1]:
            note += f", from {baseline.right[0] / baseline.right[1]:.1%}"
        found.append(Tile("accuracy", f"{model.right[0] / model.right[1]:.1%}", note))
    return found


def _energy_tiles(comparison: Comparison) -> list[Tile]:
    samples = comparison.model.tally.samples
    delta, whole = comparison.energy_pj, comparison.whole_energy_pj
    spikes = (comparison.baseline.spikes - comparison.model.spikes) / samples
    saved_to = comparison.break_even_rate
    return [
        Tile("ΔE of Eq. 11", _signed(delta / samples), "a recording", delta < 0),
        Tile("ΔE of everything", _signed(whole / samples), "a recording", whole < 0),
        Tile("spikes that went away", count_text(round(spikes)), "a recording", spikes > 0),
        Tile(
            "pays below NASFR",
            f"{saved_to:.4f}" if saved_to is not None else "never",
            f"it is {comparison.model.nasfr:.4f}",
            saved_to is not None and comparison.model.nasfr < saved_to,
        ),
    ]


def _signed(pj: float) -> str:
    return f"{'-' if pj < 0 else '+'}{energy_text(abs(pj))}" if pj else "0"
