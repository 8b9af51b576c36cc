"""The page: what it says, that it needs nothing else, and how it looks in a browser."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.audit import AUDITED
from snnc.estimator.figures.style import COLOURS, drawing, labelled
from snnc.estimator.page.answer import answer_of
from snnc.estimator.page.render import each_text, render, unbroken
from snnc.estimator.report import Report, Subject
from snnc.estimator.survey import Survey
from snnc.estimator.terminal import print_audit, print_redundancy
from snnc.models import attention, networks, neurons
from tests.support.counting import interpret, network_of
from tests.support.networks.lively import lively_network

TABLE = tables.load("horowitz-f32")


def subject(name: str, model: nn.Module, size: tuple[int, ...], recordings: np.ndarray) -> Subject:
    network = network_of(model, size, recordings.shape[1])
    survey = Survey(network, AUDITED, redundancy=True, memory=True)
    right = 0
    for number, activity in enumerate(observe(network, recordings, interpret)):
        scores = activity.executed[network.executed.outputs[0]][0]
        label = [int(scores.argmax()), int(scores.argmin()), None][number % 3]
        right += number % 3 == 0
        survey.add(activity, label)
    assert (survey.right, survey.labelled) == (right, len(recordings) - len(recordings) // 3)
    return Subject.of(name, survey, TABLE)


@pytest.fixture(scope="module")
def pair() -> tuple[Subject, Subject]:
    hyper = {"input_size": (2, 12, 14), "time_steps": 5}
    recordings = np.random.default_rng(9).poisson(0.4, (3, 5, 2, 12, 14))
    return (
        subject("with asa", lively_network("asa1", **hyper), (2, 12, 14), recordings),
        subject("plain", lively_network("none", **hyper), (2, 12, 14), recordings),
    )


@pytest.fixture(scope="module")
def page(pair: tuple[Subject, Subject]) -> str:
    return render(Report(*pair, data="random <events>"))


class Structure(HTMLParser):
    """Checks nesting, and collects ids, headings, words and what a browser would fetch."""

    VOID = ("meta", "link", "br", "img", "hr", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.fetched: list[str] = []
        self.words: list[str] = []
        self.labels: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            if name in ("src", "href", "xlink:href", "data", "srcset") and value:
                self.fetched.append(value)
            if name == "aria-label":
                self.labels.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(" ".join(data.split()))


def needs_nothing(text: str) -> Structure:
    """Assert that a page fetches nothing and is small; gives its structure."""
    structure = Structure(text)
    assert not structure.tags["link"] + structure.tags["iframe"]
    assert structure.tags["script"] == 1  # inline: what is fetched is looked at below
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(", text)
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in structure.fetched)
    assert all(found.startswith("#") for found in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text
    assert max(structure.ids.values()) == 1
    assert len(text.encode()) < 5_000_000
    return structure


def test_page_needs_nothing_else_and_is_well_formed(page: str) -> None:
    structure = needs_nothing(page)
    referenced = set(re.findall(r"url\(#([^)]+)\)", page))
    referenced |= {value[1:] for value in structure.fetched if value.startswith("#")}
    assert referenced
    assert referenced <= set(structure.ids)
    assert structure.tags["svg"] == len(structure.labels)
    assert all(structure.labels)
    assert "random &lt;events&gt;" in page


def test_page_says_the_answer_first(pair: tuple[Subject, Subject], page: str) -> None:
    report = Report(*pair)
    assert report.comparison is not None
    answer, whole = answer_of(report), report.whole
    assert whole is not None
    assert whole.model.name == "device"
    assert "device total" in answer.sentence
    assert any(text.startswith("Eq. 11, the paper's view") for text in answer.more)
    assert report.changes[0].energy_pj == pytest.approx(report.comparison.energy_pj)
    assert report.changes[1].energy_pj == pytest.approx(report.comparison.whole_energy_pj)
    assert answer.more[0].startswith("Accuracy 50.0% (1 of 2; 95 % interval 9.5 to 90.5)")
    words = [word for word in Structure(page).words if word]
    assert words.index(answer.sentence) < words.index("The views side by side")
    assert f"{report.comparison.model.nasfr:.4f}" in page


def test_page_shows_every_layer_s_exact_counts(pair: tuple[Subject, Subject], page: str) -> None:
    words = set(Structure(page).words)
    totals = set(re.findall(r'data-total="([^"]*)"', page))
    estimate = pair[0].estimates["executed"]
    for entry in estimate.layers:
        assert entry.layer.name in words
        for number in entry.totals.values():
            assert f"{number:,}" in totals
            assert each_text(number, 3) in words
    for rule in ("paper", "dense", "syops", "spikingjelly", "neurobench"):
        assert f"{pair[0].estimates[rule].total['mac']:,}" in totals


def test_figures_follow_the_theme_and_keep_their_text(page: str) -> None:
    for name, placeholder in COLOURS.items():
        assert placeholder not in page
        assert f"--{name}:" in page
    for name in ("ac", "mac", "model", "base", "ink", "grid"):
        assert re.search(rf"(fill|stroke): var\(--{name}[,)]", page), name
    with drawing(2, 1, (0.1, 0.1, 0.1, 0.1)) as (figure, result):
        figure.text(0.123456, 0.5, "x = 0.123456 & more")
    svg = labelled(result[0], "a <test>")
    assert "x = 0.123456 &amp; more" in svg
    assert 'aria-label="a &lt;test&gt;"' in svg
    assert not re.search(r'"[^"]*\d\.\d{3,}[^"]*"', svg)


def test_page_without_a_baseline_or_without_energy_or_redundancy(
    pair: tuple[Subject, Subject],
) -> None:
    model, baseline = pair
    alone = needs_nothing(render(Report(model)))
    assert "When it pays by Eq. 11" not in alone.words
    assert any("with asa needs" in word for word in alone.words)
    energy = Subject(model.name, {"paper": model.estimates["paper"]})
    only_energy = needs_nothing(render(Report(energy, convention="paper")))
    assert "Spike features" not in only_energy.words
    assert "Other ways to count" not in only_energy.words
    assert "The rule of Table 3 (Yao et al. 2023)" in " ".join(only_energy.words)
    records = [Subject(entry.name, redundancy=entry.redundancy) for entry in pair]
    only_redundancy = needs_nothing(render(Report(*records)))
    assert "The views side by side" not in only_redundancy.words
    assert any(
        re.match(r"with asa against plain: \d+% (fewer|more) spikes", w)
        for w in only_redundancy.words
    )
    assert baseline.name in " ".join(only_redundancy.words)


def test_terminal_prints_the_audit_and_the_redundancy(pair: tuple[Subject, Subject]) -> None:
    model, baseline = pair
    text = StringIO()
    console = Console(file=text, width=200)
    lines = Report(*pair).audit
    print_audit(console, lines, model.estimates["executed"])
    assert text.getvalue().count("synapse") >= len(lines) - 1
    assert "neurobench" in text.getvalue()
    assert model.redundancy is not None
    print_redundancy(console, "pair", model.redundancy, baseline.redundancy)
    rate = model.estimates["executed"].nasfr
    assert f"→ {rate:.4f}" in text.getvalue()
    for record in model.redundancy.layers.values():
        assert re.search(rf"^{record.name} +{record.neurons:,} ", text.getvalue(), re.MULTILINE)


class Deep(nn.Module):
    """Seventeen convolutions and a linear layer to 300 classes, 60 steps."""

    def __init__(self, gated: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(self.convolution(8 if i else 2, gated) for i in range(17)))
        head = OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(8 * 6 * 8, 300))
        self.head = networks.Block(networks.OverTime(head), None, neurons.LIF(0.3, 0.0, 0.3))
        self.mean = networks.TimeMean()

    def convolution(self, inputs: int, gated: bool) -> networks.Block:
        norm = nn.BatchNorm2d(8)
        norm.running_var.fill_(0.1)
        layers = OrderedDict(conv=nn.Conv2d(inputs, 8, 3, padding=1), bn=norm)
        gate = attention.ASA2() if gated else None
        return networks.Block(networks.OverTime(layers), gate, neurons.LIF(0.3, 0.0, 0.3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mean(self.head(self.blocks(x)))


@pytest.mark.slow
def test_page_survives_18_layers_60_steps_and_300_classes() -> None:
    recordings = np.random.default_rng(1).poisson(0.3, (1, 60, 2, 6, 8))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        models = Deep(gated=True).eval(), Deep(gated=False).eval()
    names = ("deep with asa", "deep")
    both = [subject(*entry, (2, 6, 8), recordings) for entry in zip(names, models, strict=True)]
    structure = needs_nothing(render(Report(*both)))
    assert structure.tags["svg"] == 1 + 3 + 19 + 17 + 18 + 1
    assert {f"blocks.{i}" for i in range(17)} | {"head", "readout"} <= set(structure.words)


def test_a_line_breaks_nowhere_between_a_number_and_its_unit():
    assert (
        unbroken("1.39 µJ <b> 95 % in 5 layers") == "1.39&nbsp;µJ &lt;b&gt; 95&nbsp;% in 5 layers"
    )


def test_names_in_a_figure_are_text():
    """A dollar sign begins no formula, and markup is escaped."""
    with drawing(2, 1) as (figure, result):
        figure.add_subplot().set_title("$\\frac{a <b>& \\$")
    assert "$\\frac{a &lt;b&gt;&amp; \\$" in result[0]
