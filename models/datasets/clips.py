"""Recordings as a network's input: whole, by random slices to learn from, by clips to test on.

With T·dt the length of a window, Yao et al. 2023 train on a random window of each recording
("random consecutive slices", drawn anew in every epoch) and test on ten windows spread evenly
over it, which then vote. Both follow the authors' code (https://github.com/BICLab/ASA-SNN,
``sample_train`` and ``sample_test``), to the microsecond but for its rounding of the distance
between two clips.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnc.errors import BAD_DATA_SPEC, BAD_OPTION, InternalError, SnncError
from snnc.models.checkpoints import InputDescription
from snnc.models.datasets.dataset import EventDataset, check_sensor
from snnc.models.datasets.events import Recording
from snnc.models.datasets.framing import frame_by_count, frame_by_dt, frame_by_time


def frames_for(given: InputDescription, recording: Recording) -> NDArray[np.uint16]:
    """Frames of a recording as the model was trained: uint16 [T, 2, H, W].

    Raises:
        SnncError: WRONG_SENSOR, EMPTY_RECORDING, BAD_RECORDING.
    """
    if given.encoder is not None:
        raise SnncError(
            BAD_DATA_SPEC,
            f"the model takes still images ({given.encoder} coding), and this is a recording",
            where=str(recording.path),
            hint="Give arrays of images as data.",
        )
    check_sensor(recording, (given.height, given.width))
    if given.framing == "time":
        return frame_by_time(recording, given.time_steps, given.downsample).counts
    if given.framing == "count":
        return frame_by_count(recording, given.time_steps, given.downsample).counts
    return frame_by_dt(recording, _dt(given), given.time_steps, given.downsample).counts


def slice_frames(
    given: InputDescription, recording: Recording, start_us: int
) -> NDArray[np.uint16]:
    """Frames of the window that begins ``start_us`` after a recording's first event.

    The first step begins with the window's first event; a window without events is empty.

    Returns:
        uint16 [T, 2, H, W].

    Raises:
        SnncError: WRONG_SENSOR, EMPTY_RECORDING (the whole recording is), BAD_RECORDING.
    """
    if len(recording) == 0:
        return frames_for(given, recording)
    times = recording.events["t"]
    begin = int(times[0]) + start_us
    first, last = np.searchsorted(times, (begin, begin + window_us(given)))
    if first == last:
        check_sensor(recording, (given.height, given.width))
        return np.zeros((given.time_steps, *given.frame_size), np.uint16)
    window = Recording(recording.events[first:last], recording.sensor, recording.path)
    return frames_for(given, window)


def window_us(given: InputDescription) -> int:
    """T·dt, the length of a window in microseconds."""
    return _dt(given) * given.time_steps


def random_start(duration_us: int, length_us: int) -> int:
    """Where a random window of ``length_us`` begins, uniform, by PyTorch's global generator.

    0 where the recording is shorter than the window.
    """
    return int(torch.randint(0, max(0, duration_us - length_us) + 1, ()))


def clip_starts(duration_us: int, length_us: int, clips: int) -> list[int]:
    """Where ``clips`` windows of ``length_us`` begin that cover a recording evenly.

    Clip j begins at j·duration/clips, or so much earlier that it ends with the recording.
    Clips overlap where the recording is shorter than all of them together.
    """
    latest = max(0, duration_us - length_us)
    return [min(clip * duration_us // clips, latest) for clip in range(clips)]


class RecordedFrames:
    """Frames that are made of the recordings again for every batch; nothing is held in memory.

    A source of batches for training and evaluation.

    Args:
        dataset: labelled recordings.
        input: how they become frames.
        classes: number of classes.
        random_slices: take a random window of each recording instead of its beginning.
        clips: windows per recording, spread evenly over it.

    Raises:
        SnncError: BAD_OPTION for slices or clips without ``framing`` "dt", or for both.
    """

    def __init__(
        self,
        dataset: EventDataset,
        input: InputDescription,
        classes: int,
        *,
        random_slices: bool = False,
        clips: int = 1,
    ) -> None:
        if clips < 1 or (random_slices and clips > 1):
            raise SnncError(BAD_OPTION, f"{clips} clips, random slices: {random_slices}")
        if input.framing != "dt" and (random_slices or clips > 1):
            raise SnncError(
                BAD_OPTION,
                f"slices and clips have a length in time, and framing by {input.framing} has none",
                hint="Use framing by dt, or neither slices nor clips.",
            )
        if len(dataset) == 0:
            raise SnncError(BAD_DATA_SPEC, "the data set has no samples")
        self.dataset = dataset
        self.input = input
        self.classes = classes
        self.random_slices = random_slices
        self.clips = clips

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, 2, H, W) of a window."""
        return (self.input.time_steps, *self.input.frame_size)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Event counts int32 ``[N·clips, T, 2, H, W]`` and labels ``[N]`` of samples ``[N]``.

        Raises:
            SnncError: BAD_DATA_SPEC for a sample without a usable label, and whatever
                reading and framing a recording raises.
        """
        windows: list[NDArray[np.uint16]] = []
        labels = []
        for index in indices.tolist():
            sample = self.dataset[index]
            if sample.label is None or not 0 <= sample.label < self.classes:
                raise SnncError(
                    BAD_DATA_SPEC,
                    f"sample {sample.name} has label {sample.label}, and there are "
                    f"{self.classes} classes",
                )
            labels.append(sample.label)
            windows += self._windows(sample.recording)
        counts = torch.from_numpy(np.stack(windows).astype(np.int32))
        return counts, torch.tensor(labels, dtype=torch.int64)

    def _windows(self, recording: Recording) -> list[NDArray[np.uint16]]:
        if not self.random_slices and self.clips == 1:
            return [frames_for(self.input, recording)]
        length, duration = window_us(self.input), recording.duration_us
        if self.random_slices:
            starts = [random_start(duration, length)]
        else:
            starts = clip_starts(duration, length, self.clips)
        return [slice_frames(self.input, recording, start) for start in starts]


def _dt(given: InputDescription) -> int:
    if given.dt_us is None:
        raise InternalError("framing by dt without dt_us")
    return given.dt_us
