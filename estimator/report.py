"""The page: one HTML file that needs nothing else, for energy, redundancy, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from snnc.errors import InternalError
from snnc.estimator import measures, tables
from snnc.estimator.analysis import summary
from snnc.estimator.ann.comparison import AgainstAnn
from snnc.estimator.ann.words import ann_headline, firing_text
from snnc.estimator.audit import AUDITED, Line, audit, audit_json
from snnc.estimator.conventions import EXECUTED
from snnc.estimator.devices import Profile
from snnc.estimator.energy import Comparison, Estimate, energy_json
from snnc.estimator.figures import energy as energy_figures
from snnc.estimator.figures import redundancy as redundancy_figures
from snnc.estimator.figures.redundancy import Pair
from snnc.estimator.ghosts import ALIKE
from snnc.estimator.intervals import LEVEL, RESAMPLES
from snnc.estimator.intervals.means import Measure, certainty_json, measures_of
from snnc.estimator.memory_access import Accesses, memory_json
from snnc.estimator.redundancy import Redundancy
from snnc.estimator.survey import Recorded, Survey
from snnc.estimator.tables import EnergyTable
from snnc.estimator.units import count_text, energy_text
from snnc.estimator.verdict import Sentence, Tile, sentences, tiles
from snnc.estimator.views import Change, Views, changes_of, layer_names, views_json, views_of
from snnc.estimator.views.sram import AtSize, at_sizes
from snnc.estimator.views.words import between, meaning, number_text, share, signed
from snnc.messages import printable


@dataclass(frozen=True)
class Subject:
    """One network in a report.

    Attributes:
        name: how the page calls it.
        estimates: by convention; all of :data:`snnc.estimator.audit.AUDITED` for the audit.
        redundancy: its records, or None.
        accesses: its memory accesses, or None.
        right: recordings classified correctly, and how many had a label; None where unknown.
        survey: what all this was gathered by, where it was.
    """

    name: str
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    redundancy: Redundancy | None = None
    accesses: Accesses | None = None
    right: tuple[int, int] | None = None
    survey: Survey | None = None

    @property
    def records(self) -> Sequence[Recorded]:
        """Each recording's own sums; none where it was not surveyed."""
        return self.survey.records if self.survey else ()

    @classmethod
    def of(cls, name: str, survey: Survey, table: EnergyTable) -> Subject:
        """A network as it was surveyed, priced by a table."""
        return cls(
            name,
            {rule: Estimate(tally, table) for rule, tally in survey.tallies.items()},
            survey.redundancy,
            survey.accesses,
            (survey.right, survey.labelled) if survey.labelled else None,
            survey,
        )


