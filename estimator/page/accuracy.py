"""Accuracy on a page: its interval, what a baseline lost or won, which classes are mixed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.estimator.intervals import Interval
from snnc.estimator.intervals.shares import by_chance, of_share

if TYPE_CHECKING:
    from snnc.estimator.report import Subject
    from snnc.estimator.survey import Recorded

FEW = 100
"""Fewer labelled recordings than this are said to be few."""

MOST_CLASSES = 40
"""Classes that a confusion matrix shows cell by cell."""


@dataclass(frozen=True)
class Accuracy:
    """How many labelled recordings a network is right about."""

    right: int
    labelled: int

    @property
    def share(self) -> float:
        """The accuracy, 0 to 1."""
        return self.right / self.labelled

    @property
    def interval(self) -> Interval:
        """Where it may lie."""
        return of_share(self.right, self.labelled)

    @property
    def text(self) -> str:
        """``98.0 % (49 of 50; 95 % interval 89.5 to 99.6)``."""
        ends = self.interval
        return (
            f"{self.share:.1%} ({self.right:,} of {self.labelled:,}; 95 % interval "
            f"{100 * ends.low:.1f} to {100 * ends.high:.1f})"
        )


def accuracy_of(subject: Subject | None) -> Accuracy | None:
    """A network's accuracy; None without labels."""
    if subject is None or subject.right is None or not subject.right[1]:
        return None
    return Accuracy(*subject.right)


def warnings(model: Subject, baseline: Subject | None) -> list[str]:
    """What is to be said before anyone relies on the accuracy."""
    ours, theirs = accuracy_of(model), accuracy_of(baseline)
    if ours is None:
        return ["The recordings have no labels: nothing here says how often the network is right."]
    found = []
    if theirs is not None and ours.right < theirs.right:
        found.append(
            f"Accuracy falls from {theirs.share:.1%} to {ours.share:.1%}{_split(model, baseline)}."
        )
    if ours.labelled < FEW:
        width = 100 * (ours.interval.high - ours.interval.low)
        found.append(
            f"{ours.labelled:,} recordings are few: the accuracy's 95 % interval is "
            f"{width:.0f} points wide."
        )
    return found


def _split(model: Subject, baseline: Subject | None) -> str:
    """Which recordings the model lost and won, where both networks' are known one by one."""
    theirs = baseline.records if baseline is not None else ()
    pairs = [(a.right, b.right) for a, b in zip(model.records, theirs, strict=False)]
    lost, won = pairs.count((False, True)), pairs.count((True, False))
    if not lost + won:
        return ""
    return (
        f": {lost} recordings lost, {won} won; by chance alone a split so uneven has probability "
        f"{by_chance(lost, won):.2g} (McNemar's exact test)"
    )


@dataclass(frozen=True)
class Confusion:
    """How often each class was taken for which.

    Attributes:
        classes: the classes that occur, in order.
        counts: (label, given class) → recordings.
    """

    classes: tuple[int, ...]
    counts: Counter[tuple[int, int]]

    @classmethod
    def of(cls, records: Sequence[Recorded]) -> Confusion | None:
        """Of the recordings with a label; None where there are none."""
        pairs = Counter(
            (record.label, record.given)
            for record in records
            if record.label is not None and record.given is not None
        )
        classes = sorted({each for pair in pairs for each in pair})
        return cls(tuple(classes), pairs) if pairs else None

    @property
    def fits(self) -> bool:
        """Whether there are few enough classes to show them all."""
        return len(self.classes) <= MOST_CLASSES

    def of_label(self, label: int) -> int:
        """Recordings of a class."""
        return sum(self.counts[label, given] for given in self.classes)

    @property
    def mistakes(self) -> list[tuple[int, int, int]]:
        """(label, given class, recordings) of what went wrong, the most frequent first."""
        wrong = [(a, b, n) for (a, b), n in self.counts.items() if a != b]
        return sorted(wrong, key=lambda entry: (-entry[2], entry[0], entry[1]))
