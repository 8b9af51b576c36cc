"""A report as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup, escape

from snnc.estimator import tables
from snnc.estimator.ann.sentences import ann_headline, firing_text
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.figures import energy_figures
from snnc.estimator.figures import redundancy as redundancy_figures
from snnc.estimator.figures.redundancy import Pair
from snnc.estimator.intervals import LEVEL, RESAMPLES
from snnc.estimator.memory_access import memory_json
from snnc.estimator.page.accuracy import Confusion
from snnc.estimator.page.answer import answer_of, tone
from snnc.estimator.page.bars import KINDS, bars
from snnc.estimator.page.curves import curve
from snnc.estimator.page.maps import sheets, strips
from snnc.estimator.page.network_drawing import drawing
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.analysis import summary
from snnc.estimator.redundancy.ghosts import ALIKE
from snnc.estimator.report import Report
from snnc.estimator.units import count_text, energy_text
from snnc.estimator.views import layer_names
from snnc.estimator.views.words import between, meaning, number_text, share, signed
from snnc.messages import printable


def render(report: Report) -> str:
    """The page as HTML text: it loads nothing, every figure and its one script are inline."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    samples = report.samples
    environment.filters |= {
        "count": lambda number: f"{number:,}",
        "short": count_text,
        "sentence": lambda text: text[:1].upper() + text[1:],
        "energy": energy_text,
        "signed": signed,
        "share": share,
        "between": between,
        "meaning": meaning,
        "unbroken": unbroken,
        "tone": tone,
        "number": number_text,
        "firing": firing_text,
        "ann_headline": ann_headline,
        "each": lambda number: each_text(number, samples),
        "signed_each": lambda number: each_text(number, samples, sign=True),
        "signed_count": lambda number: f"{number:+,}" if number else "0",
    }
    page = environment.get_template("report.html.j2")
    script = Markup(_template("report.js"))
    style = Markup(_template("report.css"))
    return page.render(report=report, style=style, script=script, **_context(report))


def each_text(total: int, samples: int, *, sign: bool = False) -> str:
    """A count per inference: whole from 100 on, with three digits below.

    >>> each_text(300, 20), each_text(12_345, 20), each_text(-5, 20, sign=True), each_text(0, 20)
    ('15', '617', '-0.25', '0')
    """
    mean = total / samples
    plus = "+" if sign and mean > 0 else ""
    return f"{plus}{mean:,.0f}" if abs(mean) >= 100 or not mean else f"{plus}{mean:.3g}"


def unbroken(text: str) -> Markup:
    """Text in which no line breaks between a number and its unit.

    >>> unbroken("1.39 µJ < 5 layers")
    Markup('1.39&nbsp;µJ &lt; 5 layers')
    """
    shown = str(escape(printable(text)))
    return Markup(re.sub(r"(\d) (?=(?:[pnµm]?J|%)(?:\W|$))", r"\1&nbsp;", shown))


def _shown(value: Any) -> Any:
    """Names of users' files and layers hold no control characters on the page; Markup is ours."""
    return printable(value) if type(value) is str else value


def _template(name: str) -> str:
    return (files("snnc.estimator") / "templates" / name).read_text("utf-8")


def _context(report: Report) -> dict[str, Any]:
    estimate, comparison = report.estimate, report.comparison
    ordered = {name: place for place, name in enumerate(report.order)}
    views = sorted(layer_names(report.changes), key=lambda name: ordered.get(name, len(ordered)))
    return {
        "answer": answer_of(report),
        "network": drawing(report),
        "whole_bars": bars(report, memory=True) if estimate else [],
        "bar_kinds": KINDS,
        "confusion": Confusion.of(report.model.records),
        "estimate": estimate,
        "comparison": comparison,
        "energy": _energy_figures(report, comparison),
        "deltas": _deltas(report, comparison),
        "total_delta": comparison.total_delta() if comparison else {},
        "memory": _memory(report),
        "view_layers": [
            {"name": name, "energies": [change.of_layer(name) for change in report.changes]}
            for name in views
        ],
        "level": LEVEL,
        "resamples": RESAMPLES,
        "machine": report.views[0].machine if report.views[0] else "",
        "audit": report.audit,
        "redundancy": _redundancy_figures(report.pairs) if report.pairs else {},
        "ghost_limit": ALIKE,
        "samples": report.samples,
    }


def _deltas(report: Report, comparison: Comparison | None) -> list[dict[str, Any]]:
    """ΔE by layer, in the order of the page."""
    rows = {row["name"]: row for row in comparison.layer_deltas()} if comparison else {}
    return [rows[name] for name in report.order if name in rows]


def _energy_figures(report: Report, comparison: Comparison | None) -> dict[str, Markup]:
    if comparison is None:
        return {}
    estimate: Estimate = report.counted
    known = {table.name: table for table in [*tables.bundled().values(), estimate.table]}
    return {
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
        "t_sfr": [curve(name, ours, theirs, _top(ours, theirs)) for name, ours, theirs in curves],
        "strips": strips(pairs),
        "sheets": sheets(pairs),
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
    return [(s.title, memory_json(s.accesses, table)) for s in subjects if s.accesses is not None]
