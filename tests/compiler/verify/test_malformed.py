"""Whatever is wrong with a model: one sentence, the right status, nothing left, no code run."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.networks import malformed_models
from tests.support.networks.lively import lively_checkpoint

SHAPES = dict.fromkeys(
    (
        "wrong_channels",
        "kernel_larger_than_input",
        "reflected_padding",
        "attention_for_another_window",
    ),
    "8,4,4",
)
NIR = ("--time-steps", 3, "--nir-dt", 1, "--nir-reset", "subtract")


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


def nir_graph(change):
    """Linear, LIF; ``change`` of its nodes and edges."""
    nir = pytest.importorskip("nir", reason="the nir package is not installed")
    size, weight = np.array([3]), np.ones((3, 3), np.float32)
    one = np.ones(3, np.float32)
    nodes = {
        "input": nir.Input(size),
        "fc": nir.Linear(weight),
        "lif": nir.LIF(tau=2 * one, r=one, v_leak=0 * one, v_threshold=one, v_reset=0 * one),
        "output": nir.Output(size),
    }
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "output")]
    change(nir, nodes, edges)
    return nir, nir.NIRGraph(nodes, edges, type_check=False)


MALFORMED_NIR = {
    "a cycle without delay": (
        lambda nir, nodes, edges: (
            nodes.update(again=nir.Linear(np.eye(3))),
            edges.extend([("fc", "again"), ("again", "fc")]),
        ),
        "the nodes again, fc form a loop without a spiking neuron",
    ),
    "a loop over two layers": (
        lambda nir, nodes, edges: (
            nodes.update(second=nodes["lif"]),
            edges.extend([("lif", "second"), ("second", "fc")]),
        ),
        "form a loop of 2 neurons",
    ),
    "complex": (
        lambda nir, nodes, edges: nodes.update(fc=nir.Linear(np.full((3, 3), 1j))),
        "not numbers or text",
    ),
    "nan": (
        lambda nir, nodes, edges: nodes.update(fc=nir.Linear(np.full((3, 3), np.nan))),
        "NaN or infinity",
    ),
    "missing node": (lambda nir, nodes, edges: nodes.pop("fc"), "no node|cannot read it"),
    "no edge to the output": (lambda nir, nodes, edges: edges.pop(), "2 Input|no path"),
    "wrong width": (
        lambda nir, nodes, edges: nodes.update(fc=nir.Linear(np.ones((3, 5), np.float32))),
        "mismatch|takes 5 inputs, got 3",
    ),
    "wrong neuron": (
        lambda nir, nodes, edges: nodes.update(fc=nir.Linear(np.ones((4, 3), np.float32))),
        "mismatch|wrong shape",
    ),
}


@pytest.mark.parametrize("key", MALFORMED_NIR)
def test_nir_graph(key, snnc, tmp_path):
    change, says = MALFORMED_NIR[key]
    nir, graph = nir_graph(change)
    nir.write(tmp_path / "model.nir", graph)
    assert re.search(says, refused(snnc, tmp_path / "out", tmp_path / "model.nir", *NIR))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_truncated_nir_file(part, snnc, tmp_path, shared_data):
    pytest.importorskip("nir", reason="the nir package is not installed")
    whole = (shared_data / "nir" / "cnn_sinabs.nir").read_bytes()
    (tmp_path / "model.nir").write_bytes(whole[: int(len(whole) * part)])
    assert "SNNC-E102" in refused(snnc, tmp_path / "out", tmp_path / "model.nir", *NIR)


def test_nir_file_whose_shapes_disagree(snnc, tmp_path, shared_data):
    pytest.importorskip("nir", reason="the nir package is not installed")
    path = shared_data / "recordings" / "malformed" / "lif_rockpool.nir"
    assert "SNNC-E102" in refused(snnc, tmp_path / "out", path, *NIR)


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_truncated_checkpoint(keep, snnc, tmp_path):
    whole = lively_checkpoint(tmp_path / "model.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(whole[: int(len(whole) * keep)])
    assert "SNNC-E102" in refused(snnc, tmp_path / "out", tmp_path / "model.pt")


def test_there_are_at_least_forty():
    assert len(malformed_models.REASONS) >= 40
