"""Decoded recordings on disk: the same events, decoded once, and anew after a change."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from snnc.errors import BAD_OPTION, BAD_OUTPUT, BAD_RECORDING, SnncError
from snnc.models.datasets import GestureSim
from snnc.models.datasets.event_cache import CachedEvents
from snnc.models.datasets.spec import open_data
from tests.support.recordings.dataset_layouts import LAYOUTS, write_gait_text


@pytest.mark.parametrize("name", LAYOUTS)
def test_gives_the_same_samples_before_and_after_it_is_filled(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    dataset = open_data(f"{name}:{tmp_path}", "train")
    for _ in range(2):
        cached = CachedEvents(dataset, tmp_path / "cache")
        assert (cached.sensor, cached.class_names) == (dataset.sensor, dataset.class_names)
        assert len(cached) == len(dataset)
        for index in range(len(dataset)):
            ours, theirs = cached[index], dataset[index]
            np.testing.assert_array_equal(ours.recording.events, theirs.recording.events)
            assert (ours.label, ours.name) == (theirs.label, theirs.name)
        assert len(list((tmp_path / "cache").iterdir())) == len(dataset)


def test_reads_no_source_once_filled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_gait_text(tmp_path)
    dataset = open_data(f"gait-day:{tmp_path}", "train")
    cached = CachedEvents(dataset, tmp_path / "cache")
    cached.fill()
    output = capsys.readouterr()
    assert output.out == ""
    assert "decoding recordings" in output.err
    path = dataset.entries[1].path  # type: ignore[attr-defined]
    status = path.stat()
    events = cached[1].recording.events.copy()
    path.write_bytes(b"x" * status.st_size)  # the same size and, below, the same time
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(cached[1].recording.events, events)
    os.utime(path)
    with pytest.raises(SnncError) as caught:
        cached.fill()
    assert caught.value.code is BAD_RECORDING


def test_a_damaged_file_is_decoded_again(tmp_path: Path) -> None:
    write_gait_text(tmp_path)
    cached = CachedEvents(open_data(f"gait-day:{tmp_path}", "train"), tmp_path / "cache")
    cached.fill()
    events = cached[0].recording.events.copy()
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:-5])
    np.testing.assert_array_equal(cached[0].recording.events, events)
    np.save(next((tmp_path / "cache").iterdir()), np.arange(4))
    for index in range(len(cached)):
        assert cached[index].recording.events.dtype.names == ("t", "x", "y", "p")


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(SnncError) as caught:
        CachedEvents(GestureSim("test"), tmp_path)
    assert caught.value.code is BAD_OPTION
    write_gait_text(tmp_path)
    dataset = open_data(f"gait-day:{tmp_path}", "train")
    with pytest.raises(SnncError) as caught:
        CachedEvents(dataset, dataset.entries[0].path / "cache")  # type: ignore[attr-defined]
    assert caught.value.code is BAD_OUTPUT
