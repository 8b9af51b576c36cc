"""Which frames the options of ``snnc train`` give, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from snnc.commands.training import training_data
from snnc.commands.training.training_data import DataChoice
from snnc.errors import BAD_OPTION, SnncError
from snnc.models.checkpoints import load
from snnc.models.datasets.clips import RecordedFrames
from snnc.models.datasets.dataset import FramedDataset
from snnc.models.training.evaluation import MemoryFrames
from tests.support.recordings.dataset_layouts import write_daily_action, write_gait_text

Run = Callable[..., tuple[int, str, str]]


def choice(folder: Path, **options: Any) -> DataChoice:
    plain: dict[str, Any] = {
        "data": f"gait-day:{folder}",
        "time_steps": 3,
        "framing": "dt",
        "dt_us": 20_000,
        "downsample": 8,
        "random_slices": False,
        "clips": 1,
        "cache": None,
    }
    return DataChoice(**{**plain, **options})


@pytest.fixture
def gait(tmp_path: Path) -> Path:
    write_gait_text(tmp_path)
    return tmp_path


def test_frames_are_held_in_memory_or_made_of_cached_recordings_and_are_the_same(
    gait: Path,
) -> None:
    held = choice(gait).load()
    made = choice(gait, cache=gait / "cache").load()
    assert isinstance(held.train, FramedDataset)
    assert isinstance(made.train, RecordedFrames)
    assert (held.input, held.classes) == (made.input, made.classes)
    assert held.input.frame_size == (2, 16, 16)
    every = torch.arange(3)
    for one, other in ((held.train, made.train), (held.test, made.test)):
        memory = MemoryFrames.of(one, 20)
        frames, labels = other.batch(every)
        assert torch.equal(frames, memory.frames.to(torch.int32))
        assert torch.equal(labels, memory.labels)


def test_slices_are_for_training_and_clips_for_the_test(gait: Path) -> None:
    data = choice(gait, random_slices=True, clips=4).load()
    assert isinstance(data.train, RecordedFrames)
    assert isinstance(data.test, RecordedFrames)
    assert (data.train.random_slices, data.train.clips) == (True, 1)
    assert (data.test.random_slices, data.test.clips) == (False, 4)
    counted = choice(gait, framing="count", dt_us=None).load()
    assert isinstance(counted.train, RecordedFrames)
    assert counted.input.framing == "count"


def test_frames_beyond_the_memory_are_made_for_each_batch_and_that_is_said(
    gait: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = 3 * 3 * 2 * 16 * 16 * 2
    monkeypatch.setattr(training_data, "MEMORY_BYTES", size)
    assert isinstance(choice(gait).load().train, FramedDataset)
    assert "for each batch" not in capsys.readouterr().err
    monkeypatch.setattr(training_data, "MEMORY_BYTES", size - 1)
    assert isinstance(choice(gait).load().train, RecordedFrames)
    assert "for each batch instead of held in memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dt_us": None}, "--framing dt needs --dt-us"),
        ({"framing": "count"}, "--framing count takes no --dt-us"),
        ({"framing": "time", "dt_us": None, "clips": 2}, "framing by time"),
        ({"downsample": 3}, "downsampling by 3"),
    ],
)
def test_options_that_do_not_go_together(gait: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SnncError, match=said) as caught:
        choice(gait, **options).load()
    assert caught.value.code is BAD_OPTION


TRAIN = ["train", "three-layer-narrow", "--time-steps", 2, "--dt-us", 50_000, "--downsample", 16]


def test_hyper_parameters_by_name(tmp_path: Path, snnc: Run) -> None:
    write_daily_action(tmp_path, ["jump"])
    given = ["--hyper", "channels=[2,3,4]", "--hyper", 'surrogate="arctan"', "--epochs", 1]
    out = tmp_path / "model.pt"
    status, _, err = snnc(*TRAIN, "--data", f"dailyaction:{tmp_path}", "-o", out, *given)
    assert status == 0, err
    hyper = load(out).model.hyper
    assert (hyper["channels"], hyper["surrogate"]) == ([2, 3, 4], "arctan")


@pytest.mark.parametrize("given", [["hidden"], ["hidden=wide"], ["hiden=3"]])
def test_hyper_parameters_that_make_no_sense(tmp_path: Path, snnc: Run, given: list[str]) -> None:
    write_daily_action(tmp_path, ["jump"])
    options = [part for entry in given for part in ("--hyper", entry)]
    status, _, err = snnc(
        *TRAIN, "--data", f"dailyaction:{tmp_path}", "-o", tmp_path / "m.pt", *options
    )
    assert status == 2
    assert "SNNC-E305" in err
    assert "hid" in err


def test_missing_data_set_is_one_sentence(tmp_path: Path, snnc: Run) -> None:
    status, out, err = snnc(*TRAIN, "--data", f"har-dvs:{tmp_path}", "-o", tmp_path / "m.pt")
    assert (status, out) == (2, "")
    assert f"SNNC-E204: {tmp_path}/train_label.txt: HAR-DVS is not here. Ask for" in " ".join(
        err.split()
    )
