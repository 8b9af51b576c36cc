"""Data sets in a folder: each is read as it was published, and refused with a sentence."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snnc.errors import (
    BAD_DATA_SPEC,
    BAD_RECORDING,
    EMPTY_RECORDING,
    WRONG_SENSOR,
)
from snnc.models.datasets import NMNIST, Cifar10Dvs, DailyAction, HarDvs, NCaltech101
from snnc.models.datasets.dataset import Split, frame_dataset
from snnc.models.datasets.published.listed import Listed
from snnc.models.datasets.spec import DATA_SETS, open_data
from tests.support.places import ROOT
from tests.support.recordings import dataset_layouts as layouts
from tests.support.recordings.dataset_layouts import LAYOUTS, gesture
from tests.support.recordings.dataset_reading import refused, samples, table
from tests.support.recordings.recording_writers import nmnist_bytes

# --- every data set ----------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_splits_are_disjoint_and_mix_the_classes(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    sets = {split: open_data(f"{name}:{tmp_path}", split) for split in ("train", "test")}
    names = {split: {sample.name for sample in samples(each)} for split, each in sets.items()}
    assert names["train"]
    assert not names["train"] & names["test"]
    for dataset in sets.values():
        labels = [sample.label for sample in samples(dataset)]
        classes = len(set(labels))
        assert len(set(labels[:classes])) == classes > 1
        assert max(labels) < len(dataset.class_names)


@pytest.mark.parametrize("name", LAYOUTS)
def test_frames_hold_the_events(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    dataset = open_data(f"{name}:{tmp_path}", "train")
    framed = frame_dataset(dataset, dt_us=50_000, time_steps=5)
    assert framed.frames.shape == (len(dataset), 5, 2, *dataset.sensor)
    events = sum(len(sample.recording) for sample in samples(dataset))
    assert framed.frames.sum() == events > 0
    assert framed.dropped == 0


@pytest.mark.parametrize("name", LAYOUTS)
def test_missing_data_set_is_one_sentence_with_name_folder_and_source(
    name: str, tmp_path: Path
) -> None:
    message = refused(BAD_DATA_SPEC, lambda: open_data(f"{name}:{tmp_path / 'none'}", "train"))
    assert str(tmp_path / "none") in message
    assert "https://" in message
    title = {
        "dvsgesture": "DVS128 Gesture",
        "gait-day": "DVS128-Gait-Day",
        "gait-night": "DVS128-Gait-Night",
        "dailyaction": "DailyAction-DVS",
        "har-dvs": "HAR-DVS",
        "ncaltech101": "N-Caltech101",
        "cifar10dvs": "CIFAR10-DVS",
    }[name]
    assert title in message


@pytest.mark.parametrize("name", LAYOUTS)
def test_fingerprints_tell_samples_and_changes_apart(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    dataset = open_data(f"{name}:{tmp_path}", "train")
    assert isinstance(dataset, Listed)
    marks = [entry.fingerprint() for entry in dataset.entries]
    assert len(set(marks)) == len(marks)
    path = dataset.entries[0].path
    if path.is_file():
        path.write_bytes(path.read_bytes() + b" ")
        assert dataset.entries[0].fingerprint() != marks[0]


# --- DailyAction-DVS ---------------------------------------------------------------------


def test_daily_action_tests_on_the_last_fifth_and_passes_copies_over(tmp_path: Path) -> None:
    layouts.write_daily_action(tmp_path)
    train, test = DailyAction(tmp_path, "train"), DailyAction(tmp_path, "test")
    assert (len(train), len(test)) == (12, 3)
    assert {sample.name for sample in samples(test)} == {
        "bend/zhbend1",
        "get up/zhget up1",
        "walk/zhwalk1",
    }
    assert [test.class_names[sample.label or 0] for sample in samples(test)] == [
        "bend",
        "get up",
        "walk",
    ]
    assert table(test[1]) == gesture(9).tolist()
    assert len(test.class_names) == 12


def test_daily_action_file_that_is_cut_off(tmp_path: Path) -> None:
    layouts.write_daily_action(tmp_path)
    dataset = DailyAction(tmp_path, "test")
    path = dataset.entries[0].path
    path.write_bytes(path.read_bytes()[:-3])
    size = path.stat().st_size
    assert f"{path}, byte {size - 5}" in refused(BAD_RECORDING, lambda: dataset[0])


# --- HAR-DVS -----------------------------------------------------------------------------


def test_har_dvs_images_become_events_at_nominal_times(tmp_path: Path) -> None:
    layouts.write_har_dvs(tmp_path)
    dataset = HarDvs(tmp_path, "train")
    assert (dataset.sensor, len(dataset.class_names)) == ((260, 346), 300)
    sample = dataset[1]
    assert sample.label == 1
    original = gesture(2)
    pixels = Counter()
    for t, x, y, p in original.tolist():
        pixels[t * 3 // layouts.DURATION_US * 1000, x + 100, y + 60] = p  # the last one shows
    shown = {(t, x, y): p for t, x, y, p in table(sample)}
    assert shown == dict(pixels)


def test_har_dvs_frames_by_the_nominal_step_are_the_images(tmp_path: Path) -> None:
    layouts.write_har_dvs(tmp_path, images=4)
    framed = frame_dataset(HarDvs(tmp_path, "test"), dt_us=1000, time_steps=4, downsample=2)
    assert framed.frames.shape == (3, 4, 2, 130, 173)
    image = layouts.event_image(gesture(1), 3, 4)
    green = (image == [0, 200, 0]).all(axis=2)
    assert framed.frames[0, 3, 1].sum() == green.sum() > 0


def test_har_dvs_without_the_inner_folder(tmp_path: Path) -> None:
    layouts.write_har_dvs(tmp_path)
    before = [table(sample) for sample in samples(HarDvs(tmp_path, "test"))]
    for folder in (tmp_path / "rawframes").glob("*/*/*_dvs"):
        for image in folder.iterdir():
            image.rename(folder.parent / image.name)
        folder.rmdir()
    assert [table(sample) for sample in samples(HarDvs(tmp_path, "test"))] == before


def test_har_dvs_refusals(tmp_path: Path) -> None:
    layouts.write_har_dvs(tmp_path)
    (listing,) = tmp_path.glob("*/train_label.txt")
    image = next(iter(sorted(tmp_path.glob("rawframes/action_001/*/*_dvs/*.png"))))
    dataset = HarDvs(tmp_path, "train")
    image.write_bytes(image.read_bytes()[:200])
    message = refused(BAD_RECORDING, lambda: dataset[0])
    assert f"{image} of 200 bytes" in message
    Image.new("RGB", (10, 20)).save(image)
    assert "10x20" in refused(WRONG_SENSOR, lambda: dataset[0])
    for path in image.parent.iterdir():
        path.unlink()
    assert "no event images" in refused(BAD_RECORDING, lambda: dataset[0])
    shutil.rmtree(image.parents[1])
    assert str(image.parents[1]) in refused(BAD_DATA_SPEC, lambda: dataset[0])
    for line in ("action_001/a 8", "action_001/a 8 300", "action_001/a 8 -1"):
        listing.write_text(f"\n{line}\n")
        assert f"{listing}, line 2" in refused(BAD_RECORDING, lambda: HarDvs(tmp_path))
    shutil.rmtree(tmp_path / "rawframes")
    assert "rawframes" in refused(BAD_DATA_SPEC, lambda: HarDvs(tmp_path))


# --- N-Caltech101 and CIFAR10-DVS --------------------------------------------------------


def test_ncaltech101_tests_on_every_tenth_file(tmp_path: Path) -> None:
    layouts.write_ncaltech101(tmp_path)
    train, test = NCaltech101(tmp_path, "train"), NCaltech101(tmp_path / "Caltech101", "test")
    assert (len(train), train.sensor, train.class_names) == (18, (180, 240), ("anchor", "ant"))
    assert [sample.name for sample in samples(test)] == ["anchor/image_0010", "ant/image_0010"]
    assert table(test[1]) == layouts.moved(gesture(19), x=110, y=50).tolist()


def test_ncaltech101_reads_real_atis_events(tmp_path: Path, shared_data: Path) -> None:
    """N-MNIST and N-Caltech101 files have one format; real events come from the former."""
    real = NMNIST(shared_data / "nmnist", "test")
    for number in range(10):
        path = tmp_path / "anchor" / f"image_{number:04}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(real.entries[number].path.read_bytes())
    sample = NCaltech101(tmp_path, "test")[0]
    np.testing.assert_array_equal(sample.recording.events, real[9].recording.events)
    assert sample.recording.sensor == (180, 240)


def test_ncaltech101_refuses_cut_and_foreign_files(tmp_path: Path) -> None:
    layouts.write_ncaltech101(tmp_path)
    dataset = NCaltech101(tmp_path, "test")
    path = dataset.entries[0].path
    path.write_bytes(path.read_bytes()[:-1])
    start = path.stat().st_size // 5 * 5
    assert f"at byte {start}, is cut off" in refused(BAD_RECORDING, lambda: dataset[0])
    path.write_bytes(nmnist_bytes(([0], [0], [200], [1])))
    assert f"{path}, event 0" in refused(BAD_RECORDING, lambda: dataset[0])
    path.write_bytes(b"")
    assert str(path) in refused(EMPTY_RECORDING, lambda: dataset[0])


def test_cifar10_dvs_tests_on_the_first_hundred_of_a_class(tmp_path: Path) -> None:
    layouts.write_cifar10_dvs(tmp_path)
    found: dict[Split, list[str]] = {
        split: [sample.name for sample in samples(Cifar10Dvs(tmp_path, split))]
        for split in ("train", "test")
    }
    assert found["test"] == [
        "cifar10_airplane_0",
        "cifar10_truck_0",
        "cifar10_airplane_99",
        "cifar10_truck_99",
    ]
    assert found["train"] == [
        name.replace("_0", "_100").replace("_99", "_999") for name in found["test"]
    ]
    dataset = Cifar10Dvs(tmp_path, "test")
    assert table(dataset[1]) == gesture(4).tolist()
    assert [sample.label for sample in samples(dataset)] == [0, 9, 0, 9]


def test_cifar10_dvs_finds_aedat4_and_refuses_another_camera(
    tmp_path: Path, shared_data: Path
) -> None:
    pytest.importorskip("aedat", reason="needs the package aedat")
    path = tmp_path / "cat" / "cifar10_cat_5.aedat4"
    path.parent.mkdir()
    shutil.copyfile(shared_data / "recordings/davis346/sample.aedat4", path)
    dataset = Cifar10Dvs(tmp_path, "test")
    assert [entry.name for entry in dataset.entries] == ["cifar10_cat_5"]
    message = refused(WRONG_SENSOR, lambda: dataset[0])
    assert f"{path}: the recording is 346x260 pixels" in message


# --- the page ----------------------------------------------------------------------------


def test_page_has_every_data_set_with_its_form_and_where_to_ask() -> None:
    page = (ROOT / "docs" / "datasets.md").read_text("utf-8")
    for name in DATA_SETS:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}:DIR` |")]
        assert row.count(" | ") == 7
    for name in LAYOUTS:
        message = refused(BAD_DATA_SPEC, lambda name=name: open_data(f"{name}:/none", "train"))
        (url,) = re.findall(r"https://[^\s;,]+", message)
        assert url in page
