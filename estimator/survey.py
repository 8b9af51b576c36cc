"""Everything that a report needs of one network, gathered in one pass over the recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from snnc.estimator.activity import Activity, Network
from snnc.estimator.conventions import Convention
from snnc.estimator.counts import Tally
from snnc.estimator.memory_access import Accesses
from snnc.estimator.redundancy import Redundancy, recorded


class Survey:
    """Accumulators of one network; their memory does not grow with the number of recordings.

    Args:
        network: its graphs.
        conventions: to count by; none for redundancy alone.
        redundancy: whether to record spikes and membrane potentials.
        memory: whether to count memory accesses.

    Attributes:
        tallies: counts by convention.
        redundancy: records, or None.
        accesses: memory accesses, or None.
        right: recordings with a label that were classified correctly.
        labelled: recordings with a label.
    """

    def __init__(
        self,
        network: Network,
        conventions: Iterable[Convention] = (),
        *,
        redundancy: bool = False,
        memory: bool = False,
    ) -> None:
        self.network = network
        self.tallies = {entry.name: Tally(entry, network) for entry in conventions}
        self.redundancy = Redundancy.of(network.executed) if redundancy else None
        self.accesses = Accesses(network) if memory else None
        self.right = 0
        self.labelled = 0

    def sums(self) -> dict[str, Any]:
        """Everything gathered, as plain data that another process can read."""
        return {
            "tallies": {
                name: (tally.samples, tally.nodes, tally.spikes)
                for name, tally in self.tallies.items()
            },
            "redundancy": self.redundancy,
            "accesses": self.accesses and (self.accesses.samples, self.accesses.layers),
            "right": self.right,
            "labelled": self.labelled,
        }

    def merge(self, sums: dict[str, Any]) -> None:
        """Add what the same survey gathered on other recordings (:meth:`sums`): integers exactly,
        sums of reals to float64's rounding."""
        for name, given in sums["tallies"].items():
            mine = self.tallies[name]
            self.tallies[name] = mine.merged(Tally(mine.convention, self.network, *given))
        if self.redundancy is not None:
            self.redundancy = self.redundancy.merged(sums["redundancy"])
        if self.accesses is not None:
            self.accesses = self.accesses.merged(Accesses(self.network, *sums["accesses"]))
        self.right += sums["right"]
        self.labelled += sums["labelled"]

    def add(self, activity: Activity, label: int | None = None) -> None:
        """Take in one recording.

        Args:
            activity: what the network did on it.
            label: its class, if known.

        Raises:
            SnncError: NO_COUNT_RULE.
        """
        for tally in self.tallies.values():
            tally.add(activity)
        if self.redundancy is not None:
            self.redundancy.add(recorded(activity))
        if self.accesses is not None:
            self.accesses.add(activity)
        if label is not None:
            scores = activity.executed[self.network.executed.outputs[0]]
            self.labelled += 1
            self.right += int(scores[0].argmax()) == label
