"""The table of all rules, by overload: each module of rules fills its part."""

from __future__ import annotations

from typing import Any

from snnc.compiler.frontend.understand.body_values import TABLE
from snnc.compiler.frontend.understand.rules import (
    arithmetic,
    attention,
    indexing,
    layers,
    norms,
    resizing,
    statistics,
    wiring,
    writing,
)

__all__ = ["FILLED_BY", "TABLE"]

FILLED_BY: tuple[Any, ...] = (
    *(arithmetic, attention, indexing, layers, norms, resizing, statistics, wiring, writing),
)
