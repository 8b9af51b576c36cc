"""The page in a browser: how it is laid out, and what its script does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.audit import AUDITED
from snnc.estimator.page.render import render
from snnc.estimator.report import Report, Subject
from snnc.estimator.survey import Survey
from tests.support.browser import BROWSER, looked_at
from tests.support.counting import interpret, network_of
from tests.support.networks.lively import lively_network

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium (apt-get install chromium)")


def surveyed(attention: str) -> Subject:
    recordings = np.random.default_rng(9).poisson(0.4, (2, 5, 2, 12, 14))
    model = lively_network(attention, input_size=(2, 12, 14), time_steps=5)
    network = network_of(model, (2, 12, 14), 5)
    survey = Survey(network, AUDITED, redundancy=True, memory=True)
    for label, activity in enumerate(observe(network, recordings, interpret)):
        survey.add(activity, label)
    return Subject.of(f"models/{attention}.pt", survey, tables.load("horowitz-f32"))


@pytest.fixture(scope="module")
def page() -> str:
    return render(Report(surveyed("asa1"), surveyed("none"), data="two recordings"))


LAYOUT = """
  const seen = document.documentElement, style = window.getComputedStyle(document.body);
  const drawn = all("svg, .tile, table.bars td.bar").map(e => e.getBoundingClientRect());
  const first = all("header h1, .verdict, .proof, .tile.first").map(e => e.getBoundingClientRect());
  return {
    window: window.innerWidth, content: seen.scrollWidth,
    empty: drawn.filter(box => box.width < 20 || box.height < 8).length,
    background: style.backgroundColor, fold: Math.max(...first.map(box => box.top)),
  };
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_and_the_answer_is_on_the_first_screen(
    tmp_path: Path, page: str, width: int, dark: bool
) -> None:
    found = looked_at(page, LAYOUT, tmp_path, width=width, dark=dark)
    assert found["window"] == width
    assert found["content"] <= width
    assert found["empty"] == 0
    assert found["background"] == ("rgb(20, 23, 26)" if dark else "rgb(247, 247, 245)")
    assert found["fold"] < 900


CUT = """
  const cut = all(".scroll, .card").filter(box => box.scrollWidth > box.clientWidth + 1);
  const hidden = all(".totals, .steps, .screen, details.sheet").filter(one => one.offsetHeight > 0);
  return {content: document.documentElement.scrollWidth, shown: hidden.length,
          cut: cut.map(box => box.textContent.trim().slice(0, 40))};
"""


def test_in_print_nothing_is_cut_and_nothing_is_there_to_click(tmp_path: Path, page: str) -> None:
    """On a page of A4 (210 mm less margins) nobody can scroll."""
    printed = page.replace("@media print", "@media all")
    assert printed != page
    assert looked_at(printed, CUT, tmp_path, width=700) == {"content": 700, "shown": 0, "cut": []}


WORKS = """
  const table = all("table.sort").find(t => t.tHead.textContent.includes("comparisons"));
  const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
  const before = names(), heads = [...table.tHead.rows[0].cells];
  heads[3].click();
  const values = [...table.tBodies[0].rows].slice(0, -1).map(row => Number(row.cells[3].dataset.v));
  const direction = heads[3].getAttribute("aria-sort");
  heads[3].click();
  const sorted = names();
  heads[3].click();
  const cell = table.tBodies[0].rows[0].cells[3], each = cell.textContent;
  const total = all("label.totals input")[0];
  total.click();
  const switched = cell.textContent;
  const piece = all(".bar i[data-tip]")[0];
  const place = {bubbles: true, clientX: 9, clientY: 9};
  piece.dispatchEvent(new window.PointerEvent("pointermove", place));
  const tip = document.getElementById("tip");
  const sheet = document.querySelector("details.sheet"), range = sheet.querySelector("input");
  sheet.open = true;
  const images = [...sheet.querySelectorAll("img")];
  const shown = () => images.filter(one => !one.hidden).map(one => one.dataset.step);
  const first = shown();
  range.value = 2; range.dispatchEvent(new window.Event("input"));
  return {before, sorted, direction, restored: names(), values, each, switched,
          total: cell.dataset.total, checked: all("label.totals input").every(one => one.checked),
          tip: tip.hidden ? "" : tip.textContent, says: piece.dataset.tip, first, then: shown()};
"""


def test_tables_sort_totals_switch_values_show_and_channels_turn(tmp_path: Path, page: str) -> None:
    found = looked_at(page, WORKS, tmp_path)
    assert "error" not in found
    assert found["direction"] == "descending"
    assert found["values"] == sorted(found["values"], reverse=True)
    assert found["sorted"] != found["before"] == found["restored"]
    assert found["sorted"][-1] == "whole network"
    assert found["switched"] == found["total"] != found["each"]
    assert found["checked"]
    assert found["tip"] == found["says"] != ""
    assert found["first"] == ["1", "1"]
    assert found["then"] == ["3", "3"]


def test_it_calls_models_by_their_names_and_draws_the_network(tmp_path: Path, page: str) -> None:
    script = """return {
      head: document.querySelector("h1").textContent,
      boxes: all("svg.network text.name").map(e => e.textContent),
      tips: all("svg.network g[data-tip]").map(e => e.dataset.tip),
      rows: all("table").map(t => [...t.tBodies[0].rows].map(r => r.cells[0].textContent.trim())),
      confusion: all("table.confusion td[data-tip]").map(e => e.textContent)};"""
    found = looked_at(page, script, tmp_path)
    assert "asa1 against none" in found["head"]
    assert "models/" not in found["head"]
    layers = ["layer1", "layer2", "layer3", "fc1", "fc2", "readout"]
    assert found["boxes"] == ["input", *layers]
    assert len(found["tips"]) == len(layers)
    assert all("per inference" in tip and "weights" in tip for tip in found["tips"])
    for rows in found["rows"]:  # the one order of layers, in whichever table
        named = [name for name in rows if name in layers]
        assert named == [name for name in layers if name in named]
    assert sum(map(int, found["confusion"])) == 2
