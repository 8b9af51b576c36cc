"""What every data set offers, and how it becomes frames in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from snnc.errors import BAD_DATA_SPEC, BAD_OPTION, WRONG_SENSOR, SnncError
from snnc.models.datasets.events import Recording
from snnc.models.datasets.framing import frame_by_dt, frame_shape

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")


@dataclass(frozen=True)
class Sample:
    """One recording with its class (None where nobody labelled it) and a unique name."""

    recording: Recording
    label: int | None
    name: str


class EventDataset(Protocol):
    """A fixed, ordered list of samples of one sensor.

    The order is the same on every machine, and classes are mixed in it, so that the
    first n samples are a fair choice of n samples.
    """

    @property
    def sensor(self) -> tuple[int, int]:
        """(height, width) in pixels."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by label; empty for recordings without labels."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass(frozen=True)
class FramedDataset:
    """A data set as frames in memory; ``[i]`` is (frames, label), label -1 for none.

    Attributes:
        frames: uint16, [N, T, 2, H, W], polarity order OFF, ON.
        labels: int64, [N]; -1 where a sample has no label.
        names: the samples' names, N of them.
        class_names: names by label.
        dropped: events later than the last step, over all samples.
    """

    frames: NDArray[np.uint16]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    class_names: tuple[str, ...]
    dropped: int

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint16], int]:
        return self.frames[index], int(self.labels[index])

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint16], int]]:
        return (self[index] for index in range(len(self)))


def frame_dataset(
    dataset: EventDataset,
    *,
    dt_us: int,
    time_steps: int,
    downsample: int = 1,
    samples: int | None = None,
    progress: bool = False,
) -> FramedDataset:
    """Frames of the first ``samples`` samples (default: all) by :func:`frame_by_dt`.

    Args:
        dataset: where the recordings come from.
        dt_us: length of a step in microseconds.
        time_steps: T.
        downsample: whole number that divides both sides of the sensor.
        samples: how many, from the start of the data set.
        progress: show a bar on standard error while reading.

    Raises:
        SnncError: ``BAD_OPTION`` for fewer than 1 sample or more than there are, and
            whatever reading and framing a recording raises.
    """
    total = len(dataset) if samples is None else samples
    if not 1 <= total <= len(dataset):
        raise SnncError(
            BAD_OPTION, f"{total} samples were asked for, and the data set has {len(dataset)}"
        )
    frames = np.empty(
        (total, *frame_shape(dataset.sensor, time_steps, downsample)), dtype=np.uint16
    )
    labels = np.full(total, -1, dtype=np.int64)
    names = []
    dropped = 0
    for index in _indices(total, progress):
        sample = dataset[index]
        check_sensor(sample.recording, dataset.sensor)
        framed = frame_by_dt(sample.recording, dt_us, time_steps, downsample)
        frames[index] = framed.counts
        dropped += framed.dropped
        names.append(sample.name)
        if sample.label is not None:
            labels[index] = sample.label
    return FramedDataset(frames, labels, tuple(names), dataset.class_names, dropped)


def check_sensor(recording: Recording, sensor: tuple[int, int]) -> None:
    """Refuse a recording that is not from ``sensor`` (height, width).

    Raises:
        SnncError: ``WRONG_SENSOR`` with both sizes.
    """
    if recording.sensor != sensor:
        (height, width), (want_height, want_width) = recording.sensor, sensor
        raise SnncError(
            WRONG_SENSOR,
            f"the recording is {width}x{height} pixels (width x height), and "
            f"{want_width}x{want_height} is expected",
            where=recording.path,
        )


def check_split(split: str) -> Split:
    """``split`` if it is train or test.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` otherwise.
    """
    for known in SPLITS:
        if split == known:
            return known
    raise SnncError(BAD_DATA_SPEC, f"split {split!r} is neither 'train' nor 'test'")


def _indices(total: int, progress: bool) -> Iterator[int]:
    if not progress:
        return iter(range(total))
    bar = track(range(total), "reading recordings", console=Console(stderr=True))
    return iter(bar)
