"""The Python on the README's first screen: short enough, and it does what is said of it."""

from __future__ import annotations

import re

import pytest
import torch

from tests.support.places import ROOT


def script():
    """The first Python example of the README."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[0]


def test_it_has_at_most_twelve_lines():
    assert len([line for line in script().splitlines() if line.strip()]) <= 12


def test_it_takes_a_snntorch_network_to_proven_c(tmp_path, monkeypatch, capsys):
    pytest.importorskip("snntorch", reason="snntorch is not here: make test-environments")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    exec(compile(script(), "README.md", "exec"), {"__name__": "readme"})
    out = capsys.readouterr().out
    assert out.startswith("PROVEN")
    assert "ΔE" in out
    assert (tmp_path / "out" / "manifest.json").exists()


def test_the_same_with_neurons_of_our_own(tmp_path, monkeypatch, capsys):
    """Where snnTorch is not installed, the script's every other line is run all the same."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    text = script().replace(", snntorch as snn", "\nfrom snnc.models.neurons import LIF")
    text = re.sub(r"snn\.Leaky\(\*\*leaky\)", "LIF(v_threshold=threshold)", text)
    text = text.replace("per_step=True, ", "")
    exec(compile(text, "README.md", "exec"), {"__name__": "readme"})
    out = capsys.readouterr().out
    assert out.startswith("PROVEN")
    assert "ΔE" in out
    assert (tmp_path / "out" / "sequential.c").exists()
