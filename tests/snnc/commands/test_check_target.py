"""``snnc check MODEL --dtype int8 --target CORE``: can I have this, on that?"""

from __future__ import annotations

import inspect
import json

import torch
from torch import nn

from snnc.models.neurons import LIF
from tests.support.networks.lively import lively_checkpoint

ON = ("--dtype", "int8", "--target", "cortex-m0", "--max-ram", "128K")


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.first = nn.Linear(64, 32), LIF(v_threshold=1.0)
        self.fc2, self.second = nn.Linear(32, 16), LIF(v_threshold=1.0)
        self.fc3 = nn.Linear(16, 4)

    def forward(self, x):
        y = self.fc2(self.first(self.fc1(x)))
        y = torch.exp(y)
        y = self.fc3(self.second(y))
        return torch.tanh(y).mean(0)


def line_of(text: str) -> str:
    lines, start = inspect.getsourcelines(Mixed)
    (place,) = (number for number, line in enumerate(lines) if text in line)
    return f"{__file__}:{start + place}"


def test_every_layer_without_an_int8_form_is_listed_with_its_line(snnc):
    spec = (f"{__name__}:Mixed", "--input-shape", "64", "--time-steps", "5")
    assert snnc("check", *spec)[0] == 0
    status, out, _ = snnc("check", *spec, *ON, "--json", "-")
    result = json.loads(out)
    assert status == 1
    found = [(entry["class"], entry["source"]) for entry in result["unsupported"]]
    assert found == [("cell", line_of("torch.exp")), ("cell", line_of("torch.tanh"))]
    assert all(entry["reason"].startswith("int8: ") for entry in result["unsupported"])
    assert result["needs"] == {}
    _, shown, _ = snnc("check", *spec, *ON)
    assert f"\n  {line_of('torch.tanh')}\n" in shown  # neither cut nor wrapped
    assert "2 unsupported" in shown


def test_memory_is_known_before_any_calibration(snnc, tmp_path):
    model = lively_checkpoint(tmp_path / "net.pt")
    status, out, _ = snnc("check", model, *ON, "--json", "-")
    result = json.loads(out)
    needs, budgets = result["needs"], result["budgets"]
    assert status == (0 if result["fits"] else 1)
    assert needs["ram"] > needs["arena"] > 0
    assert budgets["ram"] == {"needed": needs["ram"], "allowed": 128 * 1024}
    assert budgets["flash"]["needed"] == needs["flash"]
    status, shown, _ = snnc("check", model, *ON[:-1], "1K")
    assert status == 1
    assert "does not fit in 1,024" in shown
    assert "[bold" not in shown
    assert f"arena {needs['arena']:,}" in shown
