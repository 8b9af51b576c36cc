"""Four views of a network's energy on the same recordings; no figure stands without its view.

========== ========================================================================
eq11       weighted sums only: E_AC·AC + E_MAC·MAC, the terms of Eq. 11 of Yao et al.
           2023, counted by the convention that was chosen
executed   every operation that the compiled network executes, priced: AC, MAC,
           products, sums and comparisons
memory     what it costs to fetch and keep the operands
           (:mod:`snnc.estimator.memory_access`)
device     the total for the energy table's machine: executed + memory
========== ========================================================================

The views answer different questions and may differ in the sign of a difference: ``eq11`` knows
nothing of the gating products of an attention module, ``executed`` nothing of the currents that
it keeps. So they are always given together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from snnc.estimator.conventions import EXECUTED
from snnc.estimator.counts import Totals
from snnc.estimator.devices import Profile
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.intervals import Interval, of_mean, of_ratio
from snnc.estimator.memory_access import Accesses
from snnc.estimator.survey import Recorded, synaptic
from snnc.estimator.tables import MemoryPrices

TITLES = {
    "eq11": "Eq. 11",
    "executed": "everything executed",
    "memory": "memory traffic",
    "device": "device total",
}
"""How sentences and tables call the views, in their order."""

Layers = Mapping[str, float]
"""Layer → energy in pJ, over all samples."""


@dataclass(frozen=True)
class View:
    """One view of one network.

    Attributes:
        name: a key of :data:`TITLES`.
        layers: energy of each layer in pJ, over all samples.
        each: energy of each recording in pJ, in their order; empty where it is not known.
        note: what it counts, where that is not what the view counts by itself.
    """

    name: str
    layers: Layers
    each: tuple[float, ...] = ()
    note: str = ""

    @property
    def title(self) -> str:
        """How it is called."""
        return TITLES[self.name]

    @property
    def energy_pj(self) -> float:
        """Energy of the whole network in pJ, over all samples."""
        return sum(self.layers.values())


@dataclass(frozen=True)
class Views:
    """The views of one network, on the same samples.

    Attributes:
        samples: how many samples they are of.
        machine: what the device total is for, in words.
        eq11: weighted sums.
        executed: all operations.
        memory: memory accesses; None where the energy table has no prices for them.
        device: operations and memory together; None where ``memory`` is.
    """

    samples: int
    machine: str
    eq11: View
    executed: View
    memory: View | None
    device: View | None

    @classmethod
    def of(
        cls,
        rule: Estimate,
        executed: Estimate,
        accesses: Accesses,
        records: Sequence[Recorded] = (),
    ) -> Views:
        """The views of a network.

        Args:
            rule: its counts by the chosen convention: what ``eq11`` weighs.
            executed: its counts by the convention ``executed``.
            accesses: its memory accesses on the same samples.
            records: each recording's own sums.
        """
        names = rule.tally.convention.name, executed.tally.convention.name
        table = executed.table
        operations = {entry.layer.name: table.priced(entry.totals) for entry in executed.layers}
        memory = None
        if table.memory is not None:
            memory = memory_view(accesses, table.memory, records)
        weighted = each_of(records, names[0], table.weighted)
        operating = View("executed", operations, each_of(records, names[1], table.priced))
        return cls(
            samples=executed.tally.samples,
            machine=", ".join([table.title, *([table.memory.extent] if table.memory else [])]),
            eq11=View("eq11", _weighted(rule), weighted),
            executed=operating,
            memory=memory,
            device=memory and together(operating, memory),
        )

    def with_sram(
        self, accesses: Accesses, prices: MemoryPrices, records: Sequence[Recorded] = ()
    ) -> Views:
        """The same views with another size of memory on the chip.

        Args:
            accesses: the network's memory accesses.
            prices: of memory; they say what is on the chip.
            records: each recording's own sums.
        """
        memory = memory_view(accesses, prices, records)
        return replace(self, memory=memory, device=together(self.executed, memory))

    def on(self, profile: Profile, executed: Estimate, records: Sequence[Recorded] = ()) -> Views:
        """The same views with the device total of a device, from what is published of it.

        Synapses cost its synaptic operation for each AC or MAC, neurons its update at each step,
        where that has a price; what has none there is not in the total.

        Args:
            profile: the device.
            executed: the network's counts by the convention ``executed``.
            records: each recording's own sums.

        Raises:
            SnncError: BAD_OPTION for a device without a price of a synaptic operation.
        """
        price, update = profile.synaptic_pj, profile.update_pj or 0.0
        tally = executed.tally
        updates = {
            entry.layer.name: update * entry.layer.neuron_count * tally.graph.time_steps
            for entry in executed.layers
        }
        layers = {
            entry.layer.name: price * synaptic(entry) + updates[entry.layer.name] * tally.samples
            for entry in executed.layers
        }
        each = tuple(
            price * sum(record.synaptic.values()) + sum(updates.values()) for record in records
        )
        view = View("device", layers, each, profile.prices)
        return replace(self, machine=profile.title, device=view)

    def __iter__(self) -> Iterator[View]:
        """The views that there are, in the order of :data:`TITLES`."""
        return (view for name in TITLES if (view := getattr(self, name)) is not None)


def memory_view(accesses: Accesses, prices: MemoryPrices, records: Sequence[Recorded] = ()) -> View:
    """The view of memory traffic alone; what is on the chip is decided by all recordings."""
    per_word = accesses.prices_per_word(prices)
    each = tuple(
        sum(
            number * per_word[layer][access]
            for layer, numbers in (record.accesses or {}).items()
            for access, number in numbers.items()
        )
        for record in records
    )
    energies = accesses.energies(prices)
    return View("memory", {name: sum(by.values()) for name, by in energies.items()}, each)


def each_of(
    records: Sequence[Recorded], convention: str, price: Callable[[Totals], float]
) -> tuple[float, ...]:
    """Energy of the operations of each recording by one convention."""
    return tuple(sum(map(price, record.counts[convention].values())) for record in records)


def _weighted(estimate: Estimate) -> Layers:
    table = estimate.table
    return {entry.layer.name: table.weighted(entry.totals) for entry in estimate.layers}


def together(operations: View, memory: View) -> View:
    """The device total of operations and memory traffic."""
    names = {**operations.layers, **memory.layers}
    layers = {
        name: operations.layers.get(name, 0.0) + memory.layers.get(name, 0.0) for name in names
    }
    each = tuple(a + b for a, b in zip(operations.each, memory.each, strict=True))
    return View("device", layers, each)


@dataclass(frozen=True)
class Change:
    """One view of a model beside the same view of its baseline.

    Attributes:
        model: of the model.
        baseline: of the baseline, on the same samples; None where the model stands alone.
    """

    model: View
    baseline: View | None = None

    @property
    def energy_pj(self) -> float:
        """ΔE in pJ over all samples, MODEL - BASELINE: negative where the model saves."""
        return self.model.energy_pj - (self.baseline.energy_pj if self.baseline else 0.0)

    @property
    def relative(self) -> float | None:
        """ΔE as a share of the baseline's energy; None where that is 0 or there is no baseline."""
        whole = self.baseline.energy_pj if self.baseline else 0.0
        return self.energy_pj / whole if whole else None

    @property
    def sign(self) -> int:
        """-1 where the model saves, 1 where it costs, 0 where it does neither."""
        return (self.energy_pj > 0) - (self.energy_pj < 0)

    @property
    def interval(self) -> Interval | None:
        """The interval of ΔE a recording in pJ, paired; without a baseline of the energy."""
        if self.baseline is None:
            return of_mean(self.model.each)
        return of_mean([a - b for a, b in self._pairs])

    @property
    def relative_interval(self) -> Interval | None:
        """The interval of ΔE as a share of the baseline's energy, paired."""
        if self.baseline is None:
            return None
        return of_ratio([a - b for a, b in self._pairs], self.baseline.each)

    @property
    def _pairs(self) -> list[tuple[float, float]]:
        theirs = self.baseline.each if self.baseline else ()
        return list(zip(self.model.each, theirs, strict=True))

    def of_layer(self, name: str) -> float:
        """A layer's ΔE in pJ over all samples; its energy where there is no baseline. A layer
        that only one of the networks has is 0 in the other."""
        theirs = self.baseline.layers if self.baseline else {}
        return self.model.layers.get(name, 0.0) - theirs.get(name, 0.0)

    def as_json(self) -> dict[str, Any]:
        """``title``, ``model``, ``baseline``, ``delta`` (pJ over all samples), ``relative``, and
        the same by layer."""
        theirs = self.baseline.layers if self.baseline else {}
        return {
            "title": self.model.title,
            "note": self.model.note or None,
            **_three(self.model.energy_pj, self.baseline.energy_pj if self.baseline else None),
            "relative": self.relative,
            "interval": self._interval_json(),
            "layers": [
                {
                    "name": name,
                    **_three(
                        self.model.layers.get(name, 0.0),
                        theirs.get(name, 0.0) if self.baseline else None,
                    ),
                }
                for name in {**self.model.layers, **theirs}
            ],
        }

    def _interval_json(self) -> dict[str, Any]:
        """Intervals in pJ over all samples, as the energies are; of ``relative`` as it is."""
        number = len(self.model.each)
        theirs = of_mean(self.baseline.each) if self.baseline else None
        return {
            "model": _listed(of_mean(self.model.each), number),
            "baseline": _listed(theirs, number),
            "delta": _listed(self.interval, number) if self.baseline else None,
            "relative": _listed(self.relative_interval, 1.0),
        }


