from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snnc.errors import (
    BAD_DATA_SPEC,
    BAD_OPTION,
    BAD_RECORDING,
    EMPTY_RECORDING,
    WRONG_SENSOR,
    ErrorCode,
    SnncError,
)
from snnc.models.datasets import (
    NMNIST,
    DvsGesture,
    GestureSim,
    SingleRecording,
    check_sensor,
    frame_by_dt,
    frame_dataset,
    open_data,
)
from tests.support.places import SHARED
from tests.support.recordings.recording_writers import aedat3_bytes, aedat3_packet, nmnist_bytes

needs_nmnist = pytest.mark.skipif(
    not (SHARED / "nmnist").exists(), reason="needs the N-MNIST files in ../shared/data"
)


def refusal(code: ErrorCode, caught: pytest.ExceptionInfo[SnncError]) -> str:
    assert caught.value.code is code
    return str(caught.value)


# --- N-MNIST -----------------------------------------------------------------------------


@pytest.fixture
def nmnist(tmp_path: Path) -> Path:
    """Three files of one event each; the x of the event is the file's number."""
    for name in ("Test/7/00003", "Test/0/00012", "Test/7/00001", "Train/5/00002"):
        path = tmp_path / f"{name}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(nmnist_bytes(([20_000], [int(path.stem)], [0], [1])))
    return tmp_path


def test_nmnist_is_ordered_by_sample_number_whatever_the_class(nmnist: Path) -> None:
    dataset = NMNIST(nmnist, "test")
    samples = [dataset[index] for index in range(len(dataset))]
    assert [sample.label for sample in samples] == [7, 7, 0]
    assert [sample.name for sample in samples] == ["7/00001", "7/00003", "0/00012"]
    assert [int(sample.recording.events["x"][0]) for sample in samples] == [1, 3, 12]
    assert [dataset.class_names[sample.label] for sample in samples] == ["7", "7", "0"]
    assert len(NMNIST(nmnist, "train")) == 1


def test_nmnist_missing_says_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(SnncError) as caught:
        NMNIST(tmp_path, "test")
    message = refusal(BAD_DATA_SPEC, caught)
    assert f"{tmp_path}/Test/<digit>/*.bin" in message
    assert "garrickorchard.com" in message


@needs_nmnist
def test_real_nmnist_as_frames() -> None:
    dataset = NMNIST(SHARED / "nmnist", "test")
    framed = frame_dataset(dataset, dt_us=15_000, time_steps=20)
    assert framed.frames.shape == (100, 20, 2, 34, 34)
    assert framed.frames.dtype == np.uint16
    assert np.bincount(framed.labels).tolist() == [8, 14, 8, 11, 14, 7, 10, 15, 2, 11]
    events = sum(len(dataset[index].recording) for index in range(100))
    assert int(framed.frames.sum()) + framed.dropped == events


# --- DVS128 Gesture ----------------------------------------------------------------------


@pytest.fixture
def gestures(tmp_path: Path) -> Path:
    """Two recordings in the published layout: an event every 10 us, x = the event's number."""
    (tmp_path / "trials_to_train.txt").write_text("user01_led.aedat\nuser02_lab.aedat\n")
    (tmp_path / "trials_to_test.txt").write_text("user24_led.aedat\r\n")
    rows = {
        "user01_led": "1,100,200\n11,200,300\n",
        "user02_lab": "4,0,50\n",
        "user24_led": "8,55,1000\n",
    }
    times = list(range(0, 1000, 10))
    packet = aedat3_packet((times, list(range(100)), [5] * 100, [0] * 100))
    for name, row in rows.items():
        (tmp_path / f"{name}.aedat").write_bytes(aedat3_bytes(packet))
        (tmp_path / f"{name}_labels.csv").write_text("class,startTime_usec,endTime_usec\n" + row)
    return tmp_path


def test_dvs_gesture_cuts_half_open_and_counts_classes_from_one(gestures: Path) -> None:
    dataset = DvsGesture(gestures, "train")
    samples = [dataset[index] for index in range(len(dataset))]
    assert [sample.label for sample in samples] == [0, 10, 3]
    assert [sample.recording.events["x"].tolist() for sample in samples] == [
        list(range(10, 20)),
        list(range(20, 30)),
        list(range(5)),
    ]
    names = [dataset.class_names[sample.label] for sample in samples]
    assert names == ["hand clapping", "other gestures", "right arm clockwise"]
    assert [sample.name for sample in samples][:2] == ["user01_led row 0", "user01_led row 1"]


def test_dvs_gesture_split_and_frames(gestures: Path) -> None:
    dataset = DvsGesture(gestures, "test")
    framed = frame_dataset(dataset, dt_us=100, time_steps=3, downsample=4)
    assert framed.frames.shape == (1, 3, 2, 32, 32)
    assert framed.labels.tolist() == [7]
    assert framed.frames[0].sum(axis=(1, 2, 3)).tolist() == [10, 10, 10]
    assert framed.dropped == 94 - 30


