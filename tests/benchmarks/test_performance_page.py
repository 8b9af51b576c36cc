"""The page of figures says what was measured, and what was not."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.support.places import ROOT

FOLDER = ROOT / "benchmarks" / "performance"


@pytest.fixture
def page(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("page", FOLDER / "performance_page.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "page", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "DOCS", tmp_path)
    return module


MACHINE = {"cpu": "a processor", "torch": "2", "load": "1.0 1 1", "load_after": "1.1 1 1"}
CONTEST = {
    "ours": {"f32": 2.0, "int8": 1.0},
    "peers": {"pytorch_eager": 50.0, "onnxruntime_int8_qdq": 30.0},
    "ratio": {"f32": 25.0, "int8": 50.0},
    "ratio_processor": {"f32": 26.0, "int8": 51.0},
    "ratio_int8_peers": {"f32": 15.0, "int8": 30.0},
    "ratio_int8_peers_processor": {"f32": 16.0, "int8": 31.0},
    "fastest_peer": {"ratio": "pytorch_eager", "ratio_int8_peers": "onnxruntime_int8_qdq"},
    "spread": {
        "f32": [1.5, 3.0],
        "int8": [0.5, 1.5],
        "pytorch_eager": [49.0, 60.0],
        "onnxruntime_int8_qdq": [29, 31],
    },
    "score_difference": {"f32": 0.0},
    "missing": {"torch_compile": "no compiler"},
    "reached": {"layer1.neuron": 0.045, "fc1.neuron": 0.046},
}


def test_table_names_the_goal_the_peers_and_what_is_missing(page, tmp_path):
    layer = {
        "name": "layer2_conv",
        "kernel": "event",
        "ms": 1.0,
        "input_density": 0.045,
        "weights_gb_s": 60.0,
        "of_l1_roof": 0.6,
        "of_l2_roof": 1.2,
    }
    row = CONTEST | {
        "title": "a net",
        "density": 0.045,
        "wanted": {"f32": 20.0, "int8": None, "int8_to_f32": 35.0},
        "layers": [layer],
        "layer_ratios": {"layer2_conv": 12.0},
    }
    roof = {
        "vector": "avx2",
        "l1_load_gb_s": 100.0,
        "l2_load_gb_s": 50.0,
        "l3_load_gb_s": 20.0,
        "adds_g_s": 25.0,
    }
    page.write({"table": {"machine": MACHINE, "rounds": 5, "roofline": roof, "rows": [row]}})
    text = (tmp_path / "performance.md").read_text()
    own = "| a net | 0.045 | f32 | 2.0 (1.5 to 3.0)"
    assert f"{own} | pytorch_eager 50.0 (49.0 to 60.0) | **25.0** | ≥ 20 | 26.0 |" in text
    own = "| a net | 0.045 | int8 | 1.0 (0.5 to 1.5)"
    assert f"{own} | onnxruntime_int8_qdq 30.0 (29.0 to 31.0) | **30.0** |  | 31.0 |" in text
    assert f"{own} | pytorch_eager 50.0 (49.0 to 60.0) | **50.0** | ≥ 35 | 51.0 |" in text
    assert "not measured (a net, 0.045): torch_compile: no compiler" in text
    assert "| layer2_conv | event | 1.000 | 0.045 | 60.0 | 60 % | 120 % | 12.0 |" in text
    assert "take 1.0 ms; loading their weights at the rate of L1 alone would take 0.6." in text


def test_growth_is_a_table_and_a_plot(page, tmp_path):
    rows = [CONTEST | {"value": value} for value in (1, 2)]
    axis = {"title": "something", "rows": rows}
    page.write({"growth": {"machine": MACHINE, "rounds": 5, "roofline": {}, "steps": axis}})
    text = (tmp_path / "performance.md").read_text()
    assert "| 2 | 2.00 | 1.00 | 50.0 | 30.0 | 25.0 | 26.0 |" in text
    assert (tmp_path / "performance" / "steps.svg").read_text().startswith("<?xml")
    assert "performance/steps.svg" in text


def test_machines_with_other_vectors_have_pages_of_their_own(page, tmp_path):
    """No run writes another's page or plots, and each page leads to the others."""
    axis = {"title": "something", "rows": [CONTEST | {"value": value} for value in (1, 2)]}
    about = MACHINE | {"features": "avx2 bmi2", "caches": "L1 32K, L2 512K"}
    results = {"growth": {"machine": about, "rounds": 5, "roofline": {}, "steps": axis}}
    page.write(results)
    first = (tmp_path / "performance.md").read_text()
    page.write(results, "avx2")
    assert (tmp_path / "performance.md").read_text() == first
    second = (tmp_path / "performance-avx2.md").read_text()
    assert "Other machines: [performance](performance.md)." in second
    assert "| growth | a processor | avx2 bmi2 | L1 32K, L2 512K | 2 |" in second
    assert "](performance-avx2/steps.svg)" in second
    assert (tmp_path / "performance-avx2" / "steps.svg").exists()
    page.write(results)
    first = (tmp_path / "performance.md").read_text()
    assert "Other machines: [performance-avx2](performance-avx2.md)." in first


