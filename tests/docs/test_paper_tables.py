"""The second reading of the paper's energy gives both printed savings, with its own numbers."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest

from snnc.estimator import tables
from tests.support.places import ROOT

FIRST_LAYER_STEP = 1_179_648
"""Dense MACs of the first layer, 2 to 64 channels at 32×32, in one step."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "scripts"))
    return importlib.import_module("generate_paper_tables")


@pytest.mark.parametrize("name", ["asa1", "tcsa"])
def test_both_printed_savings_come_out_of_the_second_reading(script: Any, name: str) -> None:
    first_layer = FIRST_LAYER_STEP * script.TIME_STEPS
    text = " ".join(script.second_reading(first_layer))
    accumulations = 1e6 * float(re.search(r"([\d,]+) µJ of", text)[1].replace(",", ""))
    share = float(re.search(r"([\d.]+)% of the pixels", text)[1]) / 100
    gone = float(re.search(r"([\d.]+)% of the accumulations", text)[1]) / 100
    assert 0.05 < share < 0.10
    prices = tables.load(tables.DEFAULT)
    whole = accumulations + prices.mac * share * first_layer
    added = prices.mac * 1e6 * float(script.PAPER[name].delta_mac.removesuffix("M"))
    printed = float(script.PAPER[name].saved.removesuffix(" %")) / 100
    assert (gone * accumulations - added) / whole == pytest.approx(printed, abs=0.005)
