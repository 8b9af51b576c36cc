"""Images, spectrograms, sensors: real numbers of either sign, from Python and the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

import snnc as package
from snnc.compiler.deploy.manifest import read_manifest
from snnc.models.neurons import LIF

SHAPE, STEPS = (1, 4, 4), 3
IMAGES = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
WINDOWS = np.random.default_rng(1).normal(size=(4, STEPS, 1, *SHAPE))
LABELS = np.array([0, 1, 2, 0])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.lif, self.fc2 = nn.Linear(16, 12), LIF(v_threshold=0.3), nn.Linear(12, 3)

    def forward(self, x):
        return self.fc2(self.lif(self.fc1(x.flatten(2)))).mean(0)


def make():
    return Net().eval()


def test_real_numbers_are_seen_in_the_example_and_all_of_the_api_takes_them(tmp_path):
    model = make()
    assert package.check(model, WINDOWS[0]).supported
    net = package.compile(model, WINDOWS[0])
    ours = net(WINDOWS[0])
    with torch.no_grad():
        theirs = model(torch.from_numpy(WINDOWS[0]).float()).numpy()
    assert np.abs(ours - theirs).max() < 1e-5
    assert net.verify((WINDOWS[:, :, 0], LABELS)).passed
    report = net.energy(WINDOWS, baseline=make())
    assert (report.samples, report.delta_pj) == (4, 0)
    first = report.to_json()["layers"][0]
    assert (first["input_kind"], first["ac"]) == ("real", 0)
    assert first["mac"] == 4 * STEPS * 16 * 12
    assert package.energy(model, WINDOWS).total == report.total
    assert net.analyze(WINDOWS).to_json()["samples"] == 4
    assert net.benchmark(WINDOWS, rounds=1).milliseconds > 0
    net.write(tmp_path / "out")
    assert read_manifest(tmp_path / "out")["input"]["kind"] == "real"
    assert "const float *frames" in (tmp_path / "out" / "net.h").read_text()


def test_images_by_direct_coding_are_real_numbers_at_every_step():
    net = package.compile(make(), WINDOWS[0], encoder="direct")
    proof = net.verify((IMAGES, LABELS), stress=False)
    assert (proof.passed, proof.samples) == (True, 4)


def test_an_example_of_whole_numbers_means_counts_and_what_was_said_wins():
    zeros = np.zeros_like(WINDOWS[0])
    counts = package.compile(make(), zeros)
    with pytest.raises(package.SnncError, match="takes counts, whole numbers") as caught:
        counts.verify(WINDOWS)
    assert caught.value.where == ""
    assert "input_kind='real'" in caught.value.hint
    assert package.compile(make(), zeros, input_kind="real").energy(WINDOWS).samples == 4
    with pytest.raises(package.SnncError, match="takes counts"):
        package.compile(make(), WINDOWS[0], input_kind="count")
    with pytest.raises(package.SnncError, match="'spike' is none of 'count', 'real'"):
        package.check(make(), WINDOWS[0], input_kind="spike")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_float32_does_not_hold_is_refused_with_its_place(value):
    net = package.compile(make(), WINDOWS[0])
    wrong = WINDOWS.copy()
    wrong[2, 1, 0, 0, 3, 2] = value
    with pytest.raises(package.SnncError, match=r"sample 2 .*at \[1, 0, 3, 2\]"):
        net.verify(wrong)
    with pytest.raises(package.SnncError, match="finite float32"):
        net(wrong[2])


def test_recordings_and_steps_of_a_length_are_refused():
    with pytest.raises(package.SnncError, match="events make counts"):
        package.compile(make(), WINDOWS[0], frame_us=1000)
    net = package.compile(make(), WINDOWS[0])
    with pytest.raises(package.SnncError, match="events make counts, and the model takes real"):
        net.verify("gesture-sim:seed=1", samples=1)


def test_int8_is_refused_in_one_sentence_that_speaks_python():
    with pytest.raises(package.SnncError) as caught:
        package.compile(make(), WINDOWS[0], dtype="int8", calibrate=WINDOWS)
    assert str(caught.value).endswith(
        "input: an input of real numbers has no int8 form. Compile with dtype='f32', or feed "
        "counts: images by rate or latency coding."
    )


def test_the_command_line_and_a_model_file_say_it(snnc, tmp_path):
    np.savez(tmp_path / "windows.npz", x=WINDOWS[:, :, 0], y=LABELS)
    np.save(tmp_path / "images.npy", IMAGES)
    file = tmp_path / "net.toml"
    said = f'model = "{__name__}:make"\ninput_shape = [1, 4, 4]\ntime_steps = {STEPS}\n'
    file.write_text(said + 'input_kind = "real"\ndata = "windows.npz"\n')
    status, out, _ = snnc("verify", file, "--no-stress", "--json", "-")
    assert (status, json.loads(out)["samples"]) == (0, 4)
    images = ("--data", tmp_path / "images.npy", "--encoder", "direct")
    assert snnc("energy", file, *images)[0] == 0
    assert snnc("compile", file, "-o", tmp_path / "out")[0] == 0
    status, _, error = snnc("run", tmp_path / "out", "--events", tmp_path / "images.npy")
    assert (status, "takes frames, not events" in error) == (2, True)
    for wrong, sentence in (
        (("--frame-us", 1000), "recordings become frames of 2"),
        (("--max-events", 9), "--max-events holds events, which make counts"),
    ):
        status, _, error = snnc("compile", file, "-o", tmp_path / "no", *wrong)
        assert (status, sentence in error) == (2, True)
    status, out, _ = snnc("check", file, "--dtype", "int8")
    assert (status, "an input of real numbers has no int8 form" in out) == (1, True)
    file.write_text(said + 'input_kind = "signed"\n')
    status, _, error = snnc("check", file)
    assert (status, "one of count, real" in error) == (2, True)


def test_a_checkpoint_says_it_of_images_with_direct_coding(tmp_path):
    model = package.build(
        "three-layer-narrow", attention="none", input_size=(1, 8, 8), time_steps=STEPS, classes=3
    )
    given = package.InputDescription(8, 8, STEPS, framing="direct", polarities=1, kind="real")
    package.save(model, tmp_path / "net.pt", input=given)
    net = package.compile(package.load(tmp_path / "net.pt"))
    images = np.random.default_rng(1).normal(size=(2, 1, 8, 8))
    report = net.energy(images)
    assert (report.samples, report.to_json()["layers"][0]["input_kind"]) == (2, "real")
    with pytest.raises(package.SnncError, match="finite float32"):
        net.energy(images * np.nan)
    with pytest.raises(package.SnncError, match="real for images with framing direct"):
        package.InputDescription(8, 8, STEPS, framing="rate", polarities=1, kind="real")
