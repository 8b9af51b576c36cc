"""DVS128-Gait in both layouts: the same recordings, and no code is ever run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snnc.errors import BAD_DATA_SPEC, BAD_RECORDING, EMPTY_RECORDING, SnncError
from snnc.models.datasets import DvsGait
from snnc.models.datasets.readers.object_npy import stored_arrays
from tests.support.recordings import dataset_layouts as layouts
from tests.support.recordings.dataset_layouts import gesture
from tests.support.recordings.dataset_reading import refused, samples, table


@pytest.mark.parametrize("first", [0, 1])
def test_gait_text_as_published(tmp_path: Path, first: int) -> None:
    layouts.write_gait_text(tmp_path, first)
    dataset = DvsGait(tmp_path, "test", "night")
    assert dataset.sensor == (128, 128)
    assert [sample.label for sample in samples(dataset)] == [0, 1, 2]
    assert [table(sample) for sample in samples(dataset)] == [
        gesture(person + 3).tolist() for person in range(first, first + 3)
    ]
    assert len(dataset.class_names) == 20


def test_gait_arrays_and_text_are_the_same_recordings(tmp_path: Path) -> None:
    for name, write in (("arrays", layouts.write_gait_arrays), ("text", layouts.write_gait_text)):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    for split in ("train", "test"):
        arrays = samples(DvsGait(tmp_path / "arrays", split))
        text = samples(DvsGait(tmp_path / "text", split))
        assert [(table(one), one.label) for one in arrays] == [
            (table(one), one.label) for one in text
        ]


@pytest.mark.parametrize(
    ("content", "byte"),
    [
        (b"0 1 2 1\n5 1 2\n9 1 2 0\n", 8),
        (b"0 1 2 1\n5 1 2 1 9\n", 8),
        (b"0 1 2\n", 0),
        (b"0 1 2 1\n5 1 2 one\n", 8),
        (b"0 1 2 1\n5 1 2 0\n7 1", 16),
        (b"0,1,2,1\n", 0),
    ],
)
def test_gait_text_names_the_byte_of_a_bad_line(tmp_path: Path, content: bytes, byte: int) -> None:
    layouts.write_gait_text(tmp_path)
    path = tmp_path / "origin/train/0/0.txt"
    path.write_bytes(content)
    message = refused(BAD_RECORDING, lambda: DvsGait(tmp_path)[0])
    assert f"{path}, byte {byte}:" in message


def test_gait_text_takes_minus_one_for_off_and_refuses_what_is_no_event(tmp_path: Path) -> None:
    layouts.write_gait_text(tmp_path)
    path = tmp_path / "origin/train/0/0.txt"
    path.write_bytes(b"5 1 2 -1\r\n\n6 127 0 1\r\n")
    assert table(DvsGait(tmp_path)[0]) == [[0, 1, 2, 0], [1, 127, 0, 1]]
    for line in (b"5 1 2 2", b"5 128 2 1", b"5 -1 2 1", b"9 1 2 1\n5 1 2 1"):
        path.write_bytes(line)
        assert f"{path}, event" in refused(BAD_RECORDING, lambda: DvsGait(tmp_path)[0])
    path.write_bytes(b"\n")
    assert str(path) in refused(EMPTY_RECORDING, lambda: DvsGait(tmp_path)[0])


def test_gait_person_out_of_range(tmp_path: Path) -> None:
    layouts.write_gait_text(tmp_path)
    (tmp_path / "origin/train/2").rename(tmp_path / "origin/train/20")
    assert "person 20" in refused(BAD_RECORDING, lambda: DvsGait(tmp_path))


def test_gait_arrays_never_run_code(tmp_path: Path) -> None:
    layouts.write_gait_arrays(tmp_path)
    path = tmp_path / "train/train_data.npy"
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (marker,)  # type: ignore[return-value]

    content = np.empty(1, object)
    content[0] = Trap()
    np.save(path, content, allow_pickle=True)
    assert f"{path}, byte" in refused(BAD_RECORDING, lambda: DvsGait(tmp_path))
    assert not marker.exists()
    with path.open("rb") as file:  # the trap is real: unpickling springs it
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        pickle.load(file)
    assert marker.exists()


def test_gait_arrays_of_one_length_are_plain_numbers(tmp_path: Path) -> None:
    layouts.write_gait_arrays(tmp_path)
    same = np.stack([gesture(0)[:9], gesture(1)[:9], gesture(2)[:9]])
    np.save(tmp_path / "train/train_data.npy", same)
    assert [table(sample) for sample in samples(DvsGait(tmp_path))] == same.tolist()


def test_gait_arrays_and_targets_must_agree(tmp_path: Path) -> None:
    layouts.write_gait_arrays(tmp_path)
    np.save(tmp_path / "train/train_target.npy", np.arange(4))
    assert "4 targets for 3 recordings" in refused(BAD_RECORDING, lambda: DvsGait(tmp_path))
    np.save(tmp_path / "train/train_target.npy", np.ones(3))
    assert "float64" in refused(BAD_RECORDING, lambda: DvsGait(tmp_path))
    (tmp_path / "train/train_target.npy").write_bytes(b"none")
    assert "train_target.npy" in refused(BAD_RECORDING, lambda: DvsGait(tmp_path))
    (tmp_path / "train/train_target.npy").unlink()
    assert "train_target.npy" in refused(BAD_DATA_SPEC, lambda: DvsGait(tmp_path))


def test_gait_array_of_another_kind_names_its_byte(tmp_path: Path) -> None:
    layouts.write_gait_arrays(tmp_path)
    data = np.empty(3, object)
    data[:] = [gesture(0), gesture(1).astype(np.float64), gesture(2)[:, :3]]
    path = tmp_path / "train/train_data.npy"
    np.save(path, data, allow_pickle=True)
    dataset = DvsGait(tmp_path)
    assert table(dataset[0]) == gesture(0).tolist()
    assert "float64" in refused(BAD_RECORDING, lambda: dataset[1])
    assert f"{path}, recording 2, byte" in refused(BAD_RECORDING, lambda: dataset[2])


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_are_found_in_every_protocol_numpy_has_used(tmp_path: Path, protocol: int) -> None:
    data = np.empty(4, object)
    data[:] = [
        gesture(0),
        np.arange(300, dtype=np.uint8),
        np.zeros((0, 4), np.int64),
        np.repeat(gesture(1), 40, axis=0).astype(">i4"),  # beyond a pickle's frame of 64 KiB
    ]
    path = tmp_path / "data.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(data))
        pickle.dump(data, file, protocol=protocol)
    found = stored_arrays(path)
    assert [array.dtype for array in found] == [array.dtype for array in data]
    for array, original in zip(found, data, strict=True):
        np.testing.assert_array_equal(array.read(path), original)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_arrays_are_refused_or_read_but_never_crash(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "data.npy"
    content = np.empty(2, object)
    content[:] = [gesture(0)[:3], gesture(1)[:2]]
    np.save(path, content, allow_pickle=True)
    whole = bytearray(path.read_bytes())
    if data.draw(st.booleans(), "cut"):
        del whole[data.draw(st.integers(0, len(whole) - 1), "length") :]
    else:
        whole[data.draw(st.integers(0, len(whole) - 1), "byte")] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    outcome = "read"
    try:
        for array in stored_arrays(path):
            array.read(path)
    except SnncError as error:
        outcome = str(error)
    assert outcome == "read" or outcome.startswith(f"SNNC-E201: {path}, byte ")