def test_a_run_of_one_part_leaves_the_others(page, tmp_path):
    """The page in the repository is of runs whose figures are not here."""
    old = (ROOT / "docs" / "performance.md").read_text()
    (tmp_path / "performance.md").write_text(old)
    row = {"title": "a network", "density": 0.1, "dtype": "f32", "ms": {"1": 6.0, "2": 4.0}}
    rows = [{**row, "same_scores": True}]
    about = MACHINE | {"features": "avx2", "caches": "L1 32K"}
    page.write({"threads": {"machine": about, "rounds": 5, "rows": rows}})
    new = (tmp_path / "performance.md").read_text()
    assert "| a network | 0.1 | f32 | 6.0 | 4.0 | 1.50 |" in new
    assert "| threads | a processor | avx2 | L1 32K | 2 | 1.0 before, 1.1 after |" in new
    titles = [line for line in old.split("\n") if line.startswith("## ")]
    assert [line for line in new.split("\n") if line.startswith("## ")] == titles
    of_old = old.split("\n## ")[1:]
    kept = [section.rstrip() for section in of_old if not section.startswith("Threads")]
    assert all(section in new for section in kept)
    machines = [line.split(" | ")[0] for line in new.split("\n## ")[0].split("\n")]
    assert [cell for cell in machines if cell in ("| table", "| growth", "| threads")] == [
        "| table", "| growth", "| threads",
    ]  # fmt: skip
    page.write({"threads": {"machine": about, "rounds": 5, "rows": rows}})
    assert (tmp_path / "performance.md").read_text() == new


def test_what_did_not_run_is_named(page, tmp_path):
    alone = {
        key: {who: value for who, value in entry.items() if who not in ("int8", "onnxruntime")}
        if key in ("ours", "ratio", "ratio_processor")
        else entry
        for key, entry in CONTEST.items()
        if not key.startswith("ratio_int8")
    }
    axis = {"title": "something", "rows": [alone | {"value": 1}]}
    growth = {"machine": MACHINE, "rounds": 5, "left_out": ["size 64"], "steps": axis}
    models = {
        "a": {"layers": [{"name": "conv", "direct": 10, "changed": 15}]},
        "b": {"missing": "no recordings"},
    }
    page.write({"growth": growth, "redundancy": {"models": models}})
    text = (tmp_path / "performance.md").read_text()
    assert "| 1 | 2.00 | - | 50.0 | 30.0 | 25.0 | 26.0 |" in text
    assert "Left out, as the run's time was up: size 64." in text
    assert "| a | conv | 10 | 15 | 1.50 |" in text
    assert "- not measured: b: no recordings" in text
    assert "- a: it never pays." in text
    models["a"]["layers"].append({"name": "fc", "direct": 30, "changed": 26})
    page.write({"growth": growth, "redundancy": {"models": models}})
    text = (tmp_path / "performance.md").read_text()
    assert "- a: it would pay in fc and save 10.0 % of the model's accumulations" in text


def test_threads_are_compared_and_scores_that_differ_are_shouted(page):
    row = {"title": "a network", "density": 0.1, "dtype": "f32", "ms": {"1": 6.0, "2": 4.0}}
    for same, said in ((True, "The scores were the same"), (False, "DIFFERED")):
        rows = [{**row, "same_scores": same}]
        page.write({"threads": {"machine": MACHINE, "rounds": 5, "rows": rows}})
        text = (page.DOCS / "performance.md").read_text()
        assert "| a network | 0.1 | f32 | 6.0 | 4.0 | 1.50 |" in text
        assert said in text
