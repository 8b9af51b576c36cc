"""Counting conventions, one file each, and the table that lists them."""

from __future__ import annotations

from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator.conventions.base import COUNTERS, Convention, CountedOn
from snnc.estimator.conventions.dense import DENSE
from snnc.estimator.conventions.executed import EXECUTED
from snnc.estimator.conventions.neurobench import NEUROBENCH
from snnc.estimator.conventions.paper import PAPER
from snnc.estimator.conventions.spikingjelly import SPIKINGJELLY
from snnc.estimator.conventions.syops import SYOPS

CONVENTIONS: dict[str, Convention] = {
    entry.name: entry for entry in (EXECUTED, PAPER, DENSE, SYOPS, SPIKINGJELLY, NEUROBENCH)
}

__all__ = ["CONVENTIONS", "COUNTERS", "EXECUTED", "Convention", "CountedOn", "convention_called"]


def convention_called(name: str) -> Convention:
    """The convention of that name. Raises SnncError (BAD_OPTION) for another."""
    if name not in CONVENTIONS:
        raise SnncError(
            BAD_OPTION,
            f"there is no counting convention called {name!r}",
            hint=f"Choose one of {', '.join(CONVENTIONS)}.",
        )
    return CONVENTIONS[name]
