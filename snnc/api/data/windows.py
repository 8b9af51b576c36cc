"""DATA for a model: its recordings as windows of frames, framed as the model was trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from snnc.api.data.files import is_held, opened
from snnc.api.data.held import Data, Held, Layout, Window, held
from snnc.errors import BAD_OPTION, SnncError
from snnc.models.datasets.clips import frames_for
from snnc.models.datasets.dataset import check_split
from snnc.models.datasets.events import Recording
from snnc.models.datasets.spec import open_data

if TYPE_CHECKING:
    from snnc.api.data.written import WrittenInput
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.deploy.firmware import Vector
    from snnc.compiler.frontend.source import SourceModel
    from snnc.models.encoders import Numbers


def spread(length: int, count: int) -> list[int]:
    """``count`` places spread evenly over ``length``, in order."""
    return [int(index) for index in np.linspace(0, length - 1, count).round()]


DEFAULT_CALIBRATION = 64
"""Training recordings that calibration looks at unless it is told how many."""


class Windows:
    """A sized, lazy sequence of windows."""

    def __init__(
        self, source: SourceModel | WrittenInput, data: str, split: str, samples: int | None
    ) -> None:
        if source.input_kind == "real":
            raise SnncError(
                BAD_OPTION,
                f"{data} holds recordings, whose events make counts, and the model takes real "
                "numbers",
                where=source.origin,
                hint="Give frames as DATA: a file of arrays, or package.module:factory.",
            )
        if source.input is None:
            raise SnncError(
                BAD_OPTION,
                "the model does not say how recordings become frames",
                where=source.origin,
                hint="Give --frame-us, or save it with snnc.save and an InputDescription.",
            )
        self.input = source.input
        self.dataset = open_data(data, check_split(split))
        if samples is not None and samples > len(self.dataset):
            raise SnncError(
                BAD_OPTION,
                f"{samples} samples were asked for, and {data} has {len(self.dataset)}",
                hint="Ask for fewer, or leave out --samples.",
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
            yield Window(frames, sample.label, sample.name, c_events(sample.recording))


def windows(
    source: SourceModel | WrittenInput,
    data: Data,
    split: str,
    samples: int | None,
    *,
    batch_first: bool = False,
) -> Windows | Held:
    """The first ``samples`` of DATA, or of what Python holds (default: all), for a model.

    Args:
        source: the model, or the folder that it was compiled to.
        data: DATA of the command line, or anything that :func:`snnc.api.data.held.held` takes.
        split: test or train, where DATA has parts.
        samples: how many.
        batch_first: samples in the layout of forward are [1, T, ...].

    Raises:
        SnncError: BAD_DATA_SPEC, BAD_OPTION; while iterating BAD_RECORDING, EMPTY_RECORDING,
            WRONG_SENSOR, BAD_SHAPE.
    """
    if isinstance(data, str | Path):
        if not is_held(str(data)):
            return Windows(source, str(data), split, samples)
        data = opened(str(data))
    shape = (source.time_steps, *source.input_shape)
    how = Layout(shape, batch_first, source.encoder, source.step_us, source.input_kind)
    return held(data, how, samples)


def calibration_windows(
    source: SourceModel, data: Data, samples: int | None, *, batch_first: bool = False
) -> Iterator[Numbers]:
    """Frames of up to ``samples`` training recordings of DATA, spread evenly over the set.

    Calibration never sees a test recording: the split is always ``train``.

    Raises:
        SnncError: as :func:`windows`.
    """
    every = windows(source, data, "train", None, batch_first=batch_first)
    count = min(samples or DEFAULT_CALIBRATION, len(every))
    for window in every.some(spread(len(every), count)):
        yield window.frames


def test_vectors(
    source: SourceModel, compilation: Compilation, data: Data, split: str, samples: int | None
) -> Iterator[Vector]:
    """Recordings of DATA, spread evenly over the set, with the reference's values.

    Raises:
        SnncError: as :func:`windows`.
    """
    from snnc.compiler.deploy.firmware import vector

    every = windows(source, data, split, None)
    for window in every.some(spread(len(every), min(samples or len(every), len(every)))):
        yield vector(compilation, window.frames, events_behind(compilation, window))


def events_behind(compilation: Compilation, window: Window) -> npt.NDArray[np.void]:
    """The events of a window; where it has none, some that make its frames."""
    from snnc.compiler.verify.shipped.events import MOST_EVENTS, events_of

    if window.events is not None:
        return window.events
    framing = compilation.framing
    made = None if framing is None else events_of(window.frames, framing)
    if made is None:
        raise SnncError(
            BAD_OPTION,
            f"{window.name} holds no events, and none can be made of it: a test vector has at most "
            f"{MOST_EVENTS:,}, of a model that is framed by a step length",
            hint="Give recordings as vectors.",
        )
    return made


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
