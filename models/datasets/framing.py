"""Events to event-count frames: integer arithmetic only, so that C repeats it exactly.

A frame tensor is [T, 2, H, W]: time first, then polarity (channel 0 OFF, channel 1 ON),
then rows and columns. A cell holds the *number* of events, not 0/1.

With ``t0`` the time of the first event and ``k`` the downsampling, an event goes to row
``y // k``, column ``x // k`` and to the step that one of three rules gives:

============  =========================================  ===========================
rule          step                                       left out
============  =========================================  ===========================
by dt         ``(t - t0) // dt_us``                      events at step T and later
by time       ``(t - t0) * T // (t_last - t0 + 1)``      nothing
by count      ``i * T // N`` for event i of N            nothing
============  =========================================  ===========================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.errors import BAD_OPTION, BAD_RECORDING, BAD_SHAPE, EMPTY_RECORDING, SnncError
from snnc.models.datasets.events import Recording

MAX_COUNT = int(np.iinfo(np.uint16).max)
"""The most events one cell of a frame can hold."""


@dataclass(frozen=True)
class Frames:
    """Event-count frames of one recording.

    Attributes:
        counts: uint16, [T, 2, H, W], polarity order OFF, ON.
        dropped: events after the last step, which no frame holds.
    """

    counts: NDArray[np.uint16]
    dropped: int


def frame_shape(
    sensor: tuple[int, int], time_steps: int, downsample: int = 1
) -> tuple[int, int, int, int]:
    """The shape (T, 2, H, W) of the frames of ``sensor`` (height, width).

    Raises:
        SnncError: ``BAD_OPTION`` for a number below 1; ``BAD_SHAPE`` where ``downsample``
            does not divide both sides, since edge pixels would collect fewer events.
    """
    for name, value in (("time_steps", time_steps), ("downsample", downsample)):
        if value < 1:
            raise SnncError(BAD_OPTION, f"{name} is {value}, and must be at least 1")
    height, width = sensor
    if height % downsample or width % downsample:
        raise SnncError(
            BAD_SHAPE,
            f"downsampling by {downsample} does not divide the sensor of "
            f"{width}x{height} pixels (width x height)",
            hint="Choose a divisor of both sides.",
        )
    return time_steps, 2, height // downsample, width // downsample


def frame_by_dt(recording: Recording, dt_us: int, time_steps: int, downsample: int = 1) -> Frames:
    """Steps of a fixed length: ``time_steps`` frames of ``dt_us`` microseconds each.

    Events at ``t0 + time_steps * dt_us`` and later are left out and counted in
    :attr:`Frames.dropped`; a shorter recording ends in empty frames.

    Raises:
        SnncError: ``EMPTY_RECORDING`` without events; ``BAD_RECORDING`` where a cell
            would hold more than 65535 events; and as :func:`frame_shape`.
    """
    if dt_us < 1:
        raise SnncError(BAD_OPTION, f"dt_us is {dt_us}, and must be at least 1")
    shape = frame_shape(recording.sensor, time_steps, downsample)
    step = _since_first(recording) // dt_us
    return _count(recording, step, shape, downsample)


def frame_by_time(recording: Recording, time_steps: int, downsample: int = 1) -> Frames:
    """``time_steps`` equal slices of the time from the first event to the last, inclusive.

    Raises:
        SnncError: as :func:`frame_by_dt`.
    """
    shape = frame_shape(recording.sensor, time_steps, downsample)
    step = _since_first(recording) * time_steps // (recording.duration_us + 1)
    return _count(recording, step, shape, downsample)


def frame_by_count(recording: Recording, time_steps: int, downsample: int = 1) -> Frames:
    """``time_steps`` slices of equally many events (give or take one).

    Raises:
        SnncError: as :func:`frame_by_dt`.
    """
    shape = frame_shape(recording.sensor, time_steps, downsample)
    _since_first(recording)
    index = np.arange(len(recording), dtype=np.int64)
    return _count(recording, index * time_steps // len(recording), shape, downsample)


def _since_first(recording: Recording) -> NDArray[np.int64]:
    if len(recording) == 0:
        raise SnncError(EMPTY_RECORDING, "no events to make frames of", where=recording.path)
    times: NDArray[np.int64] = recording.events["t"]
    since: NDArray[np.int64] = times - times[0]
    return since


def _count(
    recording: Recording,
    step: NDArray[np.int64],
    shape: tuple[int, int, int, int],
    downsample: int,
) -> Frames:
    """Add one at [step, p, y // downsample, x // downsample] for every event in range."""
    time_steps, channels, height, width = shape
    kept = step < time_steps
    events = recording.events[kept]
    row = events["y"].astype(np.int64) // downsample
    column = events["x"].astype(np.int64) // downsample
    cell = ((step[kept] * channels + events["p"]) * height + row) * width + column
    counts = np.bincount(cell, minlength=time_steps * channels * height * width)
    if counts.max(initial=0) > MAX_COUNT:
        t, p, y, x = np.unravel_index(int(counts.argmax()), shape)
        raise SnncError(
            BAD_RECORDING,
            f"{counts.max()} events fall into one cell (step {t}, polarity {p}, row {y}, "
            f"column {x}); a frame holds at most {MAX_COUNT}",
            where=recording.path,
            hint="Use more time steps, a shorter dt, or less downsampling.",
        )
    return Frames(counts.astype(np.uint16).reshape(shape), int(len(step) - kept.sum()))
