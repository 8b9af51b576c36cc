"""Why a peer cannot take part."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Unavailable(Exception):  # noqa: N818  # it is an answer, not an error
    """A peer that cannot run this network here; the message says why, for the result."""


@contextmanager
def at_most(seconds: float | None) -> Iterator[None]:
    """Raise Unavailable in the block after so many seconds (native code is waited for)."""
    if seconds is None:
        yield
        return

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise Unavailable(f"takes more than {seconds:g} s to be built and run once")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
