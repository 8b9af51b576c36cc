"""One network that a report is about, with what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from snnc.estimator.energy import Estimate
from snnc.estimator.memory_access import Accesses
from snnc.estimator.redundancy import Redundancy
from snnc.estimator.survey import Recorded, Survey
from snnc.estimator.tables import EnergyTable


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
