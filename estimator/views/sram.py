"""How much the views that know memory depend on the SRAM that a chip has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from snnc.estimator.memory_access import Accesses
from snnc.estimator.survey import Recorded
from snnc.estimator.tables import MemoryPrices
from snnc.estimator.views import Change, Views, changes

SIZES = (64 * 1024, 256 * 1024, 1024 * 1024, None)
"""Bytes of SRAM that are tried; None: all memory on the chip."""


@dataclass(frozen=True)
class AtSize:
    """The views of memory traffic and of the device total for one size of SRAM."""

    on_chip_bytes: int | None
    memory: Change
    device: Change

    @property
    def title(self) -> str:
        """The size in words."""
        return "all" if self.on_chip_bytes is None else f"{self.on_chip_bytes // 1024:,} KiB"

    def as_json(self) -> dict[str, Any]:
        """``on_chip_bytes`` (None: all), and ``memory`` and ``device`` as in ``views``."""
        return {
            "on_chip_bytes": self.on_chip_bytes,
            "memory": self.memory.as_json(),
            "device": self.device.as_json(),
        }


def at_sizes(
    networks: Sequence[tuple[Views, Accesses, Sequence[Recorded]]], prices: MemoryPrices
) -> list[AtSize]:
    """The views that know memory, for each of :data:`SIZES`.

    Args:
        networks: the model's views, accesses and recordings, then the baseline's if there is one.
        prices: of memory; its own size on the chip is left aside.
    """
    found = []
    for size in SIZES:
        at = replace(prices, on_chip_bytes=size)
        views = [given.with_sram(accesses, at, records) for given, accesses, records in networks]
        by_name = {change.model.name: change for change in changes(*views)}
        found.append(AtSize(size, by_name["memory"], by_name["device"]))
    return found
