"""How sure a share of recordings is, and whether two networks differ in one."""

from __future__ import annotations

from math import comb, sqrt

from snnc.estimator.intervals import Interval

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: both tails leave 95 %."""


def of_share(hits: int, number: int) -> Interval:
    """The Wilson score interval of a share (Wilson 1927): one that is not a point at 0 or 1.

    Args:
        hits: how many.
        number: of how many, at least 1.

    >>> interval = of_share(20, 20)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.839, 1.0)
    """
    share = hits / number
    centre = share + Z**2 / (2 * number)
    half = Z * sqrt(share * (1 - share) / number + Z**2 / (4 * number**2))
    below = 1 + Z**2 / number
    return Interval(max(0.0, (centre - half) / below), min(1.0, (centre + half) / below))


def by_chance(lost: int, won: int) -> float:
    """How probable a split at least as uneven is where losing and winning are as likely: McNemar's
    exact test, two-sided.

    >>> by_chance(5, 1), by_chance(0, 0)
    (0.21875, 1.0)
    """
    number = lost + won
    tail = sum(comb(number, k) for k in range(min(lost, won) + 1)) / float(2**number)
    return min(1.0, 2 * tail)
