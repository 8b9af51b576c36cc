"""torchrun: two processes train like one, and a killed one ends the run, which then resumes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from snnc.errors import LOST_WORKER, SnncError
from snnc.models.training import processes
from tests.support.networks.lively import lively_checkpoint, write_nmnist
from tests.support.places import ROOT

SCRIPT = ROOT / "tests" / "support" / "parallel_run.py"


def start(*command: str, processes: int = 1) -> subprocess.CompletedProcess[str]:
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    return subprocess.run(
        [sys.executable, *(torchrun if processes > 1 else []), *command],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )


def curve(out: Path, column: str) -> list[float]:
    with out.with_suffix(".csv").open() as file:
        return [float(line[column]) for line in csv.DictReader(file)]


MID_EPOCH = "10"
"""The third batch of the third epoch."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four epochs of one process that nobody disturbs."""
    out = tmp_path_factory.mktemp("alone") / "model.pt"
    finished = start(str(SCRIPT), str(out), "4")
    assert finished.returncode == 0, finished.stderr
    return out


def test_killed_in_an_epoch_and_resumed_is_as_if_never_killed(alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.pt"
    assert start(str(SCRIPT), str(out), "4", MID_EPOCH).returncode == -signal.SIGKILL
    assert not out.exists()
    assert curve(out, "epoch") == [1.0, 2.0]
    assert start(str(SCRIPT), str(out), "4").returncode == 0
    for column in ("loss", "train_accuracy", "test_accuracy", "nasfr"):
        assert curve(out, column) == curve(alone, column)
    theirs = torch.load(alone, weights_only=True)["state_dict"]
    for name, weight in torch.load(out, weights_only=True)["state_dict"].items():
        assert torch.equal(weight, theirs[name]), name


@pytest.mark.slow
def test_two_processes_train_like_one_though_one_was_killed(alone: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.pt"
    killed = start(str(SCRIPT), str(shared), "4", MID_EPOCH, processes=2)
    assert killed.returncode != 0
    assert "SIGKILL" in killed.stderr
    assert not shared.exists()
    assert len(curve(shared, "loss")) == 2
    resumed = start(str(SCRIPT), str(shared), "4", processes=2)
    assert resumed.returncode == 0, resumed.stderr
    # Sums over two halves round otherwise than sums over the whole: a few float32 steps.
    assert curve(shared, "loss") == pytest.approx(curve(alone, "loss"), rel=1e-5)
    assert curve(shared, "train_accuracy") == curve(alone, "train_accuracy")
    weights = [torch.load(out, weights_only=True)["state_dict"] for out in (alone, shared)]
    for name in weights[0]:
        if name.endswith(("conv.weight", "linear.weight", "running_var")):
            assert torch.allclose(weights[0][name], weights[1][name], rtol=1e-3, atol=1e-5), name


@pytest.mark.parametrize(
    ("said", "kind"),
    [("[gloo/transport/tcp/pair.cc] Connection closed by peer", SnncError), ("boom", RuntimeError)],
)
def test_a_lost_connection_is_a_sentence_and_nothing_else_is(
    said: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(torch.distributed, "init_process_group", broken)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(kind) as raised, processes.together():
        pytest.fail("there is nobody to work with")
    if isinstance(raised.value, SnncError):
        assert raised.value.code is LOST_WORKER
        assert "process 1 of 2" in raised.value.what


def test_one_process_alone_shares_nothing() -> None:
    with processes.together():
        assert (processes.rank(), processes.count()) == (0, 1)
        assert list(processes.share(range(2, 7))) == [2, 3, 4, 5, 6]
        assert processes.gathered("mine") == ["mine"]
        assert processes.total(torch.tensor([2.0])).item() == 2.0


def numbers(content: Any, place: str = "") -> dict[str, int | float]:
    """Every number in a JSON, by where it stands."""
    if isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        found: dict[str, int | float] = {}
        for key, value in items:
            found |= numbers(value, f"{place}/{key}")
        return found
    return {place: content} if isinstance(content, int | float) else {}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["energy", "analyze"])
def test_shared_recordings_give_the_integers_of_one_process(
    command: str, snnc: Any, tmp_path: Path
) -> None:
    model = str(lively_checkpoint(tmp_path / "asa1.pt", "asa1"))
    data = f"nmnist:{write_nmnist(tmp_path / 'nmnist')}"
    targets = [tmp_path / "one.json", tmp_path / "two.json"]
    given = [[command, model, "--data", data, "--samples", "3", "--json", str(t)] for t in targets]
    assert snnc(*given[0])[0] == 0
    shared = start("-m", "snnc", *given[1], processes=2)
    assert shared.returncode == 0, shared.stderr
    one, two = (numbers(json.loads(target.read_text())) for target in targets)
    assert one.keys() == two.keys()
    whole = {place for place, number in one.items() if isinstance(number, int)}
    assert len(whole) > 20
    assert {place: two[place] for place in whole} == {place: one[place] for place in whole}
    assert two == pytest.approx(one, rel=1e-12)
