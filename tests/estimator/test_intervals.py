"""Intervals over recordings: known cases, pairing, and that they hold what they say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.intervals import LEVEL, Interval, of_mean, of_ratio
from snnc.estimator.intervals.means import Mean, certainty_json, measures_of
from snnc.estimator.report import Report, Subject
from snnc.estimator.survey import Survey
from tests.support.counting import ByHand, by_hand_frames, interpret, network_of


def test_equal_values_have_no_spread_and_one_recording_no_interval() -> None:
    assert of_mean([3.0] * 7) == Interval(3.0, 3.0)
    assert of_mean([3.0]) is None
    assert of_mean([]) is None
    assert of_ratio([1.0, 2.0], [0.0, 0.0]) is None
    assert of_ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]) == Interval(2.0, 2.0)
    assert Interval(1.0, 2.0).times(3).as_json() == [3.0, 6.0]


def test_interval_is_that_of_the_mean_s_normal_law() -> None:
    """For many recordings the bootstrap agrees with mean ± 1.96 standard errors."""
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = of_mean(list(values))
    assert found is not None
    error = 1.96 * values.std() / 20
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - error, values.mean() + error), abs=0.15 * error
    )
    assert of_mean(list(values)) == found  # the seed is fixed


def test_95_percent_intervals_hold_the_true_mean_about_so_often() -> None:
    draw = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        found = of_mean(list(draw.exponential(1.0, 60)))
        assert found is not None
        held += found.low <= 1.0 <= found.high
    assert LEVEL - 0.06 < held / 300 < LEVEL + 0.03


def test_differences_are_paired() -> None:
    """Recordings differ by much, the networks by little: only pairs show it."""
    theirs = np.random.default_rng(3).normal(100, 30, 50)
    ours = theirs - 1
    difference = Mean(tuple(ours)).minus(Mean(tuple(theirs))).interval
    assert difference is not None
    assert (difference.low, difference.high) == pytest.approx((-1, -1))
    alone = Mean(tuple(ours)).interval
    assert alone is not None
    assert alone.high - alone.low > 10


def lies_in(value: float, interval: Interval) -> bool:
    """Whether it does, to float64's rounding of a sum."""
    slack = 1e-12 * abs(value)
    return interval.low - slack <= value <= interval.high + slack


def surveys() -> list[Survey]:
    """A gated and a plain network on four recordings; one of them is in the wrong order."""
    given = np.random.default_rng(5).poisson(0.6, (3, 2, 1, 4, 4))
    recordings = [by_hand_frames(), *given]
    found = []
    for gate in (True, False):
        network = network_of(ByHand(gate), (1, 4, 4), 2)
        rules = [CONVENTIONS[name] for name in ("executed", "paper")]
        survey = Survey(network, rules, memory=True)
        for place, activity in enumerate(observe(network, recordings, interpret)):
            survey.add(activity, place % 3)
        found.append(survey)
    return found


def test_recordings_add_up_to_the_totals_and_merge_in_order() -> None:
    survey, _ = surveys()
    network = survey.network
    for name, tally in survey.tallies.items():
        totals = {entry.layer.name: entry.totals for entry in tally.per_layer()}
        for counter in ("ac", "mac", "mul", "add", "cmp"):
            assert sum(record.total(name, counter) for record in survey.records) == sum(
                entry[counter] for entry in totals.values()
            )
    halves = [Survey(network, [CONVENTIONS["executed"]]) for _ in range(2)]
    given = np.random.default_rng(5).poisson(0.6, (3, 2, 1, 4, 4))
    recordings = [by_hand_frames(), *given]
    for place, activity in enumerate(observe(network, recordings, interpret)):
        halves[place % 2].add(activity, place % 3, place)
    halves[0].merge(halves[1].sums())
    assert [record.place for record in halves[0].records] == [0, 1, 2, 3]
    assert [r.spikes for r in halves[0].records] == [r.spikes for r in survey.records]


def test_every_mean_of_a_report_has_its_interval() -> None:
    both = surveys()
    measures = measures_of(both, "executed")
    names = [entry.name for entry in measures]
    assert names[:8] == ["accuracy", "nasfr", "spikes", "ac", "mac", "mul", "add", "cmp"]
    assert "firing_rate.layer1" in names
    result = json.loads(json.dumps(certainty_json(measures), allow_nan=False))
    assert result["recordings"] == 4
    for name in names:
        for part in ("model", "baseline", "delta"):
            low, high = result[name][part]["interval"]
            assert low <= result[name][part]["mean"] <= high
    table = tables.load("horowitz-f32")
    report = Report(*(Subject.of(str(n), survey, table) for n, survey in enumerate(both)))
    for change in report.changes:
        assert sum(change.model.each) == pytest.approx(change.model.energy_pj)
        assert change.interval is not None
        assert lies_in(change.energy_pj / 4, change.interval)
        assert lies_in(change.energy_pj, Interval(*change.as_json()["interval"]["delta"]))
        shares = change.relative_interval
        assert shares is not None
        assert change.relative is not None
        assert lies_in(change.relative, shares)


def test_accuracy_needs_a_label_for_every_recording() -> None:
    network = network_of(ByHand(), (1, 4, 4), 2)
    survey = Survey(network)
    for activity in observe(network, [by_hand_frames()] * 2, interpret):
        survey.add(activity)
    names = [entry.name for entry in measures_of([survey], "executed")]
    assert "accuracy" not in names
    assert "ac" not in names
    assert "nasfr" in names
