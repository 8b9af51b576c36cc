"""The comparison with an artificial network in sentences."""

from __future__ import annotations

from snnc.estimator.ann.ann_costs import Ann
from snnc.estimator.ann.break_even import BreakEven
from snnc.estimator.ann.comparison import AgainstAnn
from snnc.estimator.views.words import headline

RULES = {
    "dense": "every synapse once a recording; no reuse of operands",
    "sparse": "only inputs that are not 0 in the window, event by event as the network itself",
}
"""What each artificial network does, in a few words."""


def opponent(found: AgainstAnn, ann: Ann) -> str:
    """What an artificial network is called: "its ANN of 4 bits"."""
    return f"its {ann.title} of {found.bits} bit{'s' if found.bits > 1 else ''}"


def ann_headline(found: AgainstAnn, ann: Ann, model: str) -> str:
    """What the views say against one of them; where they disagree that comes first."""
    return headline(model, opponent(found, ann), found.changes[ann.name], found.samples)


def firing_text(point: BreakEven) -> str:
    """Below which firing a network pays, NASFR and spikes a synapse and inference: "0.021 (0.21)";
    "any" where even neurons that always fire would, "none" where no silence does."""
    if point.firing is None:
        return "none"
    if point.firing.nasfr > 1:
        return "any"
    return f"{point.firing.nasfr:.3g} ({point.firing.spikes_per_synapse:.3g})"
