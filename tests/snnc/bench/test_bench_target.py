"""Instruction counts on emulated boards: exact, complete, and never of a wrong run."""

from __future__ import annotations

import json
import shutil

import pytest

from snnc.bench.target import instructions
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.targets import target_named
from snnc.errors import InternalError
from tests.compiler.deploy.test_firmware import compiled, framed, need, recording, vectors
from tests.support.networks.lively import lively_checkpoint, write_nmnist

SIZE = 10


@pytest.fixture(scope="module")
def tiny() -> Compilation:
    return compiled("none", SIZE, channels=(4, 4, 4), hidden=8)


@pytest.mark.parametrize("name", ["cortex-m4", "riscv32"])
def test_counts_are_exact_and_complete(name, tiny):
    need(name)
    given = vectors(tiny, SIZE, 1)
    once = instructions.count(tiny, target_named(name), given * 2)
    twice = instructions.count(tiny, target_named(name), given * 4)
    assert twice.total == 2 * once.total > 0
    assert set(once.nodes) == {node.name for node in tiny.graph.nodes}
    assert all(executed > 0 for executed in once.nodes.values())
    in_parts = sum(once.nodes.values()) + once.events + once.rest
    # marks are in the way of optimisation across nodes, which shows most on a map of 10 by 10
    assert 0.9 < in_parts / once.total < 1.1


def test_more_events_cost_more_and_are_counted_as_events(tiny):
    need("cortex-m3")
    few, many = recording(0, SIZE, 500), recording(0, SIZE, 1500)
    counts = [
        instructions.count(
            tiny,
            target_named("cortex-m3"),
            [instructions.firmware.vector(tiny, framed(events, SIZE), events)],
        )
        for events in (few, many)
    ]
    assert 2.5 < counts[1].events / counts[0].events < 3.5
    assert counts[1].nodes["layer1_conv"] > counts[0].nodes["layer1_conv"]


def test_a_wrong_run_is_not_counted(tiny):
    need("cortex-m4")
    (given,) = vectors(tiny, SIZE, 1)
    given.scores[3] += 1
    with pytest.raises(InternalError, match="scores are not those of the reference"):
        instructions.count(tiny, target_named("cortex-m4"), [given])


def test_the_command_compares_with_a_dense_build(snnc, tmp_path):
    need("cortex-m4")
    data = f"nmnist:{write_nmnist(tmp_path)}"
    model = lively_checkpoint(tmp_path / "model.pt")
    status, out, _ = snnc(
        "bench", model, "--target", "cortex-m4", "--data", data, "--samples", 1, "--json", "-"
    )
    assert status == 0
    result = json.loads(out)
    assert result["target"] == "cortex-m4"
    ours, dense = result["instructions"], result["dense"]["instructions"]
    assert [entry["name"] for entry in ours["layers"]] == [e["name"] for e in dense["layers"]]
    assert result["ratio"] == dense["total"] / ours["total"] > 1
    assert result["per_inference"] == ours["total"] / result["samples"]
    convolution = next(entry for entry in ours["layers"] if entry["name"] == "layer2_conv")
    beside = next(entry for entry in dense["layers"] if entry["name"] == "layer2_conv")
    assert 0 < convolution["synaptic_operations"] < beside["synaptic_operations"]
    assert convolution["instructions"] < beside["instructions"]


def test_missing_tools_are_named(snnc, tmp_path, monkeypatch):
    data = f"nmnist:{write_nmnist(tmp_path)}"
    model = lively_checkpoint(tmp_path / "model.pt")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    status, _, err = snnc("bench", model, "--target", "cortex-m4", "--data", data)
    assert status == 2
    assert "SNNC-E302" in err
    assert "qemu-system-arm" in err
    assert "make firmware-tools" in err


@pytest.mark.parametrize("options", [["--fit"], ["--densities", "0.1"], ["--peers", "pytorch"]])
def test_options_of_the_host_are_refused(options, snnc, tmp_path):
    model = lively_checkpoint(tmp_path / "model.pt")
    arguments = ["bench", model, "--target", "cortex-m4", "--data", "nmnist:x", *options]
    status, _, err = snnc(*arguments)
    assert status == 2
    assert "time the host" in err


def test_options_of_a_target_need_one(snnc, tmp_path):
    model = lively_checkpoint(tmp_path / "model.pt")
    status, _, err = snnc("bench", model, "--data", "nmnist:x", "--max-ram", "64K")
    assert status == 2
    assert "need a --target" in err
