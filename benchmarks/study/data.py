"""The recordings of each condition as frames, made once and kept."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.plan import Condition
from snnc.atomic import write_atomically
from snnc.models.datasets.dataset import Sample
from snnc.models.datasets.events import Recording, pack_events
from snnc.models.datasets.framing import frame_by_dt
from snnc.models.datasets.gesture_sim import Scene, draw_subject, simulate
from snnc.models.datasets.gesture_sim.gesture_set import SUBJECTS
from snnc.models.datasets.published.nmnist import NMNIST

ROOT = Path(__file__).resolve().parents[2]
NMNIST_FOLDER = os.environ.get("SNNC_NMNIST", "../shared/data/nmnist")
PARTS = ("train", "validation", "test")
GESTURES = 11
HARD = Scene(noise_hz=(1.0, 3.0), drift=60.0)

PEOPLE = {
    "train": (SUBJECTS["train"][:4], 5),
    "validation": (SUBJECTS["train"][4:8], 3),
    "test": (SUBJECTS["test"], 4),
}
"""Who performs each part of gesture-hard, and how often each gesture."""

SIZES = {"train": 250, "validation": 150}
"""Recordings of N-MNIST; the test part has the rest."""

Labelled = tuple[Recording, int]


@dataclass(frozen=True)
class Part:
    """Frames ``[N, T, 2, H, W]`` and labels ``[N]``; ``[i]`` is one of them."""

    frames: NDArray[np.uint16]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint16], int]:
        return self.frames[index], int(self.labels[index])


def parts(condition: Condition, folder: Path) -> dict[str, Part]:
    """The parts of a condition, kept in ``folder``."""
    return {name: _kept(condition, name, folder) for name in PARTS}


def _kept(condition: Condition, part: str, folder: Path) -> Part:
    path = folder / f"{condition.name}-{part}.npz"
    if not path.exists():
        made = made_part(condition, part)
        content = io.BytesIO()
        np.savez_compressed(content, frames=made.frames, labels=made.labels)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.getvalue())
    with np.load(path) as arrays:
        return Part(arrays["frames"], arrays["labels"])


def made_part(condition: Condition, part: str, most: int | None = None) -> Part:
    """One part of a condition; of the first ``most`` recordings only, where that is given."""
    recordings = _nmnist(condition, part) if condition.is_nmnist else _gestures(part)
    frames: list[NDArray[np.uint16]] = []
    labels: list[int] = []
    for recording, label in recordings:
        if len(labels) == most:
            break
        framed = frame_by_dt(recording, condition.dt_us, condition.time_steps, condition.downsample)
        frames.append(framed.counts)
        labels.append(label)
    return Part(np.stack(frames), np.array(labels, np.int64))


def _nmnist(condition: Condition, part: str) -> Iterator[Labelled]:
    train = NMNIST(ROOT / NMNIST_FOLDER, "train")
    order = np.random.default_rng(0).permutation(len(train))
    first = SIZES["train"]
    second = first + SIZES["validation"]
    mine = {"train": order[:first], "validation": order[first:second], "test": order[second:]}
    for index in mine[part]:
        yield _with_noise(train[int(index)], int(index), condition.noise)
    if part == "test":
        test = NMNIST(ROOT / NMNIST_FOLDER, "test")
        for index in range(len(test)):
            yield _with_noise(test[index], len(train) + index, condition.noise)


def _with_noise(sample: Sample, number: int, noise: int) -> Labelled:
    assert sample.label is not None
    rng = np.random.default_rng([noise, number])
    return noisy(sample.recording, noise, rng), sample.label


def noisy(recording: Recording, noise: int, rng: np.random.Generator) -> Recording:
    """A recording with ``noise`` events more to every event that it has.

    Place uniform over the sensor, time uniform between the first event and the last, polarity by
    a coin.
    """
    if not noise:
        return recording
    events = recording.events
    number, (height, width) = noise * len(events), recording.sensor
    low, high = int(events["t"].min()), int(events["t"].max())
    drawn = pack_events(
        rng.integers(low, high + 1, number),
        rng.integers(0, width, number),
        rng.integers(0, height, number),
        rng.integers(0, 2, number).astype(np.uint8),
    )
    both = np.concatenate([events, drawn])
    order = np.argsort(both["t"], kind="stable")
    return Recording(both[order], recording.sensor, f"{recording.path} with {noise} × noise")


def _gestures(part: str) -> Iterator[Labelled]:
    people, times = PEOPLE[part]
    for trial in range(times):
        for person in people:
            yield from _of_person(person, trial)


def _of_person(person: int, trial: int) -> Iterable[Labelled]:
    subject = draw_subject(person, 0)
    for gesture in range(GESTURES):
        yield simulate(gesture, subject, trial, 0, scene=HARD), gesture
