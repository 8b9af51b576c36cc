"""DATA for a model: its recordings as windows of frames, framed as the model was trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.clips import frames_for
from snnc.models.datasets.dataset import check_split
from snnc.models.datasets.events import Recording
from snnc.models.datasets.spec import open_data

if TYPE_CHECKING:
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.deploy.firmware import Vector
    from snnc.compiler.frontend.source import SourceModel


def spread(length: int, count: int) -> list[int]:
    """``count`` places spread evenly over ``length``, in order."""
    return [int(index) for index in np.linspace(0, length - 1, count).round()]


DEFAULT_CALIBRATION = 64
"""Training recordings that calibration looks at unless it is told how many."""


@dataclass(frozen=True)
class Window:
    """Event counts uint16 [T, 2, H, W] of one recording, its class if known, and its name; and the
    recording."""

    frames: npt.NDArray[np.uint16]
    label: int | None
    name: str
    recording: Recording

    @property
    def events(self) -> npt.NDArray[np.void]:
        """The recording's events in the layout of snn_event."""
        return c_events(self.recording)


class Windows:
    """A sized, lazy sequence of windows."""

    def __init__(self, source: SourceModel, data: str, split: str, samples: int | None) -> None:
        if source.input is None:
            raise SnncError(
                BAD_OPTION,
                "the model does not say how recordings become frames",
                where=source.origin,
                mend="Give --frame-us, or save it with snnc.save and an InputDescription.",
            )
        self.input = source.input
        self.dataset = open_data(data, check_split(split))
        if samples is not None and samples > len(self.dataset):
            raise SnncError(
                BAD_OPTION,
                f"{samples} samples were asked for, and {data} has {len(self.dataset)}",
                mend="Ask for fewer, or leave out --samples.",
            )
        self.indices: Sequence[int] = range(samples or len(self.dataset))

    def some(self, places: Sequence[int]) -> Windows:
        """The windows at these places alone."""
        fewer = copy(self)
        fewer.indices = [self.indices[place] for place in places]
        return fewer

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Window]:
        for index in self.indices:
            sample = self.dataset[index]
            frames = frames_for(self.input, sample.recording)
            yield Window(frames, sample.label, sample.name, sample.recording)


def windows(source: SourceModel, data: str, split: str, samples: int | None) -> Windows:
    """The first ``samples`` recordings of DATA (default: all) for a model.

    Raises:
        SnncError: BAD_DATA_SPEC, BAD_OPTION; while iterating BAD_RECORDING, EMPTY_RECORDING,
            WRONG_SENSOR.
    """
    return Windows(source, data, split, samples)


def calibration_windows(
    source: SourceModel, data: str, samples: int | None
) -> Iterator[npt.NDArray[np.uint16]]:
    """Frames of up to ``samples`` training recordings of DATA, spread evenly over the set.

    Calibration never sees a test recording: the split is always ``train``.

    Raises:
        SnncError: as :func:`windows`.
    """
    every = windows(source, data, "train", None)
    count = min(samples or DEFAULT_CALIBRATION, len(every))
    for index in spread(len(every), count):
        yield frames_for(every.input, every.dataset[index].recording)


def test_vectors(
    source: SourceModel, compilation: Compilation, data: str, split: str, samples: int | None
) -> Iterator[Vector]:
    """Recordings of DATA, spread evenly over the set, with the reference's values.

    Raises:
        SnncError: as :func:`windows`.
    """
    from snnc.compiler.deploy.firmware import vector

    every = windows(source, data, split, None)
    for index in spread(len(every), min(samples or len(every), len(every))):
        recording = every.dataset[index].recording
        yield vector(compilation, frames_for(every.input, recording), c_events(recording))


def c_events(recording: Recording) -> npt.NDArray[np.void]:
    """Events in the layout of snn_event, times from the first event on.

    An event later than 2^31 microseconds (35 minutes) is after the last step of any window; its
    time is capped, so that it is dropped and counted like the others.
    """
    from snnc.compiler.codegen.abi import EVENT_DTYPE

    events = recording.events
    packed = np.zeros(len(events), EVENT_DTYPE)
    since = events["t"] - (events["t"][0] if len(events) else 0)
    packed["t_us"] = np.minimum(since, np.iinfo(np.int32).max)
    packed["x"], packed["y"], packed["polarity"] = events["x"], events["y"], events["p"]
    return packed
