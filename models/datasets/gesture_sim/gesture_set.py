"""GestureSim: the simulated gestures as a data set, train and test by different people."""

from __future__ import annotations

from functools import cached_property

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.datasets.dataset import Sample, Split, check_split
from snnc.models.datasets.gesture_sim.figure import SENSOR
from snnc.models.datasets.gesture_sim.simulate import simulate
from snnc.models.datasets.gesture_sim.subject import Subject, draw_subject
from snnc.models.datasets.published.dvs_gesture import GESTURE_NAMES

SUBJECTS: dict[Split, range] = {"train": range(24), "test": range(24, 34)}
"""People by split: nobody in both, so a test measures people never seen."""

PER_CLASS: dict[Split, int] = {"train": 60, "test": 20}


class GestureSim:
    """Simulated recordings of the 11 DVS128 gestures, 128x128 pixels, 900 ms each.

    Nothing is stored: a sample is simulated when it is asked for. Sample i is gesture
    i % 11, so classes are mixed, by each person of the split in turn.

    Args:
        split: train (24 people) or test (10 others).
        seed: another seed is another population.
        per_class: samples a gesture; 60 for train and 20 for test by default.

    Raises:
        SnncError: ``BAD_OPTION`` for a negative seed or no samples.
    """

    sensor: tuple[int, int] = SENSOR
    class_names: tuple[str, ...] = GESTURE_NAMES

    def __init__(self, split: Split = "train", seed: int = 0, per_class: int | None = None) -> None:
        self.split = check_split(split)
        self.seed = seed
        self.per_class = PER_CLASS[self.split] if per_class is None else per_class
        if self.per_class < 1:
            raise SnncError(BAD_OPTION, f"per_class is {per_class}, and must be at least 1")
        if seed < 0:
            raise SnncError(BAD_OPTION, f"seed is {seed}, and must not be negative")

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """The people of this split."""
        return tuple(draw_subject(index, self.seed) for index in SUBJECTS[self.split])

    def __len__(self) -> int:
        return self.per_class * len(GESTURE_NAMES)

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        turn, gesture = divmod(index, len(GESTURE_NAMES))
        trial, person = divmod(turn, len(self.subjects))
        recording = simulate(gesture, self.subjects[person], trial, self.seed)
        return Sample(recording, gesture, recording.path)
