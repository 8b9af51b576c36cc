"""One recording: a person, a gesture and a seed to events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.datasets.events import Recording
from snnc.models.datasets.gesture_sim.figure import SENSOR, pose
from snnc.models.datasets.gesture_sim.gestures import Path3, Performance, perform
from snnc.models.datasets.gesture_sim.render import draw_wall, render
from snnc.models.datasets.gesture_sim.sensor import Sensor, events_from_images
from snnc.models.datasets.gesture_sim.subject import Subject
from snnc.models.datasets.published.dvs_gesture import GESTURE_NAMES

FRAME_US = 3000
"""Time between rendered images: a fast hand moves about one pixel in it."""


@dataclass(frozen=True)
class Scene:
    """What makes recordings easy or hard.

    Attributes:
        noise_hz: noise events a pixel and second, from and to: each recording draws its own.
        drift: pixels a second that the wall moves, in a direction that each recording draws; 0
            for a still one.
    """

    noise_hz: tuple[float, float] = (0.05, 0.3)
    drift: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.noise_hz
        if not 0.0 <= low <= high or not self.drift >= 0.0:
            raise SnncError(BAD_OPTION, f"noise rises from 0 and drift is at least 0: {self}")


LABORATORY = Scene()
"""A still wall and little noise."""


def simulate(
    gesture: int,
    subject: Subject,
    trial: int,
    seed: int,
    duration_us: int = 900_000,
    scene: Scene = LABORATORY,
) -> Recording:
    """A recording of ``subject`` performing a gesture, 128x128 pixels.

    The same arguments give the same events, with the same numpy on the same kind of
    processor: elsewhere the last bit of a sine or logarithm may move a rare event.

    Args:
        gesture: 0 to 10, an index of :data:`GESTURE_NAMES`.
        subject: who, from :func:`draw_subject`.
        trial: which repetition.
        seed: the population's seed.
        duration_us: length in microseconds, rounded up to a whole number of images.
        scene: how noisy it is, and whether the wall moves.

    Raises:
        SnncError: ``BAD_OPTION`` for a gesture that does not exist, a negative trial or
            seed, or no duration.
    """
    if not 0 <= gesture < len(GESTURE_NAMES):
        raise SnncError(BAD_OPTION, f"gesture {gesture} is not one of 0 to 10")
    for name, value in (("seed", seed), ("trial", trial)):
        if value < 0:
            raise SnncError(BAD_OPTION, f"{name} is {value}, and must not be negative")
    if duration_us < 1:
        raise SnncError(BAD_OPTION, f"duration_us is {duration_us}, and must be at least 1")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1, subject.index, gesture, trial]))
    frames = -(-duration_us // FRAME_US) + 1
    time = np.arange(frames, dtype=np.float64) * FRAME_US * 1e-6
    performance = Performance(time, subject, rng)
    motion = perform(gesture, performance)
    capsules = pose(subject, motion, _sway(performance))
    sensor = Sensor(threshold=rng.uniform(0.2, 0.32), noise_hz=rng.uniform(*scene.noise_hz))
    wall = draw_wall(rng)
    angle = rng.uniform(0, 2 * np.pi) if scene.drift else 0.0
    velocity = (scene.drift * np.sin(angle), scene.drift * np.cos(angle))
    images = render(capsules, wall.moving(velocity, time))
    events = events_from_images(images, FRAME_US, sensor, rng)
    name = f"gesture-sim seed {seed} subject {subject.index} gesture {gesture} trial {trial}"
    return Recording(events, SENSOR, name)


def _sway(p: Performance) -> Path3:
    """The trunk's movement: slow shifts of weight and a bob, in metres at full height."""
    size = np.array([0.008, 0.003, 0.004]) * p.subject.looseness
    rate = p.rng.uniform([[0.3], [1.0]], [[0.8], [2.2]], size=(2, 3))
    start = p.rng.uniform(0, 2 * np.pi, size=(2, 3))
    waves = np.sin(2 * np.pi * rate[:, None, :] * p.time[None, :, None] + start[:, None, :])
    return np.asarray(size * waves.sum(axis=0))
