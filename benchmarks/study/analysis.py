"""What the rows say: differences at equal firing and at equal cost, their intervals, Holm.

Every number follows docs/study/plan.md. A condition is complete for a number of seeds when all arms
have a final run for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.plan import SEEDS, SIMPLE
from benchmarks.study.runs import Row, unpacked

DRAWS = 10_000
LEVEL = 0.95
Reals = NDArray[np.float64]

Position = Callable[[Row], float]
"""Where a network stands on the axis on which arms are compared."""


def firing(row: Row) -> float:
    """NASFR on the test recordings."""
    return float(row["test"]["nasfr"])


def executed(row: Row) -> float:
    """Energy of a recording by everything executed."""
    return float(row["cost_pj"]["executed"])


def device(row: Row) -> float:
    """Energy of a recording by the device total."""
    return float(row["cost_pj"]["device"])


Key = tuple[str, str, int]
Final = Mapping[Key, Row]
"""(condition, arm, seed) → row of a final run."""


def final(rows: Sequence[Row]) -> dict[Key, Row]:
    """The final runs among some rows."""
    return {
        (row["condition"], row["arm"], row["seed"]): row for row in rows if row["phase"] == "final"
    }


def correct(row: Row) -> Reals:
    """1 for every test recording that is classified correctly, else 0."""
    return unpacked(row["right"], row["recordings"]).astype(np.float64)


def on_the_line(simple: Sequence[Row], where: float, position: Position) -> Reals:
    """What the simple arms have at a place of the axis, recording by recording: linear in its
    logarithm between neighbours, the nearest arm beyond them."""
    points = sorted(simple, key=position)
    places = np.log([max(position(row), 1e-12) for row in points])
    here = np.log(max(where, 1e-12))
    above = int(np.searchsorted(places, here))
    if above in (0, len(points)):
        return correct(points[min(above, len(points) - 1)])
    low, high = places[above - 1], places[above]
    share = (here - low) / (high - low)
    between = (1 - share) * correct(points[above - 1]) + share * correct(points[above])
    return np.asarray(between)


def differences(
    found: Final, condition: str, arm: str, seeds: Sequence[int], position: Position
) -> Reals:
    """accuracy(arm) - accuracy(simple at its place), [seeds, recordings]."""
    rows = []
    for seed in seeds:
        own = found[condition, arm, seed]
        simple = [found[condition, name, seed] for name in SIMPLE]
        rows.append(correct(own) - on_the_line(simple, position(own), position))
    return np.stack(rows)


def direct(found: Final, condition: str, arms: tuple[str, str], seeds: Sequence[int]) -> Reals:
    """accuracy(first arm) - accuracy(second), both as they are, [seeds, recordings]."""
    first, second = arms
    return np.stack(
        [
            correct(found[condition, first, seed]) - correct(found[condition, second, seed])
            for seed in seeds
        ]
    )


@dataclass(frozen=True)
class Estimate:
    """A mean difference of accuracy with its interval and p-value; shares, not points."""

    mean: float
    low: float
    high: float
    p: float

    def as_json(self) -> dict[str, float]:
        """All of it."""
        return dict(vars(self))


def estimate(tables: Sequence[Reals], draws: int = DRAWS, seed: int = 0) -> Estimate:
    """The mean over conditions of the mean difference, by the hierarchical bootstrap.

    Args:
        tables: a condition each, [seeds, recordings], with the same seeds.
        draws: how many.
        seed: of the dice.
    """
    seeds = _drawn(len(tables[0]), draws, (seed, 0))
    means = np.zeros(draws)
    for place, table in enumerate(tables, start=1):
        recordings = _drawn(table.shape[1], draws, (seed, place))
        means += np.einsum("dr,dr->d", seeds @ table, recordings) / len(tables)
    edges = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    tail = min(int((means <= 0).sum()), int((means >= 0).sum()))
    p = min(1.0, 2 * (tail + 1) / (draws + 1))
    mean = float(np.mean([table.mean() for table in tables]))
    return Estimate(mean, float(edges[0]), float(edges[1]), p)


@cache
def _drawn(number: int, draws: int, seed: tuple[int, int]) -> Reals:
    """The share of each of so many units in each draw, [draws, units]."""
    even = np.full(number, 1 / number)
    return np.random.default_rng(seed).multinomial(number, even, size=draws) / number


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted for being several (Holm 1979).

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = round(highest, 12)
    return adjusted


def complete_seeds(found: Final, condition: str, arms: Sequence[str]) -> list[int]:
    """The seeds for which all these arms have a final run."""
    return [seed for seed in SEEDS if all((condition, arm, seed) in found for arm in arms)]
