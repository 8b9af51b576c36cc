"""Whatever is wrong with a model: one sentence, the right status, nothing left, no code run."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
import torch

from tests import malformed_models

SHAPES = dict.fromkeys(("wrong_channels", "kernel_larger_than_input", "reflected_padding"), "8,4,4")


class Trap:
    """Pickled code that would create a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def refused(snnc, out: Path, *args) -> str:
    status, shown, err = snnc("compile", *args, "-o", out)
    lines = err.strip().splitlines()
    assert status in (1, 2), err
    assert shown == ""
    assert len(lines) == 1, err
    assert re.match(r"snnc: SNNC-E\d{3}: .+\. .+", lines[0])
    assert not out.exists()
    assert not list(out.parent.glob(f".{out.name}*"))
    return lines[0]


@pytest.mark.parametrize("name", malformed_models.REASONS)
def test_model(name, snnc, tmp_path):
    spec = f"{malformed_models.__name__}:{name}"
    shape = SHAPES.get(name, "8")
    line = refused(snnc, tmp_path / "out", spec, "--input-shape", shape, "--time-steps", 3)
    assert re.search(malformed_models.REASONS[name], line)


@pytest.mark.parametrize("suffix", [".pt", ".nir"])
@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 and no more", b"\x89HDF\r\n\x1a\n", b"{}"], ids=repr
)
def test_damaged_file(suffix, content, snnc, tmp_path):
    if suffix == ".nir":
        pytest.importorskip("nir", reason="the nir package is not installed")
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    options = ("--time-steps", 3, "--nir-dt", 1) if suffix == ".nir" else ()
    assert "SNNC-E102" in refused(snnc, tmp_path / "out", path, *options)


@pytest.mark.parametrize("write", [lambda trap, f: pickle.dump(trap, f), torch.save])
def test_pickled_code_is_not_run(write, snnc, tmp_path):
    trap = tmp_path / "sprung"
    with (tmp_path / "model.pt").open("wb") as file:
        write(Trap(trap), file)
    refused(snnc, tmp_path / "out", tmp_path / "model.pt")
    spec = f"{malformed_models.__name__}:no_readout"
    weights = ("--weights", tmp_path / "model.pt", "--input-shape", "8", "--time-steps", 3)
    refused(snnc, tmp_path / "out", spec, *weights)
    assert not trap.exists()


def test_missing_files(snnc, tmp_path):
    assert "SNNC-E102" in refused(snnc, tmp_path / "out", tmp_path / "none.pt")
    assert "SNNC-E305" in refused(
        snnc, tmp_path / "out", "nowhere.at_all:make", "--input-shape", "8", "--time-steps", 3
    )
