"""Conventions side by side, and why each differs from what is executed, term by term.

A synapse's difference is taken apart by counting twice more on the way: on the source graph
(pools not folded into the weights, event-driven kernels) and with the taps that fall outside the
image. What is left, and the difference of every other part of a layer, is the convention's own
choice, which it states itself. The terms of a convention add up to its difference exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.synapses.synapse import EVENT, Synapse
from snnc.compiler.ops.view import NodeRun
from snnc.errors import InternalError
from snnc.estimator.conventions import CONVENTIONS, COUNTERS, Convention, CountedOn
from snnc.estimator.conventions.base import StepCounts, Visit, dense_macs, free
from snnc.estimator.counts import Tally, Totals, totals_of
from snnc.estimator.tables import EnergyTable

PARTS = ("synapse", "attention", "neuron", "other")


def _unfolded(visit: Visit) -> StepCounts:
    """Spikes (or other nonzero inputs) times the outputs that each reaches."""
    if visit.in_attention:
        return {}
    node = visit.node
    if isinstance(node.op, Synapse):
        node = node.with_op(kernel=EVENT)
    counts = op_of(node).count(NodeRun.of(visit.graph, node, visit.values))
    return {counter: getattr(counts, counter).tolist() for counter in COUNTERS}


def _padded(visit: Visit) -> StepCounts:
    """Nonzero inputs times the dense work per input: all their taps, wherever they fall."""
    if visit.in_attention:
        return {}
    (x,), (given,) = visit.inputs, visit.types
    each = Fraction(dense_macs(visit), given.size)
    active = (x != 0).flatten(1).sum(dim=1).tolist()
    counter = "ac" if "ac" in _nonzero(_unfolded(visit)) else "mac"
    return {counter: [count * each for count in active]}


def _nonzero(counts: StepCounts) -> set[str]:
    return {counter for counter, numbers in counts.items() if any(numbers)}


def _step(name: str, title: str, rule: Any) -> Convention:
    return Convention(
        name=name,
        title=title,
        rule=title + ".",
        source="A step between two conventions, for the audit.",
        counted_on=CountedOn.SOURCE,
        charges_borders=False,
        counts_follow_spikes=True,
        count_inputs="a MAC for each non-zero count",
        differs={},
        rules=free(*Role) | {Role.SYNAPSE: rule},
    )


UNFOLDED = _step(
    "unfolded",
    "the source network has its pools apart (9 taps a spike where the folded kernel has 4) and "
    "event-driven kernels",
    _unfolded,
)
PADDED = _step("padded", "taps that fall outside the image are charged too", _padded)

AUDITED = (*CONVENTIONS.values(), UNFOLDED, PADDED)
"""What must be counted for an audit."""


@dataclass(frozen=True)
class Term:
    """One reason for a difference, in one part of one layer, and what it adds (or drops)."""

    layer: str
    part: str
    reason: str
    counts: Totals


@dataclass(frozen=True)
class Line:
    """One convention in the audit: its totals, and the terms of its difference from executed."""

    convention: Convention
    total: Totals
    terms: tuple[Term, ...]

    def by_reason(self) -> list[tuple[str, str, Totals]]:
        """(part, reason, sum over layers), by part, a convention's own choices last."""
        sums: dict[tuple[str, str], Totals] = {}
        for term in self.terms:
            so_far = sums.setdefault((term.part, term.reason), dict.fromkeys(COUNTERS, 0))
            for counter, number in term.counts.items():
                so_far[counter] += number
        shared = (UNFOLDED.title, PADDED.title)

        def place(key: tuple[str, str]) -> tuple[int, int]:
            return PARTS.index(key[0]), shared.index(key[1]) if key[1] in shared else len(shared)

        return [(part, reason, sums[part, reason]) for part, reason in sorted(sums, key=place)]


def audit(tallies: Mapping[str, Tally]) -> list[Line]:
    """Compare conventions.

    Args:
        tallies: of one network on the same samples, by all of :data:`AUDITED`.

    Returns:
        One line for each convention, ``executed`` first.
    """
    parts = {name: _parts(tally) for name, tally in tallies.items()}
    lines = []
    for name, convention in CONVENTIONS.items():
        total = totals_of(tallies[name].per_layer())
        terms = () if name == "executed" else tuple(_terms(convention, parts))
        _check(total, totals_of(tallies["executed"].per_layer()), terms)
        lines.append(Line(convention, total, terms))
    return lines


def audit_json(lines: Sequence[Line], table: EnergyTable) -> list[dict[str, Any]]:
    """The ``audit`` key of ``snnc energy --audit``."""
    return [
        {
            "convention": line.convention.name,
            "title": line.convention.title,
            "rule": line.convention.rule,
            "source": line.convention.source,
            **line.total,
            "energy_pj": table.weighted(line.total),
            "terms": [
                {"layer": term.layer, "part": term.part, "reason": term.reason, **term.counts}
                for term in line.terms
            ],
        }
        for line in lines
    ]


def _parts(tally: Tally) -> dict[tuple[str, str], Totals]:
    return {
        (entry.layer.name, part): counts
        for entry in tally.per_layer()
        for part, counts in entry.parts.items()
    }


def _terms(
    convention: Convention, parts: Mapping[str, Mapping[tuple[str, str], Totals]]
) -> Iterator[Term]:
    places = dict.fromkeys([*parts["executed"], *parts[convention.name]])
    nothing_there = dict.fromkeys(COUNTERS, 0)
    for layer, part in places:
        counts = {name: found.get((layer, part), nothing_there) for name, found in parts.items()}
        steps = [("executed", "")]
        if part == "synapse":
            steps.append(("unfolded", UNFOLDED.title))
            if convention.charges_borders:
                steps.append(("padded", PADDED.title))
        steps.append((convention.name, convention.differs[part]))
        for (before, _), (after, reason) in pairwise(steps):
            change = {key: counts[after][key] - counts[before][key] for key in COUNTERS}
            if any(change.values()):
                yield Term(layer, part, _precise(reason, change), change)


def _precise(reason: str, change: Totals) -> str:
    """The reason, and that spikes were taken for reals or the other way round where they were."""
    if change["ac"] > 0 > change["mac"]:
        return f"event counts that happen to be 0 or 1 are taken for spikes; {reason}"
    if change["mac"] > 0 > change["ac"]:
        return f"spikes are multiplied like other numbers; {reason}"
    return reason


def _check(total: Totals, executed: Totals, terms: tuple[Term, ...]) -> None:
    for counter in COUNTERS:
        explained = sum(term.counts[counter] for term in terms)
        if executed[counter] + explained != total[counter] and terms:
            raise InternalError(f"the audit does not add up for {counter}")
