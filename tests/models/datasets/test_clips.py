"""Windows of recordings: where they begin, what they hold, how they vote."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from snnc.errors import BAD_DATA_SPEC, BAD_OPTION, EMPTY_RECORDING, WRONG_SENSOR, SnncError
from snnc.models.checkpoints import InputDescription
from snnc.models.datasets.clips import (
    RecordedFrames,
    clip_starts,
    frames_for,
    random_start,
    slice_frames,
)
from snnc.models.datasets.dataset import Sample
from snnc.models.datasets.events import Recording, pack_events
from snnc.models.neurons import LIF
from snnc.models.surrogates import make_surrogate
from snnc.models.training.evaluation import evaluate

GIVEN = InputDescription(8, 8, time_steps=4, dt_us=10)


def recording(times: list[int], sensor: tuple[int, int] = (8, 8)) -> Recording:
    """An event at each time; its pixel is its number, row by row."""
    index = np.arange(len(times))
    return Recording(
        pack_events(np.array(times), index % 8, index // 8 % 8, index % 2), sensor, "a"
    )


class Recordings:
    """A data set of given recordings; sample i is of class i % 3 unless ``labels`` says more."""

    sensor = (8, 8)
    class_names = ("a", "b", "c")

    def __init__(self, *items: Recording, labels: list[int | None] | None = None) -> None:
        self.items = items
        self.labels = labels

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        label = index % 3 if self.labels is None else self.labels[index]
        return Sample(self.items[index], label, f"sample {index}")


# --- where windows begin -----------------------------------------------------------------


def authors_starts(duration: int, length: int, clips: int) -> list[int]:
    """The rule as the paper's code states it: an overlap or a gap, then moved back to fit."""
    if clips * length > duration:
        distance = length - (clips * length - duration) // clips
    else:
        distance = length + (duration - clips * length) // clips
    return [max(0, min(clip * distance, duration - length)) for clip in range(clips)]


@given(st.integers(0, 10_000), st.integers(1, 3000), st.integers(1, 12))
def test_clips_begin_where_the_authors_do(duration: int, length: int, clips: int) -> None:
    starts = clip_starts(duration, length, clips)
    assert np.abs(np.subtract(starts, authors_starts(duration, length, clips))).max() < clips
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert starts[-1] <= max(0, duration - length)


def test_clips_of_a_long_and_of_a_short_recording() -> None:
    assert clip_starts(1000, 100, 4) == [0, 250, 500, 750]
    assert clip_starts(1000, 600, 4) == [0, 250, 400, 400]
    assert clip_starts(50, 600, 3) == [0, 0, 0]


def test_random_windows_begin_anywhere_that_they_fit() -> None:
    torch.manual_seed(0)
    starts = {random_start(20, 15) for _ in range(300)}
    assert starts == set(range(6))
    assert {random_start(5, 15) for _ in range(20)} == {0}


# --- what windows hold -------------------------------------------------------------------


def test_slice_counts_from_its_own_first_event() -> None:
    frames = slice_frames(GIVEN, recording([100, 109, 125, 134, 160, 170]), 20)
    # From 120 to before 160: 125 begins step 0, 134 is 9 us later.
    assert frames.sum(axis=(1, 2, 3)).tolist() == [2, 0, 0, 0]
    assert frames[0, 0, 0, 2] == 1
    assert frames[0, 1, 0, 3] == 1


def test_slice_at_the_start_is_the_whole_recording_s_frames() -> None:
    whole = recording([3, 5, 19, 42, 43, 90])
    np.testing.assert_array_equal(slice_frames(GIVEN, whole, 0), frames_for(GIVEN, whole))


def test_slice_without_events_is_empty_and_an_empty_recording_is_refused() -> None:
    assert slice_frames(GIVEN, recording([0, 900]), 100).sum() == 0
    with pytest.raises(SnncError) as caught:
        slice_frames(GIVEN, recording([]), 0)
    assert caught.value.code is EMPTY_RECORDING
    with pytest.raises(SnncError) as caught:
        slice_frames(GIVEN, recording([0, 900], (9, 9)), 100)
    assert caught.value.code is WRONG_SENSOR


