"""Small data sets in the published layouts, written from recordings of the gesture simulator.

The layouts follow the data sets' documents and other people's readers of them, not ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snnc.models.datasets.gesture_sim.simulate import simulate
from snnc.models.datasets.gesture_sim.subject import draw_subject
from tests.support.recordings.recording_writers import (
    Columns,
    aedat2_bytes,
    aedat3_bytes,
    aedat3_packet,
    nmnist_bytes,
)

Layout = Callable[[Path], None]

DURATION_US = 200_000
SHARE = 16
"""One event in so many is kept, so that files are small."""


@lru_cache
def _simulated(kind: int) -> NDArray[np.void]:
    events = simulate(kind, draw_subject(kind, 0), 0, 0, DURATION_US).events
    return events[events["t"] < DURATION_US]


@lru_cache
def gesture(index: int) -> NDArray[np.int64]:
    """A share of a simulated recording's events, int64 [N, 4], rows t, x, y, p; 128x128 pixels.

    The first 32 are all different.
    """
    events = _simulated(index % 2)[index // 2 % SHARE :: SHARE]
    table = np.stack([events[name].astype(np.int64) for name in ("t", "x", "y", "p")], axis=1)
    table[:, 0] -= table[0, 0]
    return table


def moved(table: NDArray[np.int64], t: int = 0, x: int = 0, y: int = 0) -> NDArray[np.int64]:
    """The same events later, further right and further down."""
    return table + np.array([t, x, y, 0])


def columns(table: NDArray[np.int64]) -> Columns:
    """Columns t, x, y, p as lists, for the writers of recordings."""
    t, x, y, p = (column.tolist() for column in table.T)
    return t, x, y, p


def write_gesture(root: Path) -> None:
    """DVS128 Gesture: one recording a split, each with three labelled gestures."""
    for number, split in enumerate(("train", "test")):
        name = f"user{number + 1:02}_led"
        parts = [moved(gesture(3 * number + k), t=k * DURATION_US) for k in range(3)]
        whole = np.concatenate(parts)
        (root / f"{name}.aedat").write_bytes(aedat3_bytes(aedat3_packet(columns(whole))))
        rows = [f"{k + 1},{k * DURATION_US},{(k + 1) * DURATION_US}\n" for k in range(3)]
        labels = "class,startTime_usec,endTime_usec\n" + "".join(rows)
        (root / f"{name}_labels.csv").write_text(labels)
        (root / f"trials_to_{split}.txt").write_text(f"{name}.aedat\n")


def write_gait_text(root: Path, first: int = 0) -> None:
    """DVS128-Gait as published: text files, ``origin/<split>/<person>/<number>.txt``."""
    for number, split in enumerate(("train", "test")):
        for person in range(first, first + 3):
            path = root / "origin" / split / str(person) / f"{number}.txt"
            path.parent.mkdir(parents=True)
            np.savetxt(path, gesture(person + 3 * number), fmt="%d")


def write_gait_arrays(root: Path) -> None:
    """DVS128-Gait as the ASA-SNN authors keep it: pickled arrays of different lengths."""
    for number, split in enumerate(("train", "test")):
        data = np.empty(3, object)
        data[:] = [gesture(person + 3 * number) for person in range(3)]
        (root / split).mkdir()
        np.save(root / split / f"{split}_data.npy", data, allow_pickle=True)
        np.save(root / split / f"{split}_target.npy", np.arange(3))


def write_daily_action(root: Path, actions: Sequence[str] = ("bend", "get up", "walk")) -> None:
    """DailyAction-DVS: a folder an action, five files each, and a browser's copy of one."""
    for label, action in enumerate(actions):
        (root / action).mkdir()
        for number, person in enumerate(("cc", "gh", "hk", "hr", "zh")):
            content = aedat2_bytes(columns(gesture(5 * label + number)))
            (root / action / f"{person}{action}1.aedat").write_bytes(content)
        (root / action / f"cc{action}1(1).aedat").write_bytes(content)


def write_har_dvs(root: Path, images: int = 3) -> None:
    """HAR-DVS: folders of event images and the lists of the splits."""
    labels = root / "HARDVS_train-val-test-split-txt-file"
    labels.mkdir()
    for number, split in enumerate(("train", "test")):
        lines = []
        for action in range(1, 4):
            name = f"dvSave-2021_10_15_19_18_0{number}{action}"
            folder = root / "rawframes" / f"action_{action:03}" / name / f"{name}_dvs"
            folder.mkdir(parents=True)
            for index in range(images):
                image = event_image(gesture(action), index, images)
                Image.fromarray(image).save(folder / f"{5 * index:08}.png")
            lines.append(f"action_{action:03}/{name} {images} {action - 1}\n")
        (labels / f"{split}_label.txt").write_text("".join(lines))


def event_image(table: NDArray[np.int64], index: int, count: int) -> NDArray[np.uint8]:
    """Picture ``index`` of ``count``: blue (dark) OFF and green (middle grey) ON on white."""
    image = np.full((260, 346, 3), 255, np.uint8)
    _, x, y, p = table[table[:, 0] * count // DURATION_US == index].T
    image[y + 60, x + 100] = np.where(p[:, None] == 1, [0, 200, 0], [0, 0, 200])
    return image


def write_ncaltech101(root: Path, classes: Sequence[str] = ("anchor", "ant")) -> None:
    """N-Caltech101: ten files a class, ``Caltech101/<class>/image_<number>.bin``."""
    for label, name in enumerate(classes):
        folder = root / "Caltech101" / name
        folder.mkdir(parents=True)
        for number in range(10):
            table = moved(gesture(10 * label + number), x=110, y=50)
            (folder / f"image_{number + 1:04}.bin").write_bytes(nmnist_bytes(columns(table)))


def write_cifar10_dvs(root: Path, numbers: Sequence[int] = (0, 99, 100, 999)) -> None:
    """CIFAR10-DVS: ``<class>/cifar10_<class>_<number>.aedat`` for two of the ten classes."""
    for label, name in enumerate(("airplane", "truck")):
        (root / name).mkdir()
        for place, number in enumerate(numbers):
            content = aedat2_bytes(columns(gesture(4 * label + place)))
            (root / name / f"cifar10_{name}_{number}.aedat").write_bytes(content)


LAYOUTS: dict[str, Layout] = {
    "dvsgesture": write_gesture,
    "gait-day": write_gait_arrays,
    "gait-night": write_gait_text,
    "dailyaction": write_daily_action,
    "har-dvs": write_har_dvs,
    "ncaltech101": write_ncaltech101,
    "cifar10dvs": write_cifar10_dvs,
}
"""A writer for each name of DATA that stands for a folder; N-MNIST has its own in test_datasets."""
