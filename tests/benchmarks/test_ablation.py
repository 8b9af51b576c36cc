"""The ablation's runner: which runs, in which order, and what a finished run leaves."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from snnc.models.checkpoints import load
from snnc.models.training.evaluation import evaluate
from tests.support.networks.lively import write_nmnist
from tests.support.places import ROOT

SCRIPT = ROOT / "benchmarks" / "ablation" / "ablation.py"


@pytest.fixture
def ablation(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("ablation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ablation", module)
    spec.loader.exec_module(module)
    return module


def test_thirty_runs_whole_seeds_first_and_the_main_pair_first_in_each(ablation: Any) -> None:
    runs = list(ablation.runs())
    assert len(set(runs)) == 30
    assert [run.seed for run in runs] == [0] * 10 + [1] * 10 + [2] * 10
    for start in (0, 10, 20):
        assert {run.attention for run in runs[start : start + 4]} == {"none", "asa1"}


def test_a_run_is_trained_measured_and_not_done_again(
    ablation: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = f"nmnist:{write_nmnist(tmp_path / 'nmnist')}"
    setting = ablation.Setting(data, 50_000, 6, 1, epochs=1)
    monkeypatch.setattr(ablation, "SETTINGS", {"nmnist": setting})
    monkeypatch.setattr(ablation, "HYPER", {"channels": [4, 4, 4], "hidden": 8})
    out = tmp_path / "out"
    out.mkdir()
    run = ablation.Run("nmnist", "asa1", 0)
    ablation.perform(run, out)
    folder = out / run.name
    assert {path.name for path in folder.iterdir()} == {"model.pt", "model.csv", "result.json"}
    result = json.loads((folder / "result.json").read_text())
    model, frames = load(folder / "model.pt").model, ablation.framed("nmnist", "test", out)
    found = evaluate(model, frames)
    assert result["accuracy"] == found.accuracy
    assert result["nasfr"] == pytest.approx(found.nasfr)
    assert result["samples"] == len(frames) == 10
    assert result["parameters"] == sum(p.numel() for p in model.parameters())
    assert result["operations"]["executed"]["mac"] > 0
    assert set(result["layers"]) == {"layer1", "layer2", "layer3", "fc1", "fc2"}

    started = []
    monkeypatch.setattr(ablation, "in_a_process", lambda run, **_: started.append(run) or 0)
    monkeypatch.setattr(sys, "argv", ["ablation.py", "--out", str(out)])
    ablation.main()
    assert len(started) == 14
    assert run not in started


def test_a_failed_run_is_named(
    ablation: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ablation, "framed", lambda *_: None)
    monkeypatch.setattr(
        ablation, "in_a_process", lambda run, options: int(run.name == "gesture-sim-sa-1")
    )
    monkeypatch.setattr(sys, "argv", ["ablation.py", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="1 of 30 runs failed: gesture-sim-sa-1"):
        ablation.main()


def test_some_runs_alone_with_other_epochs(
    ablation: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started = []
    monkeypatch.setattr(ablation, "framed", lambda *_: None)
    monkeypatch.setattr(
        ablation, "in_a_process", lambda run, options: started.append((run.name, options)) or 0
    )
    given = ["--out", str(tmp_path), "--only", "nmnist-asa1-*", "--epochs", "7"]
    monkeypatch.setattr(sys, "argv", ["ablation.py", *given])
    ablation.main()
    assert [name for name, _ in started] == [f"nmnist-asa1-{seed}" for seed in (0, 1, 2)]
    assert started[0][1] == ["--out", str(tmp_path), "--epochs", "7"]
    assert {setting.epochs for setting in ablation.SETTINGS.values()} == {7}
