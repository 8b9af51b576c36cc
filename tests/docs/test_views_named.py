"""No figure of energy stands without its view: README, docs, the report page and the terminal."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.ann.ann_tables import print_ann
from snnc.estimator.audit import AUDITED
from snnc.estimator.page.answer import answer_of
from snnc.estimator.page.render import render
from snnc.estimator.report import Report, Subject
from snnc.estimator.survey import Survey
from snnc.estimator.terminal import (
    print_answer,
    print_audit,
    print_energy,
    print_measures,
    print_sram,
    print_views,
)
from tests.support.counting import interpret, network_of
from tests.support.named_views import (
    unnamed_in_html,
    unnamed_in_markdown,
    unnamed_in_prose,
    unnamed_in_table,
    unnamed_in_terminal,
)
from tests.support.networks.lively import lively_network
from tests.support.places import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_pages_name_the_view_of_every_figure(page) -> None:
    assert unnamed_in_markdown(page.read_text("utf-8")) == []


@pytest.fixture(scope="module")
def report() -> Report:
    recordings = np.random.default_rng(9).poisson(0.4, (2, 4, 2, 12, 12))
    subjects = []
    for name in ("asa1", "none"):
        model = lively_network(name, input_size=(2, 12, 12), time_steps=4)
        network = network_of(model, (2, 12, 12), 4)
        survey = Survey(network, AUDITED, redundancy=True, memory=True, windows=True)
        for activity in observe(network, recordings, interpret):
            survey.add(activity, 1)
        subjects.append(Subject.of(name, survey, tables.load("horowitz-f32")))
    return Report(*subjects, data="random events")


@pytest.mark.parametrize("alone", [False, True])
def test_report_page_names_the_view_of_every_figure(report: Report, alone: bool) -> None:
    text = render(Report(report.model) if alone else report)
    assert unnamed_in_html(text) == []
    for cell in ("<table><tr><th>energy</th></tr><tr><td>3 nJ</td></tr></table>", "<p>3 nJ.</p>"):
        assert len(unnamed_in_html(text.replace("<footer>", f"{cell}<footer>"))) == 1


@pytest.mark.parametrize("alone", [False, True])
def test_terminal_names_the_view_of_every_figure(report: Report, alone: bool) -> None:
    shown = Report(report.model) if alone else report
    assert shown.estimate is not None
    text = StringIO()
    console = Console(file=text, width=80)
    print_answer(console, answer_of(shown))
    print_views(console, shown.changes, 2)
    assert shown.ann is not None
    print_ann(console, shown.model.title, shown.ann)
    print_sram(console, shown.sram, 2)
    print_energy(console, "a pair", shown.estimate, shown.comparison)
    print_measures(console, shown.measures)
    print_audit(console, shown.audit, shown.estimate)
    assert unnamed_in_terminal(text.getvalue()) == []
    assert "…" not in text.getvalue()  # nothing is cut at 80 columns
    for header in ("Eq. 11 not Eq.11", "model"):
        assert header in text.getvalue()
    changed = text.getvalue().replace("Eq. 11 not Eq.11", "energy not Eq.11")
    assert len(unnamed_in_terminal(changed)) >= len(shown.estimate.layers)
    assert unnamed_in_terminal(f"{text.getvalue()}\nit spends 3.2 nJ") == ["it spends 3.2 nJ"]


@pytest.mark.parametrize(
    "planted",
    [
        "ASA-1 saves 29 %.",
        "44% fewer spikes, 29% less energy by the executed counts.",
        "It spends 10.7 µJ a recording.",
        "ΔE is -12.1 nJ. By Eq. 11 it is less.",
    ],
)
def test_a_planted_figure_is_found(planted: str) -> None:
    assert len(unnamed_in_prose(planted)) == 1
    assert len(unnamed_in_markdown(f"# Title\n\nText.\n\n{planted}\n")) == 1


@pytest.mark.parametrize(
    "fine",
    [
        "By Eq. 11 ASA-1 saves 29 %.",
        "It would save 1.1 % of the model's accumulations.",
        "It spends 10.7 µJ a recording by everything executed.",
        "At E_MAC 4.6 pJ and E_AC 0.9 pJ.",
        "Accuracy is 99 %. Memory traffic is not in it.",
    ],
)
def test_a_named_figure_is_not_found(fine: str) -> None:
    assert unnamed_in_prose(fine) == []


def test_tables_need_a_view_in_the_column_or_in_the_row() -> None:
    rows = [["pair", "ΔE", "of vanilla's"], ["nmnist", "-10.67 µJ", "-58 %"]]
    assert unnamed_in_table(rows) == ["ΔE: -10.67 µJ", "ΔE: -58 %"]
    assert unnamed_in_table([["pair", "ΔE, Eq. 11", "of vanilla's"], *rows[1:]]) == []
    assert unnamed_in_table([rows[0], ["memory traffic", *rows[1][1:]]]) == []
