"""Means over recordings with their intervals: accuracy, firing rates, operations a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snnc.estimator.conventions import COUNTERS
from snnc.estimator.intervals import Interval, method_json, of_mean

if TYPE_CHECKING:
    from snnc.estimator.survey import Recorded, Survey

KINDS = {"ac": "AC", "mac": "MAC", "mul": "products", "add": "sums", "cmp": "comparisons"}


@dataclass(frozen=True)
class Mean:
    """A mean over recordings.

    Attributes:
        values: of each recording.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean."""
        return sum(self.values) / len(self.values)

    @property
    def interval(self) -> Interval | None:
        """Its interval; None for one recording."""
        return of_mean(self.values)

    def minus(self, other: Mean) -> Mean:
        """The mean of the differences, recording by recording."""
        return Mean(tuple(a - b for a, b in zip(self.values, other.values, strict=True)))

    def as_json(self) -> dict[str, Any]:
        """``mean`` and ``interval`` ([low, high], or None)."""
        interval = self.interval
        return {"mean": self.mean, "interval": interval and interval.as_json()}


@dataclass(frozen=True)
class Measure:
    """One quantity of a model, beside its baseline's on the same recordings."""

    name: str
    title: str
    model: Mean
    baseline: Mean | None

    @property
    def delta(self) -> Mean | None:
        """MODEL - BASELINE, paired."""
        return self.model.minus(self.baseline) if self.baseline else None


def measures_of(surveys: Sequence[Survey], convention: str) -> list[Measure]:
    """Accuracy (where every recording has a label), NASFR, spikes, operations (where they were
    counted by the convention) and the firing rate of each layer: all a recording.

    Args:
        surveys: the model's, then the baseline's if there is one, on the same recordings.
        convention: whose operations.
    """
    ours, *others = (dict(_means(survey, convention)) for survey in surveys)
    theirs = others[0] if others else {}
    return [Measure(name, _title(name), mean, theirs.get(name)) for name, mean in ours.items()]


def certainty_json(measures: Sequence[Measure]) -> dict[str, Any]:
    """The ``interval`` key of the energy report: how, and each quantity's means a recording."""
    recordings = len(measures[0].model.values) if measures else 0
    return method_json(recordings) | {
        entry.name: {
            "model": entry.model.as_json(),
            "baseline": entry.baseline and entry.baseline.as_json(),
            "delta": entry.delta and entry.delta.as_json(),
        }
        for entry in measures
    }


def _title(name: str) -> str:
    if name.startswith("firing_rate."):
        return f"firing rate, {name.removeprefix('firing_rate.')}"
    return KINDS.get(name, {"nasfr": "NASFR"}.get(name, name))


def _means(survey: Survey, convention: str) -> Iterator[tuple[str, Mean]]:
    records = survey.records
    if not records:
        return
    steps = survey.network.executed.time_steps
    neurons = {entry.name: entry.neuron_count for entry in survey.network.executed_layers}
    if all(record.right is not None for record in records):
        yield "accuracy", _mean(records, lambda record: float(bool(record.right)))
    places = sum(neurons.values()) * steps
    if places:
        yield "nasfr", _mean(records, lambda record: sum(record.spikes.values()) / places)
    yield "spikes", _mean(records, lambda record: float(sum(record.spikes.values())))
    for counter in COUNTERS if convention in records[0].counts else ():
        yield counter, _mean(records, lambda record, key=counter: record.total(convention, key))
    for layer, count in neurons.items():
        if count:
            rate = _mean(records, lambda record, at=layer, n=count: record.spikes[at] / (n * steps))
            yield f"firing_rate.{layer}", rate


def _mean(records: Sequence[Recorded], value: Callable[..., float]) -> Mean:
    return Mean(tuple(value(record) for record in records))
