"""Everything that a report needs of one network, gathered in one pass over the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from snnc.compiler.ops.readout.time_stack import axes_of, scores_of_classes
from snnc.estimator.activity import Activity, Network
from snnc.estimator.ann.windows import Windows
from snnc.estimator.conventions import CONVENTIONS, EXECUTED, Convention
from snnc.estimator.counts import LayerCounts, Tally, Totals
from snnc.estimator.memory_access import Accesses, count_accesses
from snnc.estimator.redundancy.records import Redundancy, recorded


@dataclass(frozen=True)
class Recorded:
    """What one recording alone amounts to, for intervals over recordings.

    Attributes:
        place: which recording it is.
        counts: convention → layer → counter → number.
        spikes: layer → spikes of its neurons.
        accesses: layer → kind of memory access → number; None where they were not counted.
        right: whether it was classified correctly; None where it has no label.
        synaptic: layer → executed synaptic operations; empty where they were not counted.
        label: its class, if known.
        given: the class that the network gives it.
    """

    place: int
    counts: Mapping[str, Mapping[str, Totals]]
    spikes: Mapping[str, int]
    accesses: Mapping[str, Mapping[str, int]] | None
    right: bool | None
    synaptic: Mapping[str, int] = field(default_factory=dict)
    label: int | None = None
    given: int | None = None

    def total(self, convention: str, counter: str) -> int:
        """A count of the whole network."""
        return sum(counts[counter] for counts in self.counts[convention].values())


class Survey:
    """Accumulators of one network; only a few sums of each layer are kept of every recording.

    Args:
        network: its graphs.
        conventions: to count by; none for redundancy alone.
        redundancy: whether to record spikes and membrane potentials.
        memory: whether to count memory accesses.
        windows: whether to keep what was active in a window at all.

    Attributes:
        tallies: counts by convention.
        redundancy: records, or None.
        accesses: memory accesses, or None.
        windows: what was active, or None.
        right: recordings with a label that were classified correctly.
        labelled: recordings with a label.
        records: each recording's own sums, in order.
    """

    def __init__(
        self,
        network: Network,
        conventions: Iterable[Convention] = (),
        *,
        redundancy: bool = False,
        memory: bool = False,
        windows: bool = False,
    ) -> None:
        self.network = network
        self.tallies = {entry.name: Tally(entry, network) for entry in conventions}
        self.redundancy = Redundancy.of(network.executed) if redundancy else None
        self.accesses = Accesses(network) if memory else None
        self.windows = Windows(network) if windows else None
        self.right = 0
        self.labelled = 0
        self.records: list[Recorded] = []

    def sums(self) -> dict[str, Any]:
        """Everything gathered, as plain data that another process can read."""
        return {
            "tallies": {
                name: (tally.samples, tally.nodes, tally.spikes)
                for name, tally in self.tallies.items()
            },
            "redundancy": self.redundancy,
            "accesses": self.accesses and (self.accesses.samples, self.accesses.layers),
            "windows": self.windows and self.windows.records,
            "right": self.right,
            "labelled": self.labelled,
            "records": self.records,
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
        if self.windows is not None:
            self.windows.records |= sums["windows"]
        self.right += sums["right"]
        self.labelled += sums["labelled"]
        self.records = sorted([*self.records, *sums["records"]], key=lambda record: record.place)

    def add(self, activity: Activity, label: int | None = None, place: int | None = None) -> None:
        """Take in one recording.

        Args:
            activity: what the network did on it.
            label: its class, if known.
            place: which recording it is; default: the next one.

        Raises:
            SnncError: NO_COUNT_RULE.
        """
        alone = {
            name: Tally(tally.convention, self.network) for name, tally in self.tallies.items()
        }
        for name, tally in alone.items():
            tally.add(activity)
            self.tallies[name] = self.tallies[name].merged(tally)
        if self.redundancy is not None:
            self.redundancy.add(recorded(activity))
        accesses = None
        if self.accesses is not None:
            own = count_accesses(self.network, [activity])
            self.accesses, accesses = self.accesses.merged(own), own.layers
        node = self.network.executed[self.network.executed.outputs[0]]
        scores = activity.executed[node.name][0].numpy()
        given = int(scores_of_classes(scores, axes_of(node)).argmax())
        right = None
        if label is not None:
            right = given == label
            self.labelled += 1
            self.right += right
        number = len(self.records) if place is None else place
        if self.windows is not None:
            self.windows.add(activity, number)
        spikes = _spikes(activity)
        counts, operations = _by_layer(alone), _synaptic(alone)
        self.records.append(
            Recorded(number, counts, spikes, accesses, right, operations, label, given)
        )


def synaptic(entry: LayerCounts) -> int:
    """Synaptic operations of a layer: its synapse's AC and MAC."""
    counts = entry.parts.get("synapse", {"ac": 0, "mac": 0})
    return counts["ac"] + counts["mac"]


def _synaptic(tallies: Mapping[str, Tally]) -> dict[str, int]:
    executed = tallies.get(EXECUTED.name)
    entries = executed.per_layer() if executed else []
    return {entry.layer.name: synaptic(entry) for entry in entries}


def _by_layer(tallies: Mapping[str, Tally]) -> dict[str, dict[str, Totals]]:
    """Counts of each layer by the conventions that people choose."""
    return {
        name: {entry.layer.name: entry.totals for entry in tally.per_layer()}
        for name, tally in tallies.items()
        if name in CONVENTIONS
    }


def _spikes(activity: Activity) -> dict[str, int]:
    """Spikes of each layer of the executed graph."""
    return {
        layer.name: sum(int((activity.executed[name] != 0).sum()) for name in layer.neurons)
        for layer in activity.network.executed_layers
    }
