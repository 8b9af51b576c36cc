"""The command line for microcontrollers: targets, budgets, buffers, and folders compiled before."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from snnc.compiler.targets import missing_tools, target_named
from tests.lively import lively_checkpoint, write_nmnist


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return lively_checkpoint(tmp_path_factory.mktemp("model") / "net.pt", "asa1")


@pytest.fixture(scope="module")
def vanilla(tmp_path_factory):
    return lively_checkpoint(tmp_path_factory.mktemp("vanilla") / "net.pt")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return f"nmnist:{write_nmnist(tmp_path_factory.mktemp('nmnist'))}"


@pytest.fixture
def int8(data):
    return ("--dtype", "int8", "--calibrate", data, "--calibrate-samples", 2)


def need(name: str) -> None:
    target = target_named(name)
    if missing := missing_tools(target, target.boards[0]):
        pytest.skip(f"{name} needs {', '.join(missing)}: run `make firmware-tools`")


def refused(result: tuple[int, str, str], status: int, *says: str) -> None:
    """The exit status, and one line on standard error that says all of it."""
    assert result[0] == status, result
    lines = result[2].strip().splitlines()
    assert len(lines) == 1, result[2]
    for pattern in says:
        assert re.search(pattern, lines[0]), lines[0]


# a folder that was compiled before ---------------------------------------------------------------


@pytest.fixture
def firmware_folder(snnc, vanilla, int8, tmp_path) -> Path:
    out = tmp_path / "m3"
    status, _, err = snnc("compile", vanilla, "-o", out, *int8, "--target", "cortex-m3")
    assert status == 0, err
    return out


def test_a_firmware_folder_is_verified_as_it_stands(snnc, vanilla, data, int8, firmware_folder):
    need("cortex-m3")
    options = ("--data", data, "--samples", 1, *int8, "--target", "cortex-m3")
    command = ("verify", vanilla, *options, "--compiled", firmware_folder, "--json", "-")
    status, out, _ = snnc(*command)
    assert status == 0
    assert json.loads(out)["compared"] > 100
    weights = firmware_folder / "net_weights.h"
    text, pattern = weights.read_text(), r"(layer2_neuron_threshold\[(\d+)\] = {)[^}]*"
    always = re.sub(pattern, lambda found: f"{found[1]}{'-99, ' * int(found[2])}", text)
    weights.write_text(always)
    status, out, _ = snnc(*command)
    assert status == 1
    assert "layer layer2_neuron, step" in json.loads(out)["first_divergence"]


def test_a_folder_of_another_kind_is_refused(snnc, vanilla, model, data, int8, firmware_folder):
    given = ("--data", data, "--samples", 1, "--compiled", firmware_folder)
    m3 = ("--target", "cortex-m3")
    refused(snnc("verify", vanilla, *given, *int8), 2, "E305", "--target cortex-m3, and --target h")
    refused(snnc("verify", vanilla, *given), 2, "E305", "--target cortex-m3")
    refused(snnc("verify", model, *given, *int8, *m3), 2, "E305", "its layers differ")
    (firmware_folder / "net.c").unlink()
    refused(snnc("verify", vanilla, *given, *int8, *m3), 2, "E306", r"cannot read its C .*net\.c")


# events that wait ---------------------------------------------------------------------------------


def test_buffers_are_chosen_stated_and_verified(snnc, model, vanilla, data, tmp_path):
    recording = next(Path(data.removeprefix("nmnist:"), "Test").rglob("*.bin"))
    whole = {}
    for name, given in (("asa1", model), ("none", vanilla)):
        status, out, _ = snnc("compile", given, "-o", tmp_path / name, "--json", "-")
        assert status == 0
        assert json.loads(out)["input"]["buffer"] == {
            "frames": 6, "events": None, "overrun": "drop",
        }  # fmt: skip
        run = snnc("run", tmp_path / name, "--events", recording, "--json", "-")[1]
        whole[name] = json.loads(out)["memory"]["ram"]["arena"], json.loads(run)["scores"]
    for name, given, options, buffer in (
        ("asa1", model, ("--max-events", 20_000), {"frames": 1, "events": 20_000}),
        ("none", vanilla, ("--max-frames", 2, "--overrun", "carry"), {"frames": 2, "events": None}),
    ):
        out = tmp_path / f"small-{name}"
        status, said, _ = snnc("compile", given, "-o", out, *options, "--json", "-")
        assert status == 0
        manifest = json.loads(said)
        assert manifest["input"]["buffer"].items() >= buffer.items()
        _, said, _ = snnc("run", out, "--events", recording, "--json", "-")
        assert json.loads(said)["scores"] == whole[name][1]
    verified = ("verify", given, "--data", data, "--samples", 1, *options, "--compiled", out)
    assert snnc(*verified)[0] == 0
    assert manifest["memory"]["ram"]["arena"] < whole["none"][0]


def test_what_cannot_wait_is_refused(snnc, model, tmp_path):
    out = ("-o", tmp_path / "out")
    refused(snnc("compile", model, *out, "--max-frames", 1), 1, "E105", "--max-events")
    both = ("--max-events", 9, "--max-frames", 1)
    refused(snnc("compile", model, *out, *both), 2, "E305", "cannot be combined")
    assert not (tmp_path / "out").exists()
