"""What is performed: the paths of both hands for the 11 gestures of DVS128 Gesture.

A hand's path is given relative to its own shoulder in arm lengths, along three axes:
outward (away from the body's midline), up, and forward (towards the camera); so a
left-hand gesture is the right-hand one with the hands exchanged. "Clockwise" is as the
camera sees it. The order of the gestures is that of DVS128 Gesture's labels
(:data:`snnc.models.datasets.published.dvs_gesture.GESTURE_NAMES`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.models.datasets.gesture_sim.subject import Subject

Path3 = NDArray[np.float64]
"""Positions over time, [F, 3]."""

MIDLINE = -0.35
"""The body's midline on the outward axis: minus half the shoulder width, in arm lengths."""


@dataclass(frozen=True)
class Motion:
    """Both wrists over time, [F, 3] each, and how far the elbows point outward, 0 to 1."""

    right: Path3
    left: Path3
    elbows_out: float = 0.3


@dataclass(frozen=True)
class Performance:
    """One trial: who, when, and the dice. ``time`` is [F] in seconds."""

    time: NDArray[np.float64]
    subject: Subject
    rng: np.random.Generator

    def phase(self, low_hz: float, high_hz: float) -> NDArray[np.float64]:
        """The phase of a rhythm between two frequencies, slightly uneven, from any start."""
        rate = self.rng.uniform(low_hz, high_hz) * self.subject.tempo
        start, slow = self.rng.uniform(0, 2 * np.pi, size=2)
        unevenness = 0.25 * np.sin(2 * np.pi * 0.7 * self.time + slow)
        return np.asarray(start + 2 * np.pi * rate * self.time + unevenness)

    def width(self, low: float, high: float, *, left: bool | None = None) -> float:
        """An amplitude; the better hand (if ``left`` tells which hand it is) moves wider."""
        better = 1.0 if left is None or left == self.subject.left_handed else 0.88
        return self.rng.uniform(low, high) * self.subject.amplitude * better

    def place(self, low: float, high: float) -> float:
        """A constant of this trial."""
        return self.rng.uniform(low, high)

    def path(self, outward: object, up: object, forward: object) -> Path3:
        """Three coordinates, each a number or [F], as one path."""
        columns = [
            np.broadcast_to(np.asarray(c, float), self.time.shape) for c in (outward, up, forward)
        ]
        return np.stack(columns, axis=1)


def perform(gesture: int, performance: Performance) -> Motion:
    """Both hands' paths for gesture 0 to 10, with the person's own unsteadiness."""
    motion = _GESTURES[gesture](performance)
    return Motion(
        right=motion.right + _stray(performance),
        left=motion.left + _stray(performance),
        elbows_out=motion.elbows_out,
    )


def _stray(p: Performance) -> Path3:
    """Slow unsteadiness: three sine waves an axis, a few hundredths of an arm."""
    size = 0.012 * p.subject.looseness
    rate = p.rng.uniform(0.3, 1.8, size=(3, 1, 3))
    start = p.rng.uniform(0, 2 * np.pi, size=(3, 1, 3))
    waves = np.sin(2 * np.pi * rate * p.time[None, :, None] + start)
    return np.asarray(size * waves.sum(axis=0))


def _rest(p: Performance) -> Path3:
    return p.path(p.place(0.05, 0.15), p.place(-0.97, -0.9), p.place(0.05, 0.2))


def _one_hand(p: Performance, path: Path3, *, left: bool) -> Motion:
    return Motion(right=_rest(p), left=path) if left else Motion(right=path, left=_rest(p))


def _clap(p: Performance) -> Motion:
    phase = p.phase(1.6, 2.6)
    apart = 0.16 + p.width(0.3, 0.5) * (1 + np.cos(phase)) / 2
    up = p.place(-0.4, -0.1)
    forward = p.place(0.55, 0.7)
    hand = p.path(MIDLINE + apart, up, forward)
    return Motion(right=hand, left=hand)


def _wave_path(p: Performance, phase: NDArray[np.float64], *, left: bool) -> Path3:
    swing = np.sin(phase)
    width = p.width(0.22, 0.36, left=left)
    return p.path(
        p.place(0.2, 0.4) + width * swing,
        p.place(0.35, 0.6) - 0.12 * swing**2,
        p.place(0.25, 0.5),
    )


def _wave(p: Performance, *, left: bool) -> Motion:
    return _one_hand(p, _wave_path(p, p.phase(1.5, 2.6), left=left), left=left)


def _circle_path(
    p: Performance, phase: NDArray[np.float64], *, left: bool, clockwise: bool
) -> Path3:
    """A circle in the image plane; the image's right is outward for the left hand only."""
    radius = p.width(0.34, 0.5, left=left)
    turn = -1.0 if clockwise else 1.0
    to_the_right = 1.0 if left else -1.0
    return p.path(
        p.place(0.2, 0.4) + to_the_right * radius * np.cos(turn * phase),
        p.place(-0.15, 0.1) + radius * np.sin(turn * phase),
        p.place(0.45, 0.6),
    )


