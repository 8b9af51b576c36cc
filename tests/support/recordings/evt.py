"""Event streams of Prophesee's formats, written from their specification
(https://docs.prophesee.ai/stable/data/encoding_formats), for tests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

Event = tuple[int, int, int, int]
"""Time in microseconds, x, y, polarity."""


def listed(events: np.ndarray) -> list[Event]:
    """Events of EVENT_DTYPE as tuples."""
    return [(int(t), int(x), int(y), int(p)) for t, x, y, p in events.tolist()]


def evt2(events: list[Event]) -> bytes:
    """EVT 2.0: a word of 32 bits for each event, and one where the upper time changes."""
    words: list[int] = []
    high = -1
    for t, x, y, p in events:
        if t >> 6 != high:
            high = t >> 6
            words.append(0x8 << 28 | high)
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    return np.array(words, "<u4").tobytes()


def evt21(events: list[Event], *, upper_first: bool = False) -> bytes:
    """EVT 2.1: events of one time, row, polarity and 32 columns share a word of 64 bits."""
    words: list[tuple[int, int]] = []
    high = -1
    for (t, y, p, block), group in groupby(events, lambda e: (e[0], e[2], e[3], e[1] // 32)):
        if t >> 6 != high:
            high = t >> 6
            words.append((0x8 << 28 | high, 0))
        mask = 0
        for _, x, _, _ in group:
            mask |= 1 << x % 32
        words.append((p << 28 | (t & 63) << 22 | 32 * block << 11 | y, mask))
    order = [pair if upper_first else pair[::-1] for pair in words]
    return np.array(order, "<u4").tobytes()


def evt3(events: list[Event]) -> bytes:
    """EVT 3.0: words of 16 bits that say what changes; rows of several events as vectors."""
    return np.array(list(_evt3_words(events)), "<u2").tobytes()


def _evt3_words(events: list[Event]) -> Iterator[int]:
    high = low = row = -1
    for (t, y, p), group in groupby(events, lambda e: (e[0], e[2], e[3])):
        if t >> 12 != high:
            high = t >> 12
            yield 0x8000 | high & 0xFFF
        if t & 0xFFF != low:
            low = t & 0xFFF
            yield 0x6000 | low
        if y != row:
            row = y
            yield y
        yield from _evt3_columns([x for _, x, _, _ in group], p)


def _evt3_columns(columns: list[int], polarity: int) -> Iterator[int]:
    """A single column as it is; several as vectors of 12, 12 and 8 from the first one on."""
    if len(columns) == 1:
        yield 0x2000 | polarity << 11 | columns[0]
        return
    base = columns[0]
    yield 0x3000 | polarity << 11 | base
    sizes = (12, 12, 8)
    turn = 0
    while base <= columns[-1]:
        size = sizes[turn % 3]
        mask = sum(1 << x - base for x in columns if base <= x < base + size)
        yield (0x4000 if size == 12 else 0x5000) | mask
        base += size
        turn += 1


def in_rows(seed: int, width: int, height: int, count: int, span_us: int) -> np.ndarray[Any, Any]:
    """Random events [count, 4] of a sensor, ordered as it gives them: by time, then row, polarity
    and column, each at most once."""
    rng = np.random.default_rng(seed)
    columns = (
        np.sort(rng.integers(0, max(1, span_us // 20), count)) * 20,
        rng.integers(0, height, count),
        rng.integers(0, 2, count),
        rng.integers(0, width, count),
    )
    t, y, p, x = np.unique(np.stack(columns), axis=1)
    return np.stack([t, x, y, p], axis=1)
