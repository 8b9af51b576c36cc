"""Event streams of Prophesee's sensors as arrays: EVT 2.0, 2.1 and 3.0.

The decoders of runtime_c/include/snn/sensor/evt.h, for a whole file at once: words that are no
events of a pixel are passed over, and events before the stream has said what time it is are left
out. Formats as https://docs.prophesee.ai/stable/data/encoding_formats says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from snnc.models.datasets.events import check_count, pack_events

Words = npt.NDArray[np.integer[Any]]
Whole = npt.NDArray[np.int64]
Events = npt.NDArray[np.void]

OFF_ON, TIME_HIGH = (0x0, 0x1), 0x8
"""Types of words of EVT 2."""

ROW, SINGLE, BASE, VECT_12, VECT_8, LOW, HIGH = 0x0, 0x2, 0x3, 0x4, 0x5, 0x6, 0x8
"""Types of words of EVT 3."""

ONES = np.array([number.bit_count() for number in range(2**16)], np.int64)
"""Set bits of 16-bit numbers."""


def evt2(data: bytes, where: str) -> Events:
    """EVT 2.0: words of 32 bits, an event each. ``where`` names the file in errors."""
    words = np.frombuffer(data, "<u4")
    return _with_masks(words, np.ones(len(words), np.uint32), where)


def evt21(data: bytes, where: str) -> Events:
    """EVT 2.1: words of 64 bits, up to 32 events of a row each; the lower half comes first."""
    halves = np.frombuffer(data, "<u4").reshape(-1, 2)
    return _with_masks(halves[:, 1], halves[:, 0], where)


def evt21_upper_first(data: bytes, where: str) -> Events:
    """EVT 2.1 as the IMX636 sends it ("legacy"): the upper half comes first."""
    halves = np.frombuffer(data, "<u4").reshape(-1, 2)
    return _with_masks(halves[:, 0], halves[:, 1], where)


def _with_masks(words: Words, masks: Words, where: str) -> Events:
    """Events of EVT 2: bit i of a mask is one at the word's column + i."""
    kinds = words >> 28
    times = np.flatnonzero(kinds == TIME_HIGH)
    place = np.searchsorted(times, np.arange(len(words)), side="right") - 1
    rows = np.flatnonzero(np.isin(kinds, OFF_ON) & (place >= 0))
    high = _unwound(words[times] & 0x0FFF_FFFF, 28)
    of, column = _bits(masks[rows], 32, where)
    chosen = rows[of]
    word = words[chosen]
    t = (high[place[chosen]] << 6) | (word >> 22 & 0x3F)
    return pack_events(t, (word >> 11 & 0x7FF) + column, word & 0x7FF, kinds[chosen])


def evt3(data: bytes, where: str) -> Events:
    """EVT 3.0: words of 16 bits, each a part of what follows; up to 12 events of a row."""
    words = np.frombuffer(data, "<u2")
    kinds, bits = words >> 12, (words & 0xFFF).astype(np.int64)
    row, low, high, base = (_latest(kinds == kind) for kind in (ROW, LOW, HIGH, BASE))
    given = np.isin(kinds, (SINGLE, VECT_12, VECT_8)) & (low >= 0) & (high >= 0)
    at = np.flatnonzero(given & (row >= 0) & ((kinds == SINGLE) | (base >= 0)))
    single = kinds[at] == SINGLE
    masks = np.where(single, 1, np.where(kinds[at] == VECT_8, bits[at] & 0xFF, bits[at]))
    of, column = _bits(masks, 12, where)
    times = _unwound(bits[kinds == HIGH], 12)
    place = np.cumsum(kinds == HIGH) - 1
    t = (times[place[at]] << 12) | bits[low[at]]
    source = np.where(single, bits[at], bits[base[at]])
    first = np.where(single, source & 0x7FF, (source & 0x7FF) + _advanced(kinds, base, at))
    return pack_events(t[of], first[of] + column, (bits[row[at]] & 0x7FF)[of], (source >> 11)[of])


def _latest(chosen: npt.NDArray[np.bool_]) -> Whole:
    """Where the last chosen word up to each word stands; -1 before the first."""
    return np.maximum.accumulate(np.where(chosen, np.arange(len(chosen)), -1))


def _advanced(kinds: Words, base: Whole, at: Whole) -> Whole:
    """Columns that the vectors between the last base and each vector at ``at`` have passed."""
    steps = np.where(kinds == VECT_12, 12, np.where(kinds == VECT_8, 8, 0))
    before = np.concatenate([[0], np.cumsum(steps)])
    passed: Whole = before[at] - before[np.maximum(base[at], 0)]
    return passed


def _unwound(high: Words, width: int) -> Whole:
    """Upper parts of the time, which go round after ``width`` bits, as ones that go on."""
    wide = high.astype(np.int64)
    turns = np.concatenate([[0], np.cumsum(np.diff(wide) < 0)])[: len(wide)]
    return wide + (turns << width)


def _bits(masks: Words, width: int, where: str) -> tuple[Whole, Whole]:
    """Which mask each set bit is of, and which bit, in order.

    Raises:
        SnncError: OVER_LIMIT for more events than a recording may have.
    """
    wide = masks.astype(np.uint32)
    counts = ONES[wide & 0xFFFF] + ONES[wide >> 16]
    check_count(int(counts.sum()), where)
    several = np.flatnonzero(counts > 1)
    of = np.repeat(np.arange(len(wide)), counts)
    column = np.zeros(len(of), np.int64)
    single = counts[of] == 1
    column[single] = np.log2(wide[of[single]]).astype(np.int64)
    set_bits = wide[several, None] >> np.arange(width, dtype=np.uint32) & 1
    column[~single] = np.nonzero(set_bits)[1]
    return of, column


DECODERS: dict[str, tuple[int, Callable[[bytes, str], Events]]] = {
    "EVT2": (4, evt2),
    "EVT21": (8, evt21),
    "EVT21 legacy": (8, evt21_upper_first),
    "EVT3": (2, evt3),
}
"""Formats by name, with the bytes of a word."""
