"""What a comparison amounts to, in sentences and in a few numbers, before any figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snnc.estimator import measures
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.subject import Subject
from snnc.estimator.units import count_text, energy_text
from snnc.estimator.views import Change
from snnc.estimator.views.words import headline, share, signed


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
    changes: Sequence[Change] = (),
) -> list[Sentence]:
    """The verdict on a network, or on a pair; energy comes first, view by view."""
    found: list[str] = []
    if estimate is not None:
        against = baseline.name if comparison is not None and baseline is not None else None
        found.append(headline(model.name, against, changes, estimate.tally.samples))
        if against is None:
            found.append(_largest(estimate))
    rates = _rates(model, baseline, estimate, comparison)
    if rates:
        found.append(_firing(rates, headline=not found, name=model.name))
    found += _accuracy(model, baseline)
    return [Sentence(text) for text in found]


def _largest(estimate: Estimate) -> str:
    table = estimate.table
    largest = max(estimate.layers, key=lambda entry: table.weighted(entry.totals))
    part = table.weighted(largest.totals) / estimate.energy_pj if estimate.energy_pj else 0.0
    return f"By Eq. 11, {part:.0%} of the energy is spent in {largest.layer.name}."


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
    changes: Sequence[Change] = (),
) -> list[Tile]:
    """The numbers of the verdict."""
    found: list[Tile] = []
    if comparison is not None:
        found += _energy_tiles(comparison, changes)
    elif estimate is not None:
        samples = estimate.tally.samples
        for change in changes:
            energy = energy_text(change.model.energy_pj / samples)
            found.append(Tile(f"energy, {change.model.title}", energy, "a recording"))
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


def _energy_tiles(comparison: Comparison, changes: Sequence[Change]) -> list[Tile]:
    samples = comparison.model.tally.samples
    spikes = (comparison.baseline.spikes - comparison.model.spikes) / samples
    saved_to = comparison.break_even_rate
    views = [
        Tile(
            f"ΔE, {change.model.title}",
            signed(change.energy_pj / samples),
            f"a recording, {share(change)}",
            change.sign < 0,
        )
        for change in changes
    ]
    return [
        *views,
        Tile("spikes that went away", count_text(round(spikes)), "a recording", spikes > 0),
        Tile(
            "pays by Eq. 11 below NASFR",
            f"{saved_to:.4f}" if saved_to is not None else "never",
            f"it is {comparison.model.nasfr:.4f}",
            saved_to is not None and comparison.model.nasfr < saved_to,
        ),
    ]