@dataclass(frozen=True)
class Report:
    """What a page shows.

    Attributes:
        model: the network.
        baseline: what it is compared with, on the same recordings; None for a page about one.
        convention: the convention of its main figures.
        data: what was run, in words.
        device: whose total the device view is; None: operations and memory of the energy table.
    """

    model: Subject
    baseline: Subject | None = None
    convention: str = "executed"
    data: str = ""
    device: Profile | None = None

    @property
    def estimate(self) -> Estimate | None:
        """The model's estimate under the page's convention."""
        return self.model.estimates.get(self.convention)

    @property
    def counted(self) -> Estimate:
        """The same of a report that is about energy. Raises InternalError for another."""
        if self.estimate is None:
            raise InternalError("the survey counted nothing by the chosen convention")
        return self.estimate

    @cached_property
    def comparison(self) -> Comparison | None:
        """Model against baseline under the page's convention."""
        return self.comparisons.get(self.convention)

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Model against baseline under every convention that both were counted by."""
        theirs = self.baseline.estimates if self.baseline else {}
        return {
            name: Comparison(estimate, theirs[name])
            for name, estimate in self.model.estimates.items()
            if name in theirs
        }

    @cached_property
    def views(self) -> tuple[Views | None, Views | None]:
        """The views of the model and of the baseline, where enough was surveyed for them."""
        return self._views(self.model), self._views(self.baseline) if self.baseline else None

    def _views(self, subject: Subject) -> Views | None:
        found = views_of(subject.estimates, subject.accesses, self.convention, subject.records)
        if found is None or self.device is None:
            return found
        return found.on(self.device, subject.estimates[EXECUTED.name], subject.records)

    @cached_property
    def changes(self) -> list[Change]:
        """Every view of the model beside the baseline's; Eq. 11's alone where less was surveyed."""
        if self.estimate is None:
            return []
        return changes_of(self.estimate, self.comparison, *self.views)

    @cached_property
    def measures(self) -> list[Measure]:
        """Means over recordings with their intervals, where the networks were surveyed."""
        surveys = [subject.survey for subject in (self.model, self.baseline) if subject]
        known = [survey for survey in surveys if survey is not None]
        return measures_of(known, self.convention) if len(known) == len(surveys) else []

    @cached_property
    def sram(self) -> list[AtSize]:
        """The views that know memory at several sizes of SRAM; none without memory prices, or
        where the total is of a device with a memory of its own."""
        if self.device is not None:
            return []
        prices = self.estimate.table.memory if self.estimate else None
        networks = [
            (views, subject.accesses, subject.records)
            for views, subject in zip(self.views, (self.model, self.baseline), strict=True)
            if views is not None and subject is not None and subject.accesses is not None
        ]
        return at_sizes(networks, prices) if networks and prices is not None else []

    @cached_property
    def ann(self) -> AgainstAnn | None:
        """The model against the same network as an ANN, where that was surveyed."""
        if self.model.survey is None or self.estimate is None:
            return None
        return AgainstAnn.of(self.model.survey, self.estimate.table, self.convention)

    @property
    def pairs(self) -> list[Pair]:
        """The model's neuron layers, each with the baseline's of the same name."""
        ours, theirs = self.model.redundancy, self.baseline and self.baseline.redundancy
        found = {record.name: record for record in theirs.layers.values()} if theirs else {}
        records = ours.layers.values() if ours else ()
        return [(record, found.get(record.name)) for record in records]

    @property
    def audit(self) -> list[Line]:
        """The audit of the model, where everything was counted that it needs."""
        counted = {convention.name for convention in AUDITED} <= set(self.model.estimates)
        if not counted:
            return []
        return audit({name: entry.tally for name, entry in self.model.estimates.items()})

    @property
    def verdict(self) -> list[Sentence]:
        """What the page says first."""
        return sentences(self.model, self.baseline, self.estimate, self.comparison, self.changes)

    @property
    def tiles(self) -> list[Tile]:
        """The few numbers under it."""
        return tiles(self.model, self.baseline, self.estimate, self.comparison, self.changes)


def energy_report_json(report: Report, lines: Sequence[Line] = ()) -> dict[str, Any]:
    """The JSON of ``snnc energy``; ``audit`` where there are lines of one."""
    estimate = report.counted
    result = energy_json(estimate, report.comparison) | {
        "views": views_json(report.changes),
        "interval": certainty_json(report.measures),
        "sram": [entry.as_json() for entry in report.sram],
    }
    if report.ann is not None:
        result["ann"] = report.ann.as_json()
    return result | ({"audit": audit_json(lines, estimate.table)} if lines else {})


def render(report: Report) -> str:
    """The page as HTML text: no network, no scripts, every figure inline."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": lambda number: f"{number:,}",
        "short": count_text,
        "sentence": lambda text: text[:1].upper() + text[1:],
        "energy": energy_text,
        "signed": signed,
        "share": share,
        "between": between,
        "meaning": meaning,
        "number": number_text,
        "firing": firing_text,
        "ann_headline": ann_headline,
        "signed_count": lambda number: f"{number:+,}" if number else "0",
    }
    page = environment.get_template("report.html.j2")
    return page.render(report=report, style=Markup(_template("report.css")), **_context(report))


