"""The arena: where every buffer lies, shared by lifetime.

Time is a line of positions: the nodes of a stage's loop, one after the other, then the nodes of its
once-part. A buffer lives from its first to its last position; what must survive from one step to
the next lives for the whole loop. Two buffers may share memory if their lives do not meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALIGNMENT = 64
"""Every buffer starts on a cache line; the arena must be aligned alike."""


@dataclass(frozen=True)
class Buffer:
    """A buffer to place: ``size`` in bytes and the first and last position of its life."""

    name: str
    role: str
    size: int
    first: int
    last: int

    def meets(self, other: Buffer) -> bool:
        """Whether the two are ever alive at the same position."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """Offsets by buffer name, the size of the arena, and the least any plan could need (bytes)."""

    buffers: tuple[Buffer, ...]
    offsets: Mapping[str, int]
    size: int
    lower_bound: int

    def by_role(self) -> dict[str, int]:
        """Bytes asked for by role (states, stored, values, scratch), before sharing."""
        totals: dict[str, int] = {}
        for buffer in self.buffers:
            totals[buffer.role] = totals.get(buffer.role, 0) + buffer.size
        return totals


def plan(buffers: Sequence[Buffer]) -> Plan:
    """Place the largest buffers first, each at the lowest offset that is free for its life."""
    placed: list[tuple[int, Buffer]] = []
    offsets: dict[str, int] = {}
    for buffer in sorted(buffers, key=lambda b: (-b.size, b.first, b.name)):
        neighbours = sorted(
            ((offset, other) for offset, other in placed if other.meets(buffer)),
            key=lambda entry: entry[0],
        )
        offset = 0
        for taken, other in neighbours:
            if offset + buffer.size <= taken:
                break
            offset = max(offset, aligned(taken + other.size))
        placed.append((offset, buffer))
        offsets[buffer.name] = offset
    size = max((aligned(offset + buffer.size) for offset, buffer in placed), default=ALIGNMENT)
    return Plan(tuple(buffers), offsets, size, _lower_bound(buffers))


def aligned(size: int) -> int:
    """The size rounded up to the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _lower_bound(buffers: Sequence[Buffer]) -> int:
    """The most that is alive at one position."""
    positions = {buffer.first for buffer in buffers}
    return max(
        (sum(aligned(b.size) for b in buffers if b.first <= p <= b.last) for p in positions),
        default=0,
    )
