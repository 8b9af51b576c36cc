"""Weights in a file beside the C: the same model, in every folder that holds it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from snnc.compiler.codegen import binary_weights
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy import folder as artifact
from snnc.compiler.deploy.targets import missing_tools, target_named
from snnc.compiler.program import constants

DATA_FILE = "net_weights.h.bin"
BINARY = ("--store-weights", "binary")


@pytest.fixture(autouse=True)
def _small_arrays_are_large(monkeypatch):
    monkeypatch.setattr(constants, "PACKED_ABOVE", 64)


@pytest.fixture(scope="module")
def model(vanilla):
    return vanilla


def test_the_folder_is_verified_and_damage_is_found(snnc, model, data, tmp_path):
    out = tmp_path / "out"
    assert snnc("compile", model, "-o", out, *BINARY)[0] == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["options"]["weights"] == "binary"
    digest = hashlib.sha256((out / DATA_FILE).read_bytes()).hexdigest()
    assert manifest["files"][DATA_FILE] == digest
    assert f"sha256 {digest}" in (out / "net_weights.h").read_text()
    command = ("verify", model, "--data", data, "--samples", 2, "--compiled", out, "--json", "-")
    assert snnc(*command)[0] == 0
    weights = np.fromfile(out / DATA_FILE, np.float32)
    weights[:64] = -96.0  # of the first layer
    weights.tofile(out / DATA_FILE)
    status, said, _ = snnc(*command)
    assert status == 1
    assert json.loads(said)["first_divergence"]["layer"] == "layer1_neuron"


def test_the_c_and_the_scores_are_those_of_text(snnc, model, data, tmp_path):
    assert snnc("compile", model, "-o", tmp_path / "binary", *BINARY)[0] == 0
    assert snnc("compile", model, "-o", tmp_path / "again", *BINARY)[0] == 0
    assert snnc("compile", model, "-o", tmp_path / "text")[0] == 0
    assert not (tmp_path / "text" / DATA_FILE).exists()
    manifest = json.loads((tmp_path / "text" / "manifest.json").read_text())
    assert manifest["options"]["weights"] == "text"
    for file in ("net.c", "net.h", "example.c", "CMakeLists.txt"):
        text = (tmp_path / "text" / file).read_bytes()
        assert (tmp_path / "binary" / file).read_bytes() == text
    for file in (DATA_FILE, "net_weights.h"):
        twice = {(tmp_path / folder / file).read_bytes() for folder in ("binary", "again")}
        assert len(twice) == 1
    recording = next(Path(data.removeprefix("nmnist:"), "Test").rglob("*.bin"))
    scores = []
    for form in ("text", "binary"):
        status, said, _ = snnc("run", tmp_path / form, "--events", recording, "--json", "-")
        assert status == 0
        scores.append(json.loads(said)["scores"])
    assert scores[0] == scores[1]


def test_large_models_are_binary_unless_told_otherwise(snnc, model, tmp_path, monkeypatch):
    monkeypatch.setattr(binary_weights, "LARGE_BYTES", 1000)
    for options, form in (((), "binary"), (("--store-weights", "text"), "text")):
        assert snnc("compile", model, "-o", tmp_path / form, *options)[0] == 0
        assert (tmp_path / form / DATA_FILE).exists() == (form == "binary")
    assert snnc("compile", model, "-o", tmp_path / "zephyr", "--package", "zephyr")[0] == 0
    assert not list((tmp_path / "zephyr").rglob("*.bin"))


@pytest.mark.parametrize("kind", ["arduino", "zephyr"])
def test_packages_that_cannot_find_the_file_refuse_it(kind, snnc, model, int8, tmp_path):
    out = tmp_path / "out"
    status, _, err = snnc("compile", model, "-o", out, "--package", kind, *int8, *BINARY)
    assert status == 2
    assert "E305" in err
    assert f"a {kind} package" in err
    assert not out.exists()


@pytest.mark.parametrize("kind", ["cmake", "platformio"])
def test_packages_bring_the_file(kind, snnc, model, int8, tmp_path):
    out = tmp_path / "out"
    command = ("compile", model, "-o", out, "--package", kind, *int8, *BINARY)
    status, _, err = snnc(*command)
    assert status == 2
    assert "Name the core with --target" in err
    assert snnc(*command, "--target", "cortex-m3")[0] == 0
    assert (out / "src" / DATA_FILE).exists()
    if kind == "cmake":
        if not shutil.which("cmake"):
            pytest.skip("cmake is not installed")
        for step in (("-S", out, "-B", tmp_path / "b"), ("--build", tmp_path / "b")):
            subprocess.run(["cmake", *step], check=True, capture_output=True)
    else:  # a build system that compiles from the project's own folder
        command = ["gcc", "-std=c99", f"-I{out / 'include'}", "-c", "out/src/net.c", "-o", "net.o"]
        subprocess.run(command, check=True, cwd=tmp_path)


@pytest.mark.parametrize("name", ["cortex-m4", "riscv32"])
def test_firmware_proves_itself(name, snnc, model, data, int8, tmp_path):
    target = target_named(name)
    if missing := missing_tools(target, target.boards[0]):
        pytest.skip(f"{name} needs {', '.join(missing)}: run `make firmware-tools`")
    out = tmp_path / "out"
    status, _, err = snnc("compile", model, "-o", out, *int8, "--target", name, *BINARY)
    assert status == 0, err
    assert (out / DATA_FILE).exists()
    assert firmware.run(out).passed
    weights = np.fromfile(out / DATA_FILE, np.int8)
    (-weights).tofile(out / DATA_FILE)
    assert not firmware.run(out).passed


def test_a_file_that_does_not_fit_the_header_is_not_compiled(snnc, model, data, tmp_path):
    out = tmp_path / "out"
    assert snnc("compile", model, "-o", out, *BINARY)[0] == 0
    content = (out / DATA_FILE).read_bytes()
    (out / DATA_FILE).write_bytes(content[: len(content) // 2])
    command = ("verify", model, "--data", data, "--samples", 1, "--compiled", out)
    status, _, err = snnc(*command)
    assert status == 3
    assert "E303" in err
    assert "invalid" in err  # the assembler's word for a count beyond the end
    (out / DATA_FILE).unlink()
    status, _, err = snnc(*command)
    assert status == 3
    assert DATA_FILE in err


def test_a_failed_compile_leaves_nothing(snnc, model, tmp_path, monkeypatch):
    monkeypatch.setattr(artifact, "_compile", lambda *_: 1 / 0)
    assert snnc("compile", model, "-o", tmp_path / "out", *BINARY)[0] != 0
    assert not list(tmp_path.iterdir())