@pytest.mark.parametrize(
    "name", ["trials_to_train.txt", "user02_lab.aedat", "user02_lab_labels.csv"]
)
def test_dvs_gesture_missing_file_is_named(gestures: Path, name: str) -> None:
    (gestures / name).unlink()
    with pytest.raises(SnncError) as caught:
        DvsGesture(gestures, "train")
    message = refusal(BAD_DATA_SPEC, caught)
    assert str(gestures / name) in message
    assert "DVS128 Gesture" in message
    assert "https://research.ibm.com" in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("klass,start,end\n1,0,5\n", 1),
        ("class,startTime_usec,endTime_usec\n1,0,5\n12,0,5\n", 3),
        ("class,startTime_usec,endTime_usec\n0,0,5\n", 2),
        ("class,startTime_usec,endTime_usec\n1,5,5\n", 2),
        ("class,startTime_usec,endTime_usec\n1,zero,5\n", 2),
        ("class,startTime_usec,endTime_usec\n1,0\n", 2),
        ("", 1),
    ],
)
def test_dvs_gesture_label_file_is_checked(gestures: Path, text: str, line: int) -> None:
    labels = gestures / "user02_lab_labels.csv"
    labels.write_text(text)
    with pytest.raises(SnncError) as caught:
        DvsGesture(gestures, "train")
    assert f"{labels}, line {line}" in refusal(BAD_RECORDING, caught)


def test_dvs_gesture_trial_without_events(gestures: Path) -> None:
    header = "class,startTime_usec,endTime_usec\n"
    (gestures / "user02_lab_labels.csv").write_text(header + "1,2000,3000\n")
    dataset = DvsGesture(gestures, "train")
    with pytest.raises(SnncError) as caught:
        dataset[2]
    assert "2000 to 3000 us" in refusal(EMPTY_RECORDING, caught)


def test_dvs_gesture_without_trials(gestures: Path) -> None:
    (gestures / "trials_to_test.txt").write_text("\n")
    with pytest.raises(SnncError) as caught:
        DvsGesture(gestures, "test")
    refusal(BAD_DATA_SPEC, caught)


# --- DATA specs --------------------------------------------------------------------------


def test_specs_open_their_data_sets(nmnist: Path, gestures: Path) -> None:
    assert isinstance(open_data(f"nmnist:{nmnist}", "train"), NMNIST)
    assert isinstance(open_data(f"dvsgesture:{gestures}", "train"), DvsGesture)
    simulated = open_data("gesture-sim")
    assert isinstance(simulated, GestureSim)
    assert (simulated.split, simulated.seed, len(simulated)) == ("test", 0, 220)
    simulated = open_data("gesture-sim:per_class=2,seed=5", "train")
    assert isinstance(simulated, GestureSim)
    assert (simulated.split, simulated.seed, len(simulated)) == ("train", 5, 22)


def test_spec_of_one_recording(nmnist: Path) -> None:
    dataset = open_data(str(nmnist / "Test/7/00003.bin"))
    assert isinstance(dataset, SingleRecording)
    assert (len(dataset), dataset.sensor, dataset.class_names) == (1, (34, 34), ())
    assert dataset[0].label is None
    framed = frame_dataset(dataset, dt_us=1000, time_steps=2)
    assert framed.labels.tolist() == [-1]
    assert framed.names == ("00003.bin",)
    with pytest.raises(IndexError):
        dataset[1]


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "mnist",
        "nmnist",
        "nmnist:",
        "dvsgesture:",
        "gesture-sim:",
        "gesture-sim:seed",
        "gesture-sim:seed=-1",
        "gesture-sim:seed=1,seed=2",
        "gesture-sim:speed=1",
        "no/such/file.bin",
        ".",
    ],
)
def test_wrong_specs_list_the_forms(spec: str) -> None:
    with pytest.raises(SnncError) as caught:
        open_data(spec)
    message = refusal(BAD_DATA_SPEC, caught)
    for form in ("nmnist:DIR", "dvsgesture:DIR", "gesture-sim", "a recording"):
        assert form in message


def test_wrong_split() -> None:
    with pytest.raises(SnncError) as caught:
        open_data("gesture-sim", "validation")  # type: ignore[arg-type]
    assert "'validation'" in refusal(BAD_DATA_SPEC, caught)


# --- frames of a data set ----------------------------------------------------------------


def test_frames_are_the_samples_own_in_order(nmnist: Path) -> None:
    dataset = NMNIST(nmnist, "test")
    framed = frame_dataset(dataset, dt_us=1000, time_steps=3, downsample=2, samples=2)
    assert framed.frames.shape == (2, 3, 2, 17, 17)
    for index, (frames, label) in enumerate(framed):
        sample = dataset[index]
        np.testing.assert_array_equal(frames, frame_by_dt(sample.recording, 1000, 3, 2).counts)
        assert (label, framed.names[index]) == (sample.label, sample.name)


@pytest.mark.parametrize("samples", [0, 4])
def test_samples_that_do_not_exist_are_refused(nmnist: Path, samples: int) -> None:
    with pytest.raises(SnncError) as caught:
        frame_dataset(NMNIST(nmnist, "test"), dt_us=1, time_steps=1, samples=samples)
    assert "has 3" in refusal(BAD_OPTION, caught)


def test_progress_goes_to_standard_error(nmnist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame_dataset(NMNIST(nmnist, "test"), dt_us=1, time_steps=1, progress=True)
    output = capsys.readouterr()
    assert output.out == ""
    assert "reading recordings" in output.err


def test_sensor_that_does_not_fit_is_refused_with_both_sizes(nmnist: Path) -> None:
    recording = NMNIST(nmnist, "test")[0].recording
    check_sensor(recording, (34, 34))
    with pytest.raises(SnncError) as caught:
        check_sensor(recording, (260, 346))
    message = refusal(WRONG_SENSOR, caught)
    assert "34x34" in message
    assert "346x260" in message
