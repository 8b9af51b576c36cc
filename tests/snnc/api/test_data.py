"""Data as Python holds them, in memory and in files: the same windows whichever way they come."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from snnc.api.data.files import is_held, opened
from snnc.api.data.held import Layout, held
from snnc.errors import SnncError

SHAPE = (4, 6)
LAYOUT = Layout(SHAPE)
COUNTS = np.random.default_rng(0).poisson(0.5, (3, *SHAPE)).astype(np.uint16)
LABELS = np.array([2, 0, 1])


class Frames(Dataset):
    """A map-style data set."""

    def __len__(self):
        return len(COUNTS)

    def __getitem__(self, index):
        return torch.from_numpy(COUNTS[index].astype(np.float32)), int(LABELS[index])


def loader(**options):
    return DataLoader(Frames(), **options)


def time_first(batch):
    inputs, labels = zip(*batch, strict=True)
    return torch.stack(inputs, 1), torch.tensor(labels)


WAYS = {
    "array": lambda: COUNTS,
    "floats": lambda: COUNTS.astype(np.float32),
    "tensor": lambda: torch.from_numpy(COUNTS.astype(np.int32)),
    "as forward takes them": lambda: COUNTS[:, :, None],
    "list": lambda: list(COUNTS),
    "generator": lambda: (sample[:, None] for sample in COUNTS),
    "pairs": lambda: list(zip(COUNTS, LABELS, strict=True)),
    "array and labels": lambda: (COUNTS, LABELS),
    "tensors and labels": lambda: (torch.from_numpy(COUNTS.astype(int)), torch.from_numpy(LABELS)),
    "dataset": Frames,
    "tensor dataset": lambda: TensorDataset(torch.from_numpy(COUNTS.astype(int))),
    "loader": lambda: loader(batch_size=2),
    "loader, one": loader,
    "loader, time first": lambda: loader(batch_size=2, collate_fn=time_first),
}
LABELLED = {"pairs", "array and labels", "tensors and labels", "dataset"}
LABELLED |= {way for way in WAYS if "loader" in way}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_windows(way):
    found = list(held(WAYS[way](), LAYOUT, None))
    np.testing.assert_array_equal([window.frames for window in found], COUNTS)
    labels = [window.label for window in found]
    assert labels == (LABELS.tolist() if way in LABELLED else [None] * 3)


@pytest.mark.parametrize("way", WAYS)
def test_the_first_of_them(way):
    found = list(held(WAYS[way](), LAYOUT, 2))
    np.testing.assert_array_equal([window.frames for window in found], COUNTS[:2])


def test_a_lone_input_is_one_sample():
    (window,) = held(COUNTS[0][:, None], LAYOUT, None)
    np.testing.assert_array_equal(window.frames, COUNTS[0])
    (window,) = held(COUNTS[:1], Layout(SHAPE, batch_first=True), None)
    np.testing.assert_array_equal(window.frames, COUNTS[0])


def files(folder):
    np.save(folder / "a.npy", COUNTS)
    np.savez(folder / "b.npz", x=COUNTS, y=LABELS)
    torch.save(torch.from_numpy(COUNTS.astype(int)), folder / "c.pt")
    torch.save(
        {"frames": torch.from_numpy(COUNTS.astype(int)), "labels": torch.from_numpy(LABELS)},
        folder / "d.pt",
    )
    torch.save([torch.from_numpy(COUNTS.astype(int)), torch.from_numpy(LABELS)], folder / "e.pt")
    with h5py.File(folder / "f.h5", "w") as file:
        file["data"], file["labels"] = COUNTS, LABELS
    return {"a.npy": False, "b.npz": True, "c.pt": False, "d.pt": True, "e.pt": True, "f.h5": True}


def test_files_of_arrays(tmp_path):
    for name, labelled in files(tmp_path).items():
        assert is_held(str(tmp_path / name))
        found = list(held(opened(str(tmp_path / name)), LAYOUT, None))
        np.testing.assert_array_equal([window.frames for window in found], COUNTS, err_msg=name)
        labels = [window.label for window in found]
        assert labels == (LABELS.tolist() if labelled else [None] * 3)


def test_a_pickle_in_a_file_is_not_run(tmp_path):
    np.save(tmp_path / "a.npy", np.array([print], dtype=object), allow_pickle=True)
    torch.save(Frames(), tmp_path / "b.pt")
    for name in ("a.npy", "b.pt"):
        with pytest.raises(SnncError, match="cannot be read"):
            opened(str(tmp_path / name))


def test_events_in_hdf5_are_refused_by_their_groups(tmp_path):
    with h5py.File(tmp_path / "shd.h5", "w") as file:
        file["spikes/times"] = np.arange(3)
    with pytest.raises(SnncError, match="groups spikes"):
        opened(str(tmp_path / "shd.h5"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (COUNTS - 0.5, r"holds .*5 at \[0, 0\]"),
        (-1.0 * (COUNTS + 1), "whole numbers from 0 to 65535"),
        (np.full((1, *SHAPE), np.nan), "holds nan"),
        (np.full((1, *SHAPE), 70_000), "holds 70000"),
        (COUNTS[:, :3], r"its shape is \[3, 6\]"),
        ([COUNTS[0, :, :5]], "sample 0"),
        ([(COUNTS[0], 1.5)], "label 1.5"),
        ([(COUNTS[0], [1, 2])], "batch of 1 samples has labels"),
        ([np.zeros((4, 4, 6))], "which axis is time"),
        ([(COUNTS[0], COUNTS[0], 1)], "tuple of 3 parts"),
        ([], "hold 0 samples"),
        (3, "are a int"),
        (["a"], "not an array of numbers"),
    ],
)
def test_what_is_no_data_is_refused_in_a_sentence(data, reason):
    with pytest.raises(SnncError, match=reason):
        list(held(data, LAYOUT, None))


def test_fewer_than_asked_for():
    with pytest.raises(SnncError, match="hold 3 samples, and 5 were asked for"):
        held(COUNTS, LAYOUT, 5)


@pytest.mark.parametrize("spec", ["nmnist:folder", "gesture-sim:seed", "a.bin", "x.aedat4"])
def test_recordings_stay_recordings(spec):
    assert not is_held(spec)


def write_shd(path, channels=6):
    """A file laid out as SHD's: two samples, the second with a spike after the last step."""
    times = [np.array([0.0, 0.0095, 0.0105], np.float16), np.array([0.035, 0.9], np.float16)]
    units = [np.array([0, 5, 5], np.uint16), np.array([2, 3], np.uint16)]
    with h5py.File(path, "w") as file:
        for name, arrays, kind in (("times", times, np.float16), ("units", units, np.uint16)):
            held_there = file.create_dataset(f"spikes/{name}", 2, dtype=h5py.vlen_dtype(kind))
            for place, array in enumerate(arrays):
                held_there[place] = array
        file["labels"] = np.array([7, 1], np.uint16)
        file.create_group("extra")
    return path


def test_spikes_by_channel_and_time_become_counts(tmp_path):
    data = opened(str(write_shd(tmp_path / "shd.h5")))
    first, second = held(data, Layout(SHAPE, step_us=10_000), None)
    assert np.argwhere(first.frames).tolist() == [[0, 0], [0, 5], [1, 5]]
    assert np.argwhere(second.frames).tolist() == [[3, 2]]
    assert (first.label, second.label) == (7, 1)
    with pytest.raises(SnncError, match="spikes by channel and time"):
        held(data, LAYOUT, None)
    with pytest.raises(SnncError, match="channel 5, and the network has 4"):
        list(held(data, Layout((4, 4), step_us=10_000), None))
