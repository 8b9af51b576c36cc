"""How sure a mean over recordings is: percentile bootstrap, with recordings as the units.

Recordings are drawn again with replacement :data:`RESAMPLES` times; the interval holds the middle
:data:`LEVEL` of the means (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).
Comparisons are paired: a draw takes a recording of both networks, so what makes recordings differ
falls out. Training is not drawn again: an interval says nothing about another seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Where a mean may lie, in the unit of the mean."""

    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """The interval of a positive multiple."""
        return Interval(self.low * factor, self.high * factor)

    def as_json(self) -> list[float]:
        """``[low, high]``."""
        return [self.low, self.high]


def of_mean(values: Sequence[float]) -> Interval | None:
    """The interval of a mean over recordings; None for fewer than two of them."""
    return of_ratio(values, [1.0] * len(values))


def of_ratio(above: Sequence[float], below: Sequence[float]) -> Interval | None:
    """The interval of a ratio of two sums over the same recordings.

    Args:
        above: the numerator's part of each recording.
        below: the denominator's; where a draw sums to 0 there is no ratio, and no interval.
    """
    if len(above) < 2:
        return None
    drawn = _draws(len(above))
    sums = drawn @ np.asarray(below, np.float64)
    if not sums.all():
        return None
    edges = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low, high = np.quantile(drawn @ np.asarray(above, np.float64) / sums, edges)
    return Interval(float(low), float(high))


@cache
def _draws(recordings: int) -> Reals:
    """How often each recording is drawn in each resample, [RESAMPLES, recordings]."""
    generator = np.random.default_rng(SEED)
    even = np.full(recordings, 1 / recordings)
    return generator.multinomial(recordings, even, size=RESAMPLES).astype(np.float64)


def method_json(recordings: int) -> dict[str, Any]:
    """How the intervals of a report were made."""
    return {
        "method": "percentile bootstrap over recordings, paired for comparisons",
        "level": LEVEL,
        "resamples": RESAMPLES,
        "seed": SEED,
        "recordings": recordings,
    }
