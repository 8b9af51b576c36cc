"""What a page says first: the answer in one sentence, with the whole cost; the paper's view beside
it; accuracy; what to be careful about; and whether the C is proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.estimator.page.accuracy import accuracy_of, warnings
from snnc.estimator.units import energy_text
from snnc.estimator.views import Change
from snnc.estimator.views.words import share, signed

if TYPE_CHECKING:
    from snnc.estimator.report import Report

MEANS = {
    "device": "The device total is all executed operations and their memory traffic",
    "executed": "Everything executed is all operations, without memory traffic",
    "eq11": "Eq. 11 is weighted sums only",
}


@dataclass(frozen=True)
class Tile:
    """One number: what it is, its value, what it is compared with; good or bad news, or neither."""

    label: str
    value: str
    note: str
    good: bool | None = None


@dataclass(frozen=True)
class Answer:
    """What is said before any figure.

    Attributes:
        sentence: the answer.
        good: whether it is good news; None where the recordings do not decide it.
        more: the sentences after it.
        warnings: what to be careful about.
        tiles: the few numbers under it.
    """

    sentence: str
    good: bool | None
    more: tuple[str, ...]
    warnings: tuple[str, ...]
    tiles: tuple[Tile, ...]


def answer_of(report: Report) -> Answer:
    """The answer of a page."""
    whole = report.whole
    if whole is None:
        return _of_redundancy(report)
    careful = [*warnings(report.model, report.baseline), *_silent(report)]
    worse = any(text.startswith("Accuracy falls") for text in careful)
    good = _good(whole)
    more = [_accuracy(report), _meaning(whole), *_paper(report, whole), _firing(report)]
    return Answer(
        _sentence(report, whole),
        None if worse and good else good,
        tuple(filter(None, more)),
        tuple(careful),
        tuple(_tiles(report, whole)),
    )


def certain(change: Change) -> bool:
    """Whether the recordings decide the sign of a difference."""
    interval = change.interval
    return change.sign != 0 and (interval is None or not interval.low <= 0 <= interval.high)


def tone(change: Change) -> str:
    """The class of a difference on the page: save, cost, or none where its sign is not certain."""
    return {True: "save", False: "cost", None: ""}[_good(change)]


def _good(change: Change) -> bool | None:
    if change.baseline is None or not certain(change):
        return None
    return change.sign < 0


def _sentence(report: Report, whole: Change) -> str:
    ours = energy_text(whole.model.energy_pj / report.samples)
    name, view = report.model.title, whole.model.title
    if whole.baseline is None or report.baseline is None:
        return f"{name} needs {ours} per inference ({view})."
    theirs, other = energy_text(whole.baseline.energy_pj / report.samples), report.baseline.title
    if not certain(whole):
        both = f"{ours} and {theirs} per inference ({view})"
        return f"{name} needs about as much energy as {other}: {both}."
    amounts = f"{ours} instead of {theirs} per inference ({view})"
    way = "less" if whole.sign < 0 else "more"
    much = "" if whole.relative is None else f"{abs(whole.relative):.1%} "
    return f"{name} needs {much}{way} energy than {other}: {amounts}."


def _meaning(whole: Change) -> str:
    """What the view of the answer counts, and whether the recordings decide its sign."""
    text = MEANS[whole.model.name]
    if whole.baseline is not None and not certain(whole):
        text += (
            f"; whether its difference ({share(whole) or '0'}) is real these recordings do not say"
        )
    return f"{text}."


def _accuracy(report: Report) -> str:
    ours, theirs = accuracy_of(report.model), accuracy_of(report.baseline)
    if ours is None:
        return ""
    return f"Accuracy {ours.text}" + (f", the baseline's {theirs.text}." if theirs else ".")


def _paper(report: Report, whole: Change) -> list[str]:
    """Eq. 11 beside the answer, and what turns its sign."""
    views = {change.model.name: change for change in report.changes}
    eq11 = views.get("eq11")
    if eq11 is None or eq11 is whole:
        return []
    if eq11.baseline is None:
        energy = energy_text(eq11.model.energy_pj / report.samples)
        return [f"Eq. 11, the paper's view, prices weighted sums alone: {energy} per inference."]
    change = f"{signed(eq11.energy_pj / report.samples)} per inference ({share(eq11)})"
    text = f"Eq. 11, the paper's view, prices weighted sums alone: {change}."
    if not certain(whole):
        text += " With what Eq. 11 leaves out the sign is open."
    elif eq11.sign != whole.sign:
        text += " What Eq. 11 leaves out turns the sign."
    return [text]


def _firing(report: Report) -> str:
    rates = report.firing
    if not rates:
        return ""
    if len(rates) == 1 or not rates[1]:
        return f"{rates[0]:.3g} spikes a neuron and step (NASFR)."
    change = rates[0] / rates[1] - 1
    less = "fewer" if change < 0 else "more"
    return f"{abs(change):.0%} {less} spikes: NASFR {rates[1]:.4f} → {rates[0]:.4f}."


def _silent(report: Report) -> list[str]:
    layers = report.estimate.layers if report.estimate else []
    silent = [e.layer.name for e in layers if e.layer.neurons and not sum(e.spikes)]
    return [f"Never fired on these recordings: {', '.join(silent)}."] if silent else []


def _of_redundancy(report: Report) -> Answer:
    firing = _firing(report)
    name = report.model.title
    against = f" against {report.baseline.title}" if report.baseline else ""
    return Answer(
        f"{name}{against}: {firing}",
        None,
        tuple(filter(None, [_accuracy(report)])),
        tuple(warnings(report.model, report.baseline)),
        tuple(_common(report)),
    )


def _tiles(report: Report, whole: Change) -> list[Tile]:
    samples = report.samples
    found = [_energy(whole, samples, _good(whole))]
    found += _common(report)
    others = [change for change in report.changes if change is not whole]
    return found + [_energy(change, samples, None) for change in reversed(others)]


def _energy(change: Change, samples: int, good: bool | None) -> Tile:
    paper = ", the paper's view" if change.model.name == "eq11" else ""
    ours = energy_text(change.model.energy_pj / samples)
    if change.baseline is None:
        return Tile(f"{change.model.title}{paper}", ours, "per inference")
    theirs = energy_text(change.baseline.energy_pj / samples)
    return Tile(f"{change.model.title}{paper}", share(change) or "0", f"{theirs} → {ours}", good)


def _common(report: Report) -> list[Tile]:
    found = []
    ours, theirs = accuracy_of(report.model), accuracy_of(report.baseline)
    if ours is not None:
        ends = ours.interval
        note = f"{100 * ends.low:.0f} to {100 * ends.high:.0f} % of {ours.labelled:,}"
        good = None
        if theirs is not None:
            note = f"from {theirs.share:.1%}; {note}"
            good = False if ours.right < theirs.right else None
        found.append(Tile("accuracy", f"{ours.share:.1%}", note, good))
    rates = report.firing
    if rates:
        note = f"from {rates[1]:.4f}" if len(rates) > 1 else "spikes a neuron and step"
        found.append(Tile("NASFR", f"{rates[0]:.4f}", note))
    return found
