"""How large a user's data and models may be: one table, checked before memory is taken.

A header can declare any number. Each number here is far above what anybody trains or records, and
low enough that what passes it neither fills a machine's memory nor runs for ever. The environment
variable ``SNNC_LIMITS`` raises or lowers them: ``SNNC_LIMITS=time_steps=100000,events=1000000000``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from snnc.errors import BAD_OPTION, OVER_LIMIT, SnncError

VARIABLE = "SNNC_LIMITS"


@dataclass(frozen=True)
class Limit:
    """The largest number of something, and what it counts."""

    most: int
    counts: str


LIMITS: dict[str, Limit] = {
    "time_steps": Limit(2**14, "time steps of a window"),
    "elements": Limit(2**28, "numbers in one tensor: a parameter, or a window of input"),
    "parameters": Limit(2**29, "parameters of a model"),
    "nodes": Limit(2**16, "nodes of a NIR graph, and its edges"),
    "events": Limit(2**27, "events of a recording"),
    "duration_us": Limit(2**40, "microseconds from a recording's first event to its last"),
    "images": Limit(2**16, "pictures of a recording in event images"),
    "samples": Limit(2**20, "recordings in one file of a data set"),
    "file_bytes": Limit(2**31, "bytes of a file that is read whole"),
}
"""By the name that ``SNNC_LIMITS`` takes."""


def limit(name: str) -> int:
    """The largest number allowed: of ``SNNC_LIMITS``, else of :data:`LIMITS`.

    Raises:
        SnncError: BAD_OPTION where the variable is not a list of name=number.
    """
    return _chosen().get(name, LIMITS[name].most)


def check(name: str, number: int, *, where: str = "") -> None:
    """Refuse more than :func:`limit` allows.

    Raises:
        SnncError: OVER_LIMIT with both numbers; BAD_OPTION as :func:`limit`.
    """
    most = limit(name)
    if number > most:
        raise SnncError(
            OVER_LIMIT,
            f"{_shown(number)} {LIMITS[name].counts}, and snnc takes at most {most:,}",
            where=where,
            hint=f"If it is meant, set the environment variable {VARIABLE}={name}=N.",
        )


def check_elements(shape: Iterable[int], *, where: str = "") -> None:
    """Refuse a tensor of more numbers than allowed. Raises SnncError as :func:`check`."""
    count = 1
    for size in shape:
        count *= size
    check("elements", count, where=where)


def _shown(number: int) -> str:
    return f"{number:,}" if number < 10**18 else "more than 10^18"


def _chosen() -> dict[str, int]:
    chosen: dict[str, int] = {}
    for entry in filter(None, os.environ.get(VARIABLE, "").split(",")):
        name, _, number = entry.strip().partition("=")
        if name not in LIMITS or not (number.isascii() and number.isdecimal()) or len(number) > 18:
            raise SnncError(
                BAD_OPTION,
                f"the entry {entry!r} is not NAME=NUMBER with a name of {', '.join(LIMITS)}",
                where=VARIABLE,
            )
        chosen[name] = int(number)
    return chosen
