"""The sparsity page: every point, energies against vanilla, and the best at equal accuracy."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tests.support.places import ROOT

SCRIPT = ROOT / "benchmarks" / "ablation" / "sparsity_page.py"


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("sparsity_page", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def point(attention: str, accuracy: float, energy: float, **way: float) -> dict[str, Any]:
    measured = {"accuracy": accuracy, "nasfr": 0.05, "samples": 10, "energy_pj": 1e7 * energy}
    return {"data": "nmnist", "attention": attention, **way, **measured}


def test_points_stand_in_order_and_the_best_is_as_accurate_as_vanilla(script: Any) -> None:
    points = [
        point("asa1", 0.97, 0.4, penalty=0.1),
        point("asa1", 0.80, 0.1, thresholds=2.0),
        point("none", 0.97, 1.0, thresholds=1.0),
        point("none", 0.96, 0.8, tuned=0.02),
        point("asa1", 0.98, 0.5, thresholds=1.0),
    ]
    rows = script.table(points)[2:]
    assert [row.split("|")[2].strip() for row in rows] == [
        "all thresholds times 1",
        "thresholds tuned, tolerance 0.02",
        "all thresholds times 1",
        "all thresholds times 2",
        "trained with penalty 0.1",
    ]
    assert rows[1].endswith("| 96.0 | 0.0500 | 0.80 | -20 % |")
    said = script.best(points)
    assert "vanilla can save 0% of vanilla's energy by Eq. 11" in said[0]
    assert "ASA-1 can save 60% of vanilla's energy by Eq. 11" in said[1]
    assert "## N-MNIST" in script.page(points)
    assert "gesture-sim" not in script.page(points)


def test_nothing_as_accurate_is_said_and_no_baseline_says_nothing(script: Any) -> None:
    points = [point("none", 0.97, 1.0, thresholds=1.0), point("asa1", 0.9, 0.4, thresholds=1.0)]
    assert (
        script.best(points)[1] == "No point of ASA-1 is as accurate as vanilla as it was trained."
    )
    assert script.best(points[1:]) == []
    assert script.table(points[1:])[2].endswith("| n/a |")
