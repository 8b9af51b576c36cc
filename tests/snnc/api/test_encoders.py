"""Still images as data: encoders, named where the model says what its input is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnc as package
from snnc.api.data.held import Layout, held
from snnc.models.encoders import encode
from snnc.models.neurons import LIF

SHAPE, STEPS = (1, 4, 4), 5
IMAGES = np.random.default_rng(0).random((3, *SHAPE))
LABELS = np.array([1, 0, 2])


def test_rate_coding_fires_as_often_as_the_pixel_says_and_again_the_same():
    image = np.array([0.0, 0.25, 1.0])
    window = encode(image, "rate", 4000)
    assert window.shape == (4000, 3)
    assert set(np.unique(window)) <= {0, 1}
    assert window.mean(axis=0) == pytest.approx([0.0, 0.25, 1.0], abs=4 * np.sqrt(0.1875 / 4000))
    assert np.array_equal(window, encode(image, "rate", 4000))
    assert not np.array_equal(window, encode(image, "rate", 4000, place=1))


def test_latency_coding_fires_once_and_the_brighter_the_sooner():
    window = encode(np.array([1.0, 0.5, 0.01, 0.0]), "latency", 5)
    assert window.sum(axis=0).tolist() == [1, 1, 1, 0]
    assert window.argmax(axis=0)[:3].tolist() == [0, 2, 4]


def test_direct_coding_repeats_whole_numbers_and_bytes_are_shares_elsewhere():
    image = np.array([0, 51, 255], np.uint8)
    assert encode(image, "direct", 2).tolist() == [[0, 51, 255]] * 2
    assert np.array_equal(encode(image, "latency", 6), encode(image / 255, "latency", 6))


@pytest.mark.parametrize("encoder", ["direct", "rate", "latency"])
@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan])
def test_what_an_encoder_does_not_take_is_refused_with_the_sample(encoder, value):
    images = IMAGES.copy()
    images[:] = 1.0
    images[2, 0, 1, 1] = value
    with pytest.raises(package.SnncError) as caught:
        list(held(images, Layout((STEPS, *SHAPE), encoder=encoder), None))
    assert caught.value.where == "sample 2"


WAYS = {
    "array": lambda: IMAGES,
    "array and labels": lambda: (IMAGES, LABELS),
    "pairs": lambda: list(zip(IMAGES, LABELS, strict=True)),
    "one at a time": lambda: (image[None] for image in IMAGES),
    "loader": lambda: DataLoader(
        TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(LABELS)), batch_size=2
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_images_in_every_form_become_the_same_windows(way):
    found = list(held(WAYS[way](), Layout((STEPS, *SHAPE), encoder="rate"), None))
    for place, window in enumerate(found):
        assert np.array_equal(window.frames, encode(IMAGES[place], "rate", STEPS, place))
    labelled = way in ("array and labels", "pairs", "loader")
    assert [window.label for window in found] == (LABELS.tolist() if labelled else [None] * 3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.lif, self.fc2 = nn.Linear(16, 12), LIF(v_threshold=0.3), nn.Linear(12, 3)

    def forward(self, x):
        return self.fc2(self.lif(self.fc1(x.flatten(2)))).mean(0)


def test_compiled_with_an_encoder_takes_images_as_data():
    example = encode(IMAGES[0], "latency", STEPS)[:, None]
    net = package.compile(Net(), example, encoder="latency")
    assert net.verify((IMAGES, LABELS)).passed
    report = net.energy((IMAGES, LABELS), baseline=Net())
    assert (report.samples, report.delta_pj) == (3, 0)
    with pytest.raises(package.SnncError, match="'sine' is none of"):
        package.compile(Net(), example, encoder="sine")


def test_a_checkpoint_and_the_command_line_name_the_encoder(snnc, tmp_path):
    model = package.build(
        "three-layer-narrow", attention="none", input_size=(1, 8, 8), time_steps=STEPS, classes=3
    )
    given = package.InputDescription(8, 8, STEPS, framing="rate", polarities=1)
    package.save(model, tmp_path / "net.pt", input=given)
    assert package.load(tmp_path / "net.pt").input.encoder == "rate"
    images = np.random.default_rng(1).integers(0, 256, (2, 1, 8, 8), np.uint8)
    np.save(tmp_path / "images.npy", images)
    data = ("--data", tmp_path / "images.npy", "--no-stress", "--json", "-")
    status, out, _ = snnc("verify", tmp_path / "net.pt", *data)
    assert (status, json.loads(out)["samples"]) == (0, 2)
    spec = (f"{__name__}:Net", "--input-shape", "1,4,4", "--time-steps", STEPS)
    np.save(tmp_path / "small.npy", IMAGES)
    data = ("--data", tmp_path / "small.npy", "--json", "-")
    assert snnc("energy", *spec, "--encoder", "latency", *data)[0] == 0
    status, _, error = snnc("energy", *spec, *data)
    assert status == 1
    assert "the model takes [5, 1, 4, 4]" in error
    status, _, error = snnc("energy", tmp_path / "net.pt", "--encoder", "latency", *data)
    assert status == 2
    assert "Leave --encoder out" in error