# --- batches -----------------------------------------------------------------------------


def test_batch_of_clips_holds_each_sample_s_windows_in_turn() -> None:
    long, short = recording(list(range(0, 400, 5))), recording([7, 11])
    source = RecordedFrames(Recordings(long, short), GIVEN, 3, clips=5)
    frames, labels = source.batch(torch.tensor([1, 0]))
    assert (len(source), source.shape, frames.dtype) == (2, (4, 2, 8, 8), torch.int32)
    assert labels.tolist() == [1, 0]
    for clip, start in enumerate(clip_starts(395, 40, 5)):
        np.testing.assert_array_equal(frames[clip], slice_frames(GIVEN, short, 0))
        np.testing.assert_array_equal(frames[5 + clip], slice_frames(GIVEN, long, start))


def test_random_slices_differ_from_epoch_to_epoch_and_repeat_with_the_seed() -> None:
    source = RecordedFrames(
        Recordings(recording(list(range(0, 4000, 5)))), GIVEN, 3, random_slices=True
    )
    torch.manual_seed(3)
    drawn = [source.batch(torch.tensor([0]))[0] for _ in range(8)]
    torch.manual_seed(3)
    assert all(torch.equal(source.batch(torch.tensor([0]))[0], frames) for frames in drawn)
    assert len({frames.numpy().tobytes() for frames in drawn}) > 1


def test_other_framings_take_whole_recordings() -> None:
    given = InputDescription(8, 8, time_steps=3, framing="count")
    whole = recording(list(range(9)))
    frames, _ = RecordedFrames(Recordings(whole), given, 3).batch(torch.tensor([0]))
    assert frames.sum(dim=(0, 2, 3, 4)).tolist() == [3, 3, 3]
    for options in ({"random_slices": True}, {"clips": 2}):
        with pytest.raises(SnncError) as caught:
            RecordedFrames(Recordings(whole), given, 3, **options)
        assert caught.value.code is BAD_OPTION


@pytest.mark.parametrize("options", [{"clips": 0}, {"clips": 2, "random_slices": True}])
def test_slices_or_clips(options: dict[str, int]) -> None:
    with pytest.raises(SnncError) as caught:
        RecordedFrames(Recordings(recording([1])), GIVEN, 3, **options)
    assert caught.value.code is BAD_OPTION


@pytest.mark.parametrize("label", [None, 3, -1])
def test_labels_are_checked(label: int | None) -> None:
    source = RecordedFrames(Recordings(recording([1]), labels=[label]), GIVEN, 3)
    with pytest.raises(SnncError) as caught:
        source.batch(torch.tensor([0]))
    assert caught.value.code is BAD_DATA_SPEC
    with pytest.raises(SnncError) as caught:
        RecordedFrames(Recordings(), GIVEN, 3)
    assert caught.value.code is BAD_DATA_SPEC


# --- the vote ----------------------------------------------------------------------------


class Namer(torch.nn.Module):
    """Names a class for each window, given which sample it is of: its number of events less 1."""

    classes = 3

    def __init__(self, named: list[list[int]]) -> None:
        super().__init__()
        self.named = named
        self.place = torch.nn.Parameter(torch.zeros(1))  # a network is where its parameters are
        self.neuron = LIF(0.3, 0.0, 0.3, make_surrogate("rectangular", 0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.neuron(x)
        samples = (x.sum(dim=(0, 2, 3, 4)).long() - 1).tolist()
        names = [self.named[sample][place % 4] for place, sample in enumerate(samples)]
        return torch.eye(3)[names]


def test_a_sample_is_right_where_more_than_half_of_its_clips_are() -> None:
    items = [recording([0] * (sample + 1)) for sample in range(4)]
    source = RecordedFrames(Recordings(*items), GIVEN, 3, clips=4)
    named = [[0, 0, 0, 1], [1, 1, 2, 0], [2, 2, 2, 2], [1, 1, 1, 1]]
    # Right: three of four; half is not enough; all; none of class 0.
    assert evaluate(Namer(named), source, batch_size=8).accuracy == 2 / 4  # type: ignore[arg-type]