def _shown(value: Any) -> Any:
    """Names of users' files and layers hold no control characters on the page; Markup is ours."""
    return printable(value) if type(value) is str else value


def _template(name: str) -> str:
    return (files("snnc.estimator") / "templates" / name).read_text("utf-8")


def _context(report: Report) -> dict[str, Any]:
    estimate, comparison = report.estimate, report.comparison
    context: dict[str, Any] = {
        "estimate": estimate,
        "comparison": comparison,
        "energy": _energy_figures(report, estimate, comparison) if estimate else {},
        "deltas": _by_name(comparison.layer_deltas()) if comparison else {},
        "total_delta": comparison.total_delta() if comparison else {},
        "memory": _memory(report),
        "view_layers": [
            {"name": name, "energies": [change.of_layer(name) for change in report.changes]}
            for name in layer_names(report.changes)
        ],
        "level": LEVEL,
        "resamples": RESAMPLES,
        "machine": report.views[0].machine if report.views[0] else "",
        "audit": report.audit,
        "redundancy": _redundancy_figures(report.pairs) if report.pairs else {},
        "ghost_limit": ALIKE,
        "samples": _samples(report),
    }
    return context


def _samples(report: Report) -> int:
    if report.estimate:
        return report.estimate.tally.samples
    return report.model.redundancy.samples if report.model.redundancy else 0


def _energy_figures(
    report: Report, estimate: Estimate, comparison: Comparison | None
) -> dict[str, Markup]:
    if comparison is None or report.baseline is None:
        return {"bars": energy_figures.energy_bars([report.model.name], [estimate])}
    known = {table.name: table for table in [*tables.bundled().values(), estimate.table]}
    names = [report.baseline.name, report.model.name]
    return {
        "bars": energy_figures.energy_bars(names, [comparison.baseline, estimate]),
        "waterfall": energy_figures.delta_waterfall(comparison),
        "break_even": energy_figures.break_even(comparison),
        "sensitivity": energy_figures.sensitivity(comparison, list(known.values())),
    }


def _redundancy_figures(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The figures, and the numbers of the table beside them."""
    model = [record for record, _ in pairs]
    baseline = [other for _, other in pairs if other is not None]
    curves = [
        ("whole network", measures.t_sfr(model), measures.t_sfr(baseline) if baseline else None)
    ]
    curves += [
        (record.name, measures.t_sfr([record]), measures.t_sfr([other]) if other else None)
        for record, other in pairs
    ]
    return {
        "t_sfr": [
            redundancy_figures.t_sfr_panel(name, ours, theirs, _top(ours, theirs))
            for name, ours, theirs in curves
        ],
        "features": [
            redundancy_figures.feature_card(pair) for pair in pairs if len(pair[0].shape) == 3
        ],
        "mpd": [redundancy_figures.mpd_panel(pair) for pair in pairs],
        "qe": redundancy_figures.qe_bars(pairs),
        "rows": [_redundancy_row(pair) for pair in pairs],
    }


def _top(ours: measures.Reals, theirs: measures.Reals | None) -> float:
    """Upper end of a firing-rate axis: a tenth above the curves."""
    highest = max(float(curve.max()) for curve in (ours, theirs) if curve is not None)
    return 1.1 * highest or 1.0


def _redundancy_row(pair: Pair) -> dict[str, Any]:
    return {
        "name": pair[0].name,
        "neurons": pair[0].neurons,
        "of": [record and summary(record) for record in reversed(pair)],
    }


def _memory(report: Report) -> list[tuple[str, dict[str, Any]]]:
    """Memory accesses of the baseline and the model, priced, where there are any."""
    subjects = [subject for subject in (report.baseline, report.model) if subject is not None]
    table = report.estimate.table if report.estimate else None
    if table is None or table.memory is None or any(s.accesses is None for s in subjects):
        return []
    return [(s.name, memory_json(s.accesses, table)) for s in subjects if s.accesses is not None]


def _by_name(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows}