def _listed(interval: Interval | None, factor: float) -> list[float] | None:
    return interval.times(factor).as_json() if interval else None


def _three(model: float, baseline: float | None) -> dict[str, float | None]:
    delta = None if baseline is None else model - baseline
    return {"baseline": baseline, "model": model, "delta": delta}


def changes(model: Views, baseline: Views | None = None) -> list[Change]:
    """Every view of a model beside its baseline's, in order."""
    theirs = {view.name: view for view in baseline} if baseline else {}
    return [Change(view, theirs.get(view.name)) for view in model]


def layer_names(found: list[Change]) -> list[str]:
    """Names of the layers of both networks that some view charges for, in order."""
    views = [view for change in found for view in (change.model, change.baseline) if view]
    names = dict.fromkeys(name for view in views for name in view.layers)
    return [name for name in names if any(view.layers.get(name) for view in views)]


def changes_of(
    estimate: Estimate, comparison: Comparison | None, model: Views | None, baseline: Views | None
) -> list[Change]:
    """Every view of a network beside its baseline's; where the views were not surveyed, that of
    Eq. 11 alone, from its counts.

    Args:
        estimate: the network's counts by the chosen convention.
        comparison: against the baseline's, if there is one.
        model: its views, or None.
        baseline: the baseline's, or None.
    """
    if model is not None:
        return changes(model, baseline)
    theirs = View("eq11", _weighted(comparison.baseline)) if comparison else None
    return [Change(View("eq11", _weighted(estimate)), theirs)]


def disagree(found: list[Change]) -> bool:
    """Whether one view says that the model saves and another that it costs."""
    return {change.sign for change in found} >= {-1, 1}


def views_json(found: list[Change]) -> dict[str, Any]:
    """The ``views`` key of the energy report: a key for each view, None for one that the energy
    table has no prices for."""
    given = {change.model.name: change.as_json() for change in found}
    return {name: given.get(name) for name in TITLES}


def views_of(
    estimates: Mapping[str, Estimate],
    accesses: Accesses | None,
    convention: str,
    records: Sequence[Recorded] = (),
) -> Views | None:
    """The views of a network from what was surveyed, or None where that is not enough: they need
    the counts by ``executed`` too, and memory accesses.

    Args:
        estimates: by convention.
        accesses: memory accesses, or None.
        convention: what ``eq11`` is counted by.
        records: each recording's own sums, for intervals.
    """
    if accesses is None or not {convention, EXECUTED.name} <= set(estimates):
        return None
    return Views.of(estimates[convention], estimates[EXECUTED.name], accesses, records)
