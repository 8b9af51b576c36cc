"""docs/measured/coverage.md is what its script writes of the results; a row is judged as it is."""

from __future__ import annotations

import json
import runpy

import torch
from torch import nn

from benchmarks.coverage.judge import judged
from benchmarks.coverage.rows import Row
from tests.support.places import ROOT

RESULTS = sorted((ROOT / "benchmarks" / "coverage" / "results").glob("*.json"))


def results():
    return [json.loads(path.read_text("utf-8")) for path in RESULTS]


def test_the_page_is_what_the_results_say():
    render = runpy.run_path(str(ROOT / "docs" / "scripts" / "generate_coverage.py"))["render"]
    assert RESULTS
    assert (ROOT / "docs" / "measured" / "coverage.md").read_text("utf-8") == render(results())


def test_no_row_is_wrong():
    rows = [row for result in results() for row in result["rows"]]
    assert [row for row in rows if row["outcome"] == "wrong"] == []
    assert all(row["why"] for row in rows if row["outcome"] in ("refused", "not built"))


class Summed(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first, self.function = nn.Linear(4, 3), function

    def forward(self, x):
        return self.function(self.first(x)).mean(0)


def test_rows_are_judged():
    rows = {
        "proven": Row("layers", "relu", lambda: Summed(torch.relu), (4,)),
        "refused": Row("layers", "sort", lambda: Summed(lambda y: y.sort(-1).values), (4,)),
        "not built": Row("layers", "shapes", lambda: Summed(lambda y: y.view(1, 1)), (4,)),
    }
    for outcome, row in rows.items():
        found = judged(row)
        assert found["outcome"] == outcome, found
    assert "sort" in judged(rows["refused"])["why"]