def _circle(p: Performance, *, left: bool, clockwise: bool) -> Motion:
    path = _circle_path(p, p.phase(0.95, 1.6), left=left, clockwise=clockwise)
    return _one_hand(p, path, left=left)


def _roll(p: Performance) -> Motion:
    """Forearms level before the chest, turning about each other, either way round."""
    phase = p.phase(1.1, 2.0) * (1 if p.rng.random() < 0.7 else -1)
    radius = p.width(0.16, 0.26)
    up, forward = p.place(-0.45, -0.25), p.place(0.5, 0.6)
    cross = p.place(0.0, 0.12)

    def hand(angle: NDArray[np.float64]) -> Path3:
        return p.path(
            MIDLINE - cross, up + radius * np.sin(angle), forward + radius * np.cos(angle)
        )

    return Motion(right=hand(phase), left=hand(phase + np.pi), elbows_out=1.0)


def _drums(p: Performance) -> Motion:
    """Beats of both hands, mostly in turn; down faster than up."""
    phase = p.phase(1.6, 2.8)
    lag = np.pi if p.rng.random() < 0.8 else p.rng.uniform(0, 1.0)
    up, forward = p.place(-0.45, -0.2), p.place(0.6, 0.75)
    outward = p.place(-0.12, 0.12)

    def hand(angle: NDArray[np.float64], *, left: bool) -> Path3:
        beat = np.cos(angle + 0.5 * np.sin(angle))
        return p.path(outward, up + p.width(0.18, 0.3, left=left) * beat, forward)

    return Motion(right=hand(phase, left=False), left=hand(phase + lag, left=True))


def _guitar(p: Performance) -> Motion:
    """One hand strums before the belly, the other slides along the neck."""
    phase = p.phase(2.0, 3.4)
    stroke = p.width(0.14, 0.24) * np.sin(phase)
    strum = p.path(
        p.place(-0.35, -0.2) + 0.3 * stroke, p.place(-0.7, -0.55) + stroke, p.place(0.4, 0.5)
    )
    slide = p.width(0.03, 0.09) * np.sin(p.phase(0.5, 1.2))
    neck = p.path(p.place(0.4, 0.6) + slide, p.place(-0.2, 0.1) + 0.4 * slide, p.place(0.35, 0.5))
    if p.subject.left_handed:
        return Motion(right=neck, left=strum, elbows_out=0.7)
    return Motion(right=strum, left=neck, elbows_out=0.7)


def _other(p: Performance) -> Motion:
    """In DVS128 Gesture everyone invents one; here one of four, by the person."""
    return _OTHERS[p.subject.index % len(_OTHERS)](p)


def _jumping_jack(p: Performance) -> Motion:
    phase = p.phase(0.8, 1.4)
    angle = 0.4 + p.width(1.7, 2.4) * (1 - np.cos(phase)) / 2
    hand = p.path(0.93 * np.sin(angle), -0.93 * np.cos(angle), p.place(0.1, 0.25))
    return Motion(right=hand, left=hand)


def _windscreen_wipers(p: Performance) -> Motion:
    phase = p.phase(1.1, 1.9)
    return Motion(
        right=_wave_path(p, phase + np.pi, left=False), left=_wave_path(p, phase, left=True)
    )


def _punches(p: Performance) -> Motion:
    phase = p.phase(1.2, 2.2)
    up, outward = p.place(-0.15, 0.05), p.place(-0.25, -0.1)

    def hand(angle: NDArray[np.float64]) -> Path3:
        reach = 0.62 + 0.3 * np.sin(angle)
        return p.path(outward - 0.15 * reach, up - 0.25 + 0.3 * reach, reach)

    return Motion(right=hand(phase), left=hand(phase + np.pi), elbows_out=0.5)


def _swimming(p: Performance) -> Motion:
    """Both hands draw circles at once, mirrored."""
    phase = p.phase(0.9, 1.5)
    return Motion(
        right=_circle_path(p, phase, left=False, clockwise=True),
        left=_circle_path(p, phase, left=True, clockwise=False),
    )


_OTHERS: tuple[Callable[[Performance], Motion], ...] = (
    _jumping_jack,
    _windscreen_wipers,
    _punches,
    _swimming,
)

_GESTURES: tuple[Callable[[Performance], Motion], ...] = (
    _clap,
    lambda p: _wave(p, left=False),
    lambda p: _wave(p, left=True),
    lambda p: _circle(p, left=False, clockwise=True),
    lambda p: _circle(p, left=False, clockwise=False),
    lambda p: _circle(p, left=True, clockwise=True),
    lambda p: _circle(p, left=True, clockwise=False),
    _roll,
    _drums,
    _guitar,
    _other,
)
