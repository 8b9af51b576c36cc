"""Views in sentences: every figure with the view that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from snnc.estimator.intervals.means import Mean
from snnc.estimator.units import brief, energy_text
from snnc.estimator.views import Change, View, disagree

MEANINGS = {
    "eq11": "E_AC·AC + E_MAC·MAC, weighted sums only",
    "executed": "all operations: weighted sums, products, sums, comparisons",
    "memory": "events, weights, potentials, currents that attention keeps",
    "device": "operations and memory together",
}
"""What each view counts, in a few words."""


def meaning(view: View) -> str:
    """What a view counts, in words."""
    return view.note or MEANINGS[view.name]


def signed(pj: float) -> str:
    """An energy difference with its sign; 0 without a unit."""
    return f"{'-' if pj < 0 else '+'}{energy_text(abs(pj))}" if pj else "0"


def share(change: Change) -> str:
    """ΔE as a signed percentage of the baseline's energy in the same view; "" without one."""
    return "" if change.relative is None else f"{change.relative:+.1%}"


def between(change: Change) -> str:
    """The interval of a view a recording, ΔE's where there is a baseline: "-11 µJ to -9 µJ"; ""
    where there is none."""
    interval = change.interval
    if interval is None:
        return ""
    text = signed if change.baseline else energy_text
    return f"{text(interval.low)} to {text(interval.high)}"


def mean_text(mean: Mean | None, *, sign: bool = False) -> str:
    """A mean with three digits: "0.0586"; "" for none."""
    return "" if mean is None else _number(mean.mean, sign)


def interval_text(mean: Mean | None, *, sign: bool = False) -> str:
    """A mean's interval: "0.0571 to 0.0602"; "" for none."""
    if mean is None or mean.interval is None:
        return ""
    return " to ".join(_number(end, sign) for end in (mean.interval.low, mean.interval.high))


def number_text(mean: Mean | None, *, sign: bool = False) -> str:
    """A mean with its interval: "0.0586 (0.0571 to 0.0602)"; "" for none."""
    ends = interval_text(mean, sign=sign)
    return f"{mean_text(mean, sign=sign)} ({ends})" if ends else mean_text(mean, sign=sign)


def _number(value: float, sign: bool) -> str:
    plus = "+" if sign and value > 0 else ""
    return f"{plus}{brief(round(value)) if abs(value) >= 100 else format(value, '.3g')}"


def headline(model: str, baseline: str | None, changes: Sequence[Change], samples: int) -> str:
    """What the views say, in one sentence. Where they disagree in sign it says so first.

    Args:
        model: how the model is called.
        baseline: how its baseline is called, None for a model alone.
        changes: the views, at least one.
        samples: recordings that the energies are sums of.
    """
    if baseline is None:
        listed = [f"{_each(change.model, samples)} by {change.model.title}" for change in changes]
        return f"{model} spends {_and(listed)} a recording."
    if disagree(list(changes)):
        ways = (("saves", -1), ("costs", 1), ("costs nothing more", 0))
        told = [
            f"{verb} by {_and([_named(change, samples) for change in changes if change.sign == s])}"
            for verb, s in ways
            if any(change.sign == s for change in changes)
        ]
        return f"The views disagree: against {baseline}, {model} {' and '.join(told)} a recording."
    verb = "saves" if min(change.sign for change in changes) < 0 else "costs"
    every = " in every view" if len(changes) > 1 else ""
    listed = [_named(change, samples) for change in changes]
    return f"{model} {verb} energy against {baseline}{every}: {_and(listed)} a recording."


def _each(view: View, samples: int) -> str:
    return energy_text(view.energy_pj / samples)


def _named(change: Change, samples: int) -> str:
    interval = change.interval
    unsure = interval is not None and interval.low <= 0 <= interval.high
    figures = [signed(change.energy_pj / samples), share(change)]
    figures += ["its interval holds 0"] if unsure else []
    return f"{change.model.title} ({', '.join(filter(None, figures))})"


def _and(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
