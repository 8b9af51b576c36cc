"""What a report is about: one network, or two on the same recordings, and all that was counted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any

from snnc.errors import InternalError
from snnc.estimator.ann.comparison import AgainstAnn
from snnc.estimator.audit import AUDITED, Line, audit, audit_json
from snnc.estimator.conventions import EXECUTED
from snnc.estimator.devices import Profile
from snnc.estimator.energy import Comparison, Estimate, energy_json
from snnc.estimator.figures.redundancy import Pair
from snnc.estimator.intervals.means import Measure, certainty_json, measures_of
from snnc.estimator.memory_access import Accesses
from snnc.estimator.page.proven import Proven
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.records import Redundancy
from snnc.estimator.survey import Recorded, Survey
from snnc.estimator.tables import EnergyTable
from snnc.estimator.views import Change, Views, changes_of, views_json, views_of
from snnc.estimator.views.sram import AtSize, at_sizes

WHOLE = ("device", "executed", "eq11")
"""Views by how much of the cost they know."""

MODEL_FILES = (".pt", ".pth", ".nir", ".toml")
"""Endings of files that hold a model; a name without one is a factory's or a class's."""

_CLASS = re.compile(r"[A-Za-z_][\w.]*(?: \(\w+\))?")


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
    def title(self) -> str:
        """What people call it: its file's name without folders, its class without modules, or what
        it is called otherwise."""
        path = PurePath(self.name)
        if path.suffix in MODEL_FILES:
            return path.stem
        return self.name.rpartition(".")[2] if _CLASS.fullmatch(self.name) else self.name

    @property
    def layers(self) -> list[str]:
        """Names of its layers, in order."""
        if self.survey is not None:
            return [layer.name for layer in self.survey.network.executed_layers]
        for estimate in self.estimates.values():
            return [entry.layer.name for entry in estimate.layers]
        return [entry.name for entry in self.redundancy.layers.values()] if self.redundancy else []

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
        proof: what verifying the model's C said; None where it was not verified.
    """

    model: Subject
    baseline: Subject | None = None
    convention: str = "executed"
    data: str = ""
    device: Profile | None = None
    proof: Proven | None = None

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

    @property
    def whole(self) -> Change | None:
        """The view that knows most of the cost: the device total where there is one."""
        views = {change.model.name: change for change in self.changes}
        return next((views[name] for name in WHOLE if name in views), None)

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
    def firing(self) -> tuple[float, ...]:
        """NASFR of the model, and of the baseline if there is one; nothing where none is known."""
        if self.estimate is not None and not any(e.layer.neurons for e in self.estimate.layers):
            return ()
        if self.comparison is not None:
            return self.comparison.model.nasfr, self.comparison.baseline.nasfr
        if self.estimate is not None:
            return (self.estimate.nasfr,)
        known = [entry.redundancy for entry in (self.model, self.baseline) if entry]
        return tuple(measures.nasfr(entry.layers.values()) for entry in known if entry)

    @property
    def samples(self) -> int:
        """Recordings that all sums are of."""
        if self.estimate:
            return self.estimate.tally.samples
        return self.model.redundancy.samples if self.model.redundancy else 0

    @cached_property
    def order(self) -> list[str]:
        """Names of the layers in the one order of every table and figure: the model's, with what
        only the baseline has after the layer that it follows there."""
        theirs = self.baseline.layers if self.baseline else []
        order = list(self.model.layers)
        for place, name in enumerate(theirs):
            if name not in order:
                before = theirs[place - 1] if place else None
                order.insert(order.index(before) + 1 if before in order else 0, name)
        return order


def energy_report_json(report: Report, lines: Sequence[Line] = ()) -> dict[str, Any]:
    """The JSON of ``snnc energy``; ``ann`` and ``audit`` where they were asked for."""
    estimate = report.counted
    result = energy_json(estimate, report.comparison) | {
        "views": views_json(report.changes),
        "interval": certainty_json(report.measures),
        "sram": [entry.as_json() for entry in report.sram],
    }
    if report.ann is not None:
        result["ann"] = report.ann.as_json()
    return result | ({"audit": audit_json(lines, estimate.table)} if lines else {})
