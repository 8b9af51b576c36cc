"""``snnc check``: everything unsupported at once, and what keeps a model from streaming."""

from __future__ import annotations

import inspect
import json

import pytest
import torch
from torch import nn

from snnc.models.attention import TA, make_attention
from tests.support.places import ROOT


@pytest.fixture(scope="module")
def model(asa1):
    return asa1


def test_check_says_that_a_model_is_supported_and_why_it_cannot_stream(snnc, model):
    status, out, _ = snnc("check", model, "--json", "-")
    result = json.loads(out)
    assert status == 0
    assert result["supported"] is True
    assert result["unsupported"] == []
    assert result["causality"]["streams"] is False
    waiting = {entry["module"] for entry in result["causality"]["needs_future"]}
    assert "layer1.attention.select" in waiting
    kept = [entry["bytes"] for entry in result["causality"]["needs_future"]]
    assert min(kept) > 0
    assert result["causality"]["bytes"] == sum(kept)
    _, shown, _ = snnc("check", model)
    assert f"{sum(kept) / 1024:.1f} KiB" in shown


def test_check_says_that_a_model_streams(snnc, vanilla):
    status, out, _ = snnc("check", vanilla, "--json", "-")
    assert status == 0
    assert json.loads(out)["causality"] == {
        "complete": True,
        "streams": True,
        "stages": 1,
        "needs_future": [],
        "bytes": 0,
    }


def odd() -> nn.Module:
    return nn.Sequential(nn.GELU(), nn.Softmax(dim=2), nn.ReLU())


def test_check_lists_everything_unsupported_at_once(snnc):
    spec = f"{__name__}:odd"
    status, out, _ = snnc("check", spec, "--input-shape", "4", "--time-steps", "3", "--json", "-")
    assert status == 1
    result = json.loads(out)
    assert result["supported"] is False
    assert [(e["module"], e["class"]) for e in result["unsupported"]] == [
        ("0", "GELU"),
        ("1", "Softmax"),
    ]
    assert all(e["reason"] and e["suggestion"] and e["shape"] for e in result["unsupported"])
    line = f"{__file__}:{inspect.getsourcelines(odd)[1] + 1}"
    assert [e["source"] for e in result["unsupported"]] == [line, line]
    causality = result["causality"]
    assert (causality["complete"], causality["streams"]) == (False, None)
    assert causality["needs_future"] == []


def test_a_refusal_names_the_line_that_built_what_is_refused(snnc, tmp_path):
    options = ("--input-shape", "4", "--time-steps", "3", "-o", str(tmp_path / "out"))
    status, _, error = snnc("compile", f"{__name__}:odd", *options)
    assert status == 1
    line = inspect.getsourcelines(odd)[1] + 1
    assert f"0 ({__file__}:{line}): GELU" in " ".join(error.split())


class Gated(nn.Module):
    """Attention before and behind what cannot be taken, and a sum that nothing can be said of."""

    def __init__(self, other):
        super().__init__()
        self.first, self.second = TA(3), make_attention("asa1", 3, 4)
        self.other = other

    def forward(self, x):
        return self.second(self.other(self.first(x))).cumsum(0)


def between_gates() -> nn.Module:
    return Gated(nn.GELU())


def test_check_reports_causality_of_what_it_knows(snnc):
    """4×5×5 floats at 3 steps before each attention, ASA's mask of 4 bits, TA's 3 scores."""
    spec = (f"{__name__}:between_gates", "--input-shape", "4,5,5", "--time-steps", "3")
    status, out, _ = snnc("check", *spec, "--json", "-")
    assert status == 1
    result = json.loads(out)
    assert [entry["class"] for entry in result["unsupported"]] == ["GELU", "cumsum"]
    found = result["causality"]
    assert (found["complete"], found["streams"], found["stages"]) == (False, False, None)
    kept = {entry["module"]: entry["bytes"] for entry in found["needs_future"]}
    assert kept["input"] == 3 * 4 * 25 * 2
    assert kept["second"] == 3 * 4 * 25 * 4
    assert kept["second.select"] == 3 * 4
    assert found["bytes"] == sum(kept.values())
    assert not any(module.startswith("other") for module in kept)
    _, shown, _ = snnc("check", *spec)
    assert "as far as it is supported" in shown
    assert "second.select" in shown


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.gelu = nn.GELU()

    def forward(self, x):
        y = self.gelu(x)
        return torch.exp(y).cumsum(0)


def test_check_names_the_lines_of_the_users_own_file(snnc):
    spec = (f"{__name__}:Odd", "--input-shape", "4", "--time-steps", "3")
    status, out, _ = snnc("check", *spec, "--json", "-")
    assert status == 1
    entries = json.loads(out)["unsupported"]
    assert [entry["class"] for entry in entries] == ["GELU", "exp", "cumsum"]
    first = inspect.getsourcelines(Odd.forward)[1] + 1
    assert [entry["source"] for entry in entries] == [
        f"{__file__}:{line}" for line in (first, first + 1, first + 1)
    ]
    status, shown, _ = snnc("check", *spec)
    assert status == 1
    assert f":{first}" in shown.replace("\n", "")


def test_whether_it_fits_a_core_is_answered_without_data(snnc):
    model = ROOT / "models" / "zoo" / "gesture_sim_none.pt"
    asked = ("check", model, "--dtype", "int8", "--json", "-", "--target")
    status, out, _ = snnc(*asked, "cortex-m7")
    found = json.loads(out)
    assert (status, found["fits"]) == (0, True)
    assert found["budgets"]["ram"]["needed"] <= found["budgets"]["ram"]["allowed"]
    status, out, err = snnc(*asked, "cortex-m4", "--max-ram", "4K")
    found = json.loads(out)
    assert (status, found["supported"], found["fits"]) == (1, True, False)
    assert "does not fit" in err
    assert found["budgets"]["ram"]["allowed"] == 4096
