"""Where in a program a node is computed."""

from __future__ import annotations

from dataclasses import dataclass

from snnc.compiler.program.program import Band, Body


@dataclass
class RowBodies:
    """The bodies of a fused loop: before its loop over rows, in it, and after it."""

    band: Band
    before: Body
    body: Body
    after: Body


@dataclass(frozen=True)
class Place:
    """Where a node is computed.

    Attributes:
        stage: of the schedule.
        looped: in its loop over the steps, instead of once.
        rows: the bodies of the fused loop that it is part of, if any.
    """

    stage: int
    looped: bool
    rows: RowBodies | None = None
