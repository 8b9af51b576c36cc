"""``executed``: what the generated C does."""

from __future__ import annotations

from snnc.compiler.ops import OPS, op_of
from snnc.estimator.conventions.base import (
    COUNTERS,
    Convention,
    CountedOn,
    StepCounts,
    Visit,
)


def _count(visit: Visit) -> StepCounts:
    counts = op_of(visit.node).count(visit.run)
    return {counter: (getattr(counts, counter) * visit.runs).tolist() for counter in COUNTERS}


EXECUTED = Convention(
    name="executed",
    title="what the generated C executes",
    rule=(
        "Every operation of the compiled network: an event-driven kernel adds a weight (AC) for "
        "each spike and each output that it reaches, borders excluded; a kernel that multiplies "
        "(event counts, reals, dense kernels) counts MAC. Normalisation and average pooling are "
        "folded into the weights. What is computed again to save memory counts again. Products, "
        "sums and comparisons outside weighted sums are counted apart."
    ),
    source="The `count` facet of each operator; equal to the counters of an instrumented build.",
    counted_on=CountedOn.EXECUTED,
    charges_borders=False,
    counts_follow_spikes=True,
    count_inputs=(
        "a MAC for each non-zero count and each output that it reaches, whatever its value; zeros "
        "cost nothing"
    ),
    differs={},
    rules=dict.fromkeys(OPS.values(), _count),
)
