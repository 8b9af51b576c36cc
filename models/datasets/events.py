"""The in-memory form of an event-camera recording, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc import limits
from snnc.errors import BAD_RECORDING, SnncError

EVENT_DTYPE = np.dtype([("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.uint8)])
"""One event: time in microseconds, column, row, polarity (0 OFF: darker, 1 ON: brighter)."""

OFF, ON = 0, 1
"""Polarities, and so the channel order of every frame: channel 0 OFF, channel 1 ON."""


@dataclass(frozen=True)
class Recording:
    """Events of one sensor in time order.

    Attributes:
        events: structured array of :data:`EVENT_DTYPE`, shape [N]; N may be 0.
        sensor: (height, width) in pixels.
        path: the file it was read from, or the name of a simulated one; for messages.

    Raises:
        SnncError: ``BAD_RECORDING`` naming the first event whose coordinates lie outside
            the sensor, whose polarity is not 0 or 1, or which is earlier than the one
            before it; ``OVER_LIMIT`` for a longer time between first and last than the limit.
    """

    events: NDArray[np.void]
    sensor: tuple[int, int]
    path: str

    def __post_init__(self) -> None:
        if self.events.dtype != EVENT_DTYPE or self.events.ndim != 1:
            raise TypeError(f"events are {self.events.dtype}, shape {self.events.shape}")
        _check_events(self)

    def __len__(self) -> int:
        return len(self.events)

    @property
    def duration_us(self) -> int:
        """Time from the first event to the last, in microseconds; 0 without events."""
        if len(self.events) == 0:
            return 0
        return int(self.events["t"][-1]) - int(self.events["t"][0])


def pack_events(
    t: NDArray[np.generic],
    x: NDArray[np.generic],
    y: NDArray[np.generic],
    p: NDArray[np.generic],
) -> NDArray[np.void]:
    """Four columns of shape [N] as one array of :data:`EVENT_DTYPE`."""
    events = np.empty(len(t), EVENT_DTYPE)
    events["t"], events["x"], events["y"], events["p"] = t, x, y, p
    return events


def check_count(count: int, where: str) -> None:
    """Refuse more events than the limit ``events``, before any is decoded.

    Raises:
        SnncError: ``OVER_LIMIT``.
    """
    limits.check("events", count, where=where)


def _check_events(recording: Recording) -> None:
    events = recording.events
    height, width = recording.sensor
    outside = (events["x"] >= width) | (events["y"] >= height)
    if outside.any():
        index = int(np.argmax(outside))
        x, y = int(events["x"][index]), int(events["y"][index])
        _refuse(recording, index, f"x {x}, y {y} is outside the {width}x{height} sensor")
    strange = events["p"] > 1
    if strange.any():
        index = int(np.argmax(strange))
        _refuse(recording, index, f"polarity {int(events['p'][index])} is neither 0 nor 1")
    backwards = events["t"][1:] < events["t"][:-1]  # a difference could overflow
    if backwards.any():
        index = int(np.argmax(backwards)) + 1
        earlier, later = int(events["t"][index]), int(events["t"][index - 1])
        _refuse(recording, index, f"time {earlier} us comes after {later} us")
    limits.check("duration_us", recording.duration_us, where=recording.path)


def _refuse(recording: Recording, index: int, what: str) -> None:
    raise SnncError(BAD_RECORDING, what, where=f"{recording.path}, event {index}")
