"""The ablation's page: means and spreads from the runs that are there, and which are not."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT

SCRIPT = ROOT / "benchmarks" / "ablation" / "ablation_page.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    spec = importlib.util.spec_from_file_location("ablation_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ablation_page", module)
    spec.loader.exec_module(module)
    return module


def result(attention: str, seed: int, **fields: Any) -> dict[str, Any]:
    asa = attention != "none"
    counts = {"ac": 600 if asa else 1000, "mac": 130 if asa else 100, "mul": 0, "add": 0, "cmp": 0}
    energy = 4.6 * counts["mac"] + 0.9 * counts["ac"]
    layer = dict.fromkeys(
        ["firing_rate", "null", "noise", "ghosts", "silent", "mean_potential", "variance"], 0.25
    )
    return {
        "run": {"data": "nmnist", "attention": attention, "seed": seed},
        "setting": {
            "data": "nmnist",
            "dt_us": 1000,
            "time_steps": 10,
            "downsample": 1,
            "epochs": 2,
            "learning_rate": 0.001,
            "shift": 1,
            "event_drop": 0.1,
        },
        "hyper": {"votes": 10},
        "torch": "2",
        "parameters": 1100 if asa else 1000,
        "accuracy": 0.97,
        "seconds": 60.0,
        "samples": 10,
        "nasfr": 0.05 if asa else 0.15,
        "quantization_error": 0.2,
        "operations": {rule: {**counts, "energy_pj": energy} for rule in ("executed", "paper")},
        "layers": {"layer1": {**layer, "ptd": -0.3, "quantization_error": 0.2}},
        **fields,
    }


def write(folder: Path, *results: dict[str, Any]) -> Path:
    for entry in results:
        run = entry["run"]
        home = folder / f"{run['data']}-{run['attention']}-{run['seed']}"
        home.mkdir()
        (home / "result.json").write_text(json.dumps(entry))
    return folder


def test_rows_are_means_against_the_vanilla_run_of_the_same_seed(script: Any, tmp_path: Path):
    results = script.read(
        write(
            tmp_path,
            result("none", 0, accuracy=0.96),
            result("none", 1, nasfr=0.10),
            result("asa1", 0),
            result("asa1", 1, accuracy=0.99),
        )
    )
    row = script.measures_row(results, "nmnist", "asa1")
    assert "| +100 | 98.0 ± 1.4 | 0.0500 ± 0.0000 | -58 ± 12 % |" in row
    # a recording: 3 MAC more, 40 AC fewer; 4.6 * 3 - 0.9 * 40 = -22.2 pJ of 136 pJ
    delta = script.Delta.of(results["nmnist", "asa1", 0], results["nmnist", "none", 0], "executed")
    assert (delta.mac, delta.ac) == (3, 40)
    assert delta.energy_pj == pytest.approx(-22.2)
    assert delta.relative == pytest.approx(-22.2 / 136)
    text = " ".join(script.verdict(results, "nmnist"))
    assert "seeds 2: 58% fewer spikes" in text
    assert "Energy: 16% less by Eq. 11 of the executed counts" in text
    assert "not known for everything executed" in text
    assert "(Table 4): no" in text
    assert "below vanilla's: yes" in text
    assert "mean accuracy: yes" in text


def test_everything_executed_stands_beside_eq11_and_a_disagreement_is_said_first(
    script: Any, tmp_path: Path
):
    runs = [result("none", 0), result("asa1", 0)]
    for run, other in zip(runs, (1000.0, 2000.0), strict=True):  # 100 pJ more a recording
        run["operations"]["executed"]["other_energy_pj"] = other
    results = script.read(write(tmp_path, *runs))
    assert "| +7.78" not in script.energy_row(results, "nmnist", "asa1")
    (whole,) = script.wholes(results, "nmnist", "asa1")
    assert whole.whole_pj == pytest.approx(100 - 22.2)
    assert whole.whole_relative == pytest.approx(778 / 2360)
    assert script.energies(results, "nmnist") == (
        "The views disagree. Energy: 16% less by Eq. 11 of the executed counts (weighted sums "
        "only), 33% more by everything executed; memory traffic was not measured."
    )


def test_a_broken_claim_is_said(script: Any, tmp_path: Path):
    results = script.read(write(tmp_path, result("none", 0), result("asa1", 0, accuracy=0.5)))
    assert "mean accuracy: no" in " ".join(script.verdict(results, "nmnist"))
    assert script.unlearned(results, "nmnist") == []


def test_a_run_that_did_not_learn_is_named(script: Any, tmp_path: Path):
    results = script.read(write(tmp_path, result("none", 0), result("sa", 0, accuracy=0.2)))
    assert script.unlearned(results, "nmnist") == [
        "Did not learn, and is in the means all the same: SA seed 0 (20%, NASFR 0.0500)."
    ]


def test_attentions_for_which_the_claim_holds_are_named(script: Any, tmp_path: Path):
    results = script.read(
        write(
            tmp_path,
            result("none", 0),
            result("asa1", 0, accuracy=0.96),
            result("asa2", 0, accuracy=0.97),
            result("sa", 0, nasfr=0.14),
        )
    )
    assert script.who_holds(results, "nmnist")[0].endswith("mean accuracy: ASA-2.")
    assert script.who_holds({}, "nmnist")[0].endswith("mean accuracy: none.")


def test_missing_runs_are_named(script: Any, tmp_path: Path):
    results = script.read(write(tmp_path, result("none", 0), result("none", 2), result("asa1", 1)))
    text = script.page(results)
    assert "27 of 30 are missing" in text
    assert "N-MNIST ASA-1 seed 0, 2" in text
    assert "N-MNIST vanilla seed 1" in text
    assert "gesture-sim" in text
    assert "ASA-1 cannot be compared yet." in text  # no seed has both
    assert "trained for longer" not in text


def test_longer_runs_stand_beside_the_others(script: Any, tmp_path: Path):
    longer = result("none", 0, accuracy=1.0)
    longer["setting"]["epochs"] = 50
    (tmp_path / "long").mkdir()
    results = script.read(write(tmp_path, result("none", 0)))
    text = script.page(results, script.read(write(tmp_path / "long", longer)))
    assert "### N-MNIST, trained for longer" in text
    assert "50 epochs" in text
    assert "| vanilla | 1 |  | 100.0 |" in text


def test_runs_of_other_settings_are_not_mixed(script: Any, tmp_path: Path):
    other = result("asa1", 0)
    other["setting"]["epochs"] = 3
    folder = write(tmp_path, result("none", 0), other)
    with pytest.raises(SystemExit, match="other settings"):
        script.read(folder)
