"""``snnc run --data``: the C of a folder runs everything that verify takes, as PyTorch does."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.support.networks.small_models import SHAPE, STEPS, Net

rng = np.random.default_rng(0)
COUNTS = rng.poisson(0.5, (3, STEPS, *SHAPE)).astype(np.uint16)
REALS = rng.normal(size=COUNTS.shape).astype(np.float32)
LABELS = np.array([0, 2, 4])


def make():
    torch.manual_seed(0)
    return Net().eval()


def held():
    """Data from a factory: pairs of input and label."""
    return list(zip(COUNTS, LABELS, strict=True))


def theirs(windows) -> list[list[float]]:
    with torch.no_grad():
        return make()(torch.from_numpy(np.moveaxis(windows, 0, 1).astype(np.float32))).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The model of counts, of real numbers, and of images by latency coding, compiled."""
    import snnc

    out = tmp_path_factory.mktemp("run")
    x = COUNTS[0][:, None]
    snnc.compile(make(), x).write(out / "counts")
    snnc.compile(make(), x, input_kind="real").write(out / "real")
    snnc.compile(make(), x, encoder="latency").write(out / "images")
    return out


def ran(snnc, *args):
    status, out, err = snnc("run", *args, "--json", "-")
    assert status == 0, err
    return json.loads(out)


def test_files_of_arrays_and_factories_give_pytorch_s_scores(snnc, folder, tmp_path):
    np.save(tmp_path / "x.npy", COUNTS)
    np.savez(tmp_path / "x.npz", x=COUNTS, y=LABELS)
    torch.save(
        {"x": torch.from_numpy(COUNTS.astype(np.int32)), "y": LABELS.tolist()}, tmp_path / "y.pt"
    )
    torch.save(torch.from_numpy(COUNTS.astype(np.int32)), tmp_path / "x.pt")
    expected = theirs(COUNTS)
    for data in (tmp_path / "x.npy", tmp_path / "x.npz", tmp_path / "x.pt", f"{__name__}:held"):
        found = ran(snnc, folder / "counts", "--data", data)
        scores = [row["scores"] for row in found["samples"]]
        assert np.allclose(scores, expected, atol=1e-5)
        assert [row["class"] for row in found["samples"]] == np.argmax(expected, axis=1).tolist()
        assert found["available"] == 3
    right = float(np.mean(np.argmax(expected, axis=1) == LABELS))
    assert ran(snnc, folder / "counts", "--data", tmp_path / "x.npz")["accuracy"] == right
    assert (
        len(ran(snnc, folder / "counts", "--data", tmp_path / "x.npy", "--samples", 2)["samples"])
        == 2
    )


def test_hdf5(snnc, folder, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"], file["labels"] = COUNTS, LABELS
    found = ran(snnc, folder / "counts", "--data", tmp_path / "x.h5")
    assert [row["label"] for row in found["samples"]] == LABELS.tolist()


def test_real_numbers_and_still_images(snnc, folder, tmp_path):
    from snnc.models.encoders import encode

    np.save(tmp_path / "real.npy", REALS)
    found = ran(snnc, folder / "real", "--data", tmp_path / "real.npy")
    assert np.allclose([row["scores"] for row in found["samples"]], theirs(REALS), atol=1e-5)
    images = rng.random((2, *SHAPE))
    np.save(tmp_path / "images.npy", images)
    found = ran(snnc, folder / "images", "--data", tmp_path / "images.npy")
    windows = np.stack([encode(image, "latency", STEPS) for image in images])
    assert np.allclose([row["scores"] for row in found["samples"]], theirs(windows), atol=1e-5)


def test_a_table_says_class_label_and_accuracy(snnc, folder, tmp_path):
    np.savez(tmp_path / "x.npz", x=COUNTS, y=LABELS)
    status, out, _ = snnc("run", folder / "counts", "--data", tmp_path / "x.npz")
    assert status == 0
    assert out.splitlines()[0].split() == ["sample", "class", "label", "score"]
    assert "3 of 3 samples, accuracy" in out


@pytest.mark.parametrize(
    ("data", "args", "sentence"),
    [
        (REALS, (), "takes counts, whole numbers"),
        (COUNTS[:, :, :1], (), "its shape is"),
        (COUNTS[:, :3], (), "Compile the model for 3 time steps, or give windows of 4."),
        (COUNTS, ("--samples", 9), "9 were asked for"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(snnc, folder, tmp_path, data, args, sentence):
    np.save(tmp_path / "x.npy", data)
    status, _, err = snnc("run", folder / "counts", "--data", tmp_path / "x.npy", *args)
    assert (status > 0, sentence in err, len(err.strip().splitlines())) == (True, True, 1), err


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((), "one of --events and --data is needed"),
        (("--events", "a.bin", "--data", "b.npy"), "one of --events and --data is needed"),
        (("--events", "a.bin", "--samples", 2), "--samples is for --data"),
        (("--events", "a.bin"), "takes frames, not events"),
    ],
)
def test_events_or_data(snnc, folder, args, sentence):
    status, _, err = snnc("run", folder / "counts", *args)
    assert (status, sentence in err) == (2, True), err


def test_recordings_of_a_data_set_are_framed_as_the_folder_says(snnc, asa1, recordings, tmp_path):
    compiled = tmp_path / "out"
    assert snnc("compile", asa1, "-o", compiled)[0] == 0
    path = recordings / "Test" / "3" / "30000.bin"
    alone = ran(snnc, compiled, "--events", path)
    first = ran(snnc, compiled, "--data", f"nmnist:{recordings}")["samples"]
    assert alone["scores"] in [row["scores"] for row in first]
