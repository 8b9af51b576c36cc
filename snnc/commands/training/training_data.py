"""DATA to train on: options, and the frames that they ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from snnc.models.checkpoints import Framing, InputDescription
    from snnc.models.datasets.dataset import EventDataset, Split
    from snnc.models.training.evaluation import FrameDataset, FrameSource

FRAME_BYTES = 2
"""Bytes of a frame's cell while a data set is read."""

MEMORY_BYTES = 4 * 2**30
"""Frames of a split that take more than this are not held in memory."""

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--data", required=True, help="DATA with a training and a test part."),
    click.option("--time-steps", type=click.IntRange(1), required=True, help="T."),
    click.option(
        "--framing",
        type=click.Choice(["dt", "time", "count"]),
        default="dt",
        show_default=True,
        help="Steps of --dt-us each, or T equal parts of each recording's time or events.",
    ),
    click.option("--dt-us", type=click.IntRange(1), help="Step length in microseconds."),
    click.option(
        "--downsample",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Pixels per cell side.",
    ),
    click.option(
        "--random-slices",
        is_flag=True,
        help="Train on a random window of each recording, another one in each epoch.",
    ),
    click.option(
        "--clips",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Test on so many windows of each recording, which vote.",
    ),
    click.option(
        "--cache",
        type=click.Path(path_type=Path),
        help="Decode recordings once, into this folder.",
    ),
)


@dataclass(frozen=True)
class DataChoice:
    """DATA and how it becomes frames, from the options of :func:`data_options`."""

    data: str
    time_steps: int
    framing: Framing
    dt_us: int | None
    downsample: int
    random_slices: bool
    clips: int
    cache: Path | None

    def load(self, *, progress: bool = True) -> TrainingData:
        """Open DATA, and read it where it is to be held in memory.

        Recordings are read again for every batch where windows of them are asked for, or they
        are not framed by dt, or there is a cache, or their frames take more than
        :data:`MEMORY_BYTES`; else all frames are made at once.

        Raises:
            SnncError: BAD_OPTION for options that do not go together; BAD_DATA_SPEC;
                whatever reading a recording raises.
        """
        from snnc.models.checkpoints import InputDescription
        from snnc.models.datasets.spec import open_data

        if (self.dt_us is None) == (self.framing == "dt"):
            wanted = "needs --dt-us" if self.dt_us is None else "takes no --dt-us"
            raise SnncError(BAD_OPTION, f"--framing {self.framing} {wanted}")
        train, test = open_data(self.data, "train"), open_data(self.data, "test")
        given = InputDescription(
            *train.sensor, self.time_steps, self.dt_us, self.downsample, self.framing
        )
        return TrainingData(
            self._frames(train, given, "train", progress),
            self._frames(test, given, "test", progress),
            given,
            len(train.class_names),
        )

    def _frames(
        self, dataset: EventDataset, given: InputDescription, split: Split, progress: bool
    ) -> FrameDataset | FrameSource:
        from snnc.models.datasets.clips import RecordedFrames
        from snnc.models.datasets.dataset import frame_dataset
        from snnc.models.datasets.event_cache import CachedEvents

        plain = not self.random_slices and self.clips == 1 and self.cache is None
        if given.dt_us is not None and plain and self._fits_in_memory(dataset, given):
            return frame_dataset(
                dataset,
                dt_us=given.dt_us,
                time_steps=given.time_steps,
                downsample=given.downsample,
                progress=progress,
            )
        if self.cache is not None:
            dataset = CachedEvents(dataset, self.cache)
            dataset.fill()
        return RecordedFrames(
            dataset,
            given,
            len(dataset.class_names),
            random_slices=self.random_slices and split == "train",
            clips=self.clips if split == "test" else 1,
        )

    @staticmethod
    def _fits_in_memory(dataset: EventDataset, given: InputDescription) -> bool:
        size = len(dataset) * given.time_steps * math.prod(given.frame_size) * FRAME_BYTES
        if size > MEMORY_BYTES:
            click.echo(
                f"{size / 2**30:.1f} GiB of frames are made again for each batch instead of held "
                "in memory; with --cache that is faster.",
                err=True,
            )
        return size <= MEMORY_BYTES


@dataclass(frozen=True)
class TrainingData:
    """Frames to train and to test on, how they were made, and the number of classes."""

    train: FrameDataset | FrameSource
    test: FrameDataset | FrameSource
    input: InputDescription
    classes: int


def data_options(function: F) -> F:
    """DATA and its options, given to the command as one :class:`DataChoice` called ``data``."""
    names = [field.name for field in fields(DataChoice)]

    @wraps(function)
    def command(**arguments: Any) -> Any:
        chosen = DataChoice(**{name: arguments.pop(name) for name in names})
        return function(data=chosen, **arguments)

    decorated: Any = command
    for decorate in reversed(_OPTIONS):
        decorated = decorate(decorated)
    return cast("F", decorated)
