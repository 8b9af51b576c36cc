"""Events that make given frames, for models whose data are frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.ir.graph import Array

MOST_EVENTS = 200_000
"""Windows of more are not turned into events: a full frame of large counts would take minutes."""


def events_of(frames: Array, framing: Framing, seed: int = 0) -> npt.NDArray[np.void] | None:
    """Events in order of time whose frames are these, if the window begins at 0 us.

    A cell's events lie anywhere in its square of pixels, and anywhere in its step: those of a step
    begin with its first microsecond and end with its last, so that a step of another length, or one
    that begins elsewhere, makes other frames.

    Args:
        frames: event counts [T, 2, H, W].
        framing: how the model makes frames.
        seed: of the places and times.

    Returns:
        Events (EVENT_DTYPE), or None for more than :data:`MOST_EVENTS`.
    """
    counts = np.asarray(frames).astype(np.int64)
    if counts.sum() > MOST_EVENTS:
        return None
    rng = np.random.default_rng(seed)
    step, polarity, y, x = (
        np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts > 0)
    )
    side, dt = framing.downsample, framing.dt_us
    since = rng.integers(0, dt, len(step))
    if len(step):
        first = np.flatnonzero(np.diff(step, prepend=-1))
        last = np.append(first[1:], len(step)) - 1
        since[first], since[last[last > first]] = 0, dt - 1
    packed = np.zeros(len(step), EVENT_DTYPE)
    packed["t_us"] = step * dt + since
    packed["x"] = x * side + rng.integers(0, side, len(step))
    packed["y"] = y * side + rng.integers(0, side, len(step))
    packed["polarity"] = polarity
    return packed[np.argsort(packed["t_us"], kind="stable")]
