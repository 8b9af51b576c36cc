"""The tables of a report in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from snnc.estimator import measures
from snnc.estimator.analysis import summary
from snnc.estimator.audit import Line
from snnc.estimator.conventions import COUNTERS
from snnc.estimator.counts import LayerCounts
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.redundancy import Redundancy

_UNITS = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


def energy_unit(pj: float) -> tuple[float, str]:
    """The unit that suits an energy, and its size in pJ."""
    for size, unit in _UNITS:
        if abs(pj) >= size:
            return size, unit
    return _UNITS[-1]


def energy_text(pj: float) -> str:
    """An energy with three significant digits: 1.23 µJ."""
    size, unit = energy_unit(pj)
    number = pj / size
    return f"{number:.3g} {unit}" if abs(number) < 999.5 else f"{number:.0f} {unit}"


def count_text(number: int) -> str:
    """A count that fits a column: 1,234, then 12.3 k, M, G, T."""
    if abs(number) < 10_000:
        return f"{number:,}"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.4g} {unit}"
    raise AssertionError(number)


def print_energy(
    console: Console, title: str, model: Estimate, comparison: Comparison | None = None
) -> None:
    """Print the layers of a network, and what it costs or saves against its baseline.

    Args:
        console: where to print.
        title: what was counted.
        model: the network's estimate.
        comparison: the network against its baseline.
    """
    tally = model.tally
    caption = f"{tally.samples:,} recordings · {tally.convention.title} · {model.table.title}"
    table = Table("layer", "reads", title=title, caption=caption)
    columns = ["AC", "MAC", "other", "spikes", "rate", "energy", "other energy"]
    for column in [*columns, "ΔE"] if comparison else columns:
        table.add_column(column, justify="right", no_wrap=True)
    deltas = _deltas(comparison)
    for entry in model.layers:
        table.add_row(*_row(model, entry), *deltas.get(entry.layer.name, ()))
        if "attention" in entry.parts:
            table.add_row(*_attention_row(model, entry), style="dim")
    table.add_section()
    total = ["whole network", "", *_numbers(model, model.total), count_text(model.spikes)]
    total += [f"{model.nasfr:.4f}", energy_text(model.energy_pj)]
    total += [energy_text(model.other_energy_pj)]
    total += [_signed(comparison.energy_pj)] if comparison else []
    table.add_row(*total, style="bold")
    console.print(table)
    if comparison:
        for line in verdict(comparison):
            console.print(line)


def _row(model: Estimate, entry: LayerCounts) -> list[str]:
    fired = sum(entry.spikes)
    places = entry.layer.neuron_count * len(entry.spikes) * model.tally.samples
    return [
        entry.layer.name,
        entry.layer.input_kind,
        *_numbers(model, entry.totals),
        count_text(fired) if places else "",
        f"{fired / places:.4f}" if places else "",
        energy_text(model.table.weighted(entry.totals)),
        energy_text(model.table.other(entry.totals)),
    ]


def _attention_row(model: Estimate, entry: LayerCounts) -> list[str]:
    counts = entry.parts["attention"]
    energies = energy_text(model.table.weighted(counts)), energy_text(model.table.other(counts))
    return ["  of which attention", "", *_numbers(model, counts), "", "", *energies]


def _numbers(model: Estimate, counts: dict[str, int]) -> list[str]:
    other = counts["mul"] + counts["add"] + counts["cmp"]
    return [count_text(counts["ac"]), count_text(counts["mac"]), count_text(other)]


def _deltas(comparison: Comparison | None) -> dict[str, list[str]]:
    if comparison is None:
        return {}
    layers = comparison.layer_deltas()
    return {entry["name"]: [_signed(entry["energy_pj"])] for entry in layers}


def _signed(pj: float) -> str:
    """An energy difference; what is saved shows in green."""
    if pj == 0:
        return "0"
    colour = "green" if pj < 0 else "red"
    return f"[{colour}]{'-' if pj < 0 else '+'}{energy_text(abs(pj))}[/]"


def verdict(comparison: Comparison) -> list[str]:
    """What the comparison says, a sentence each (rich markup)."""
    delta = comparison.energy_pj
    whole = comparison.baseline.energy_pj
    share = f" ({delta / whole:+.1%} of the baseline's)" if whole else ""
    lines = [
        f"ΔE = E_MAC·({comparison.added_mac:+,}) - E_AC·({comparison.saved_ac:+,}) = "
        f"{_signed(delta)}{share}",
        f"outside weighted sums (not in Eq. 11): {_signed(comparison.other_energy_pj)}; with "
        f"them {_signed(comparison.whole_energy_pj)}",
        f"NASFR {comparison.baseline.nasfr:.4f} → {comparison.model.nasfr:.4f}; "
        + _break_even(comparison),
    ]
    ratio = comparison.break_even_ratio
    where = "" if ratio is None else f" E_MAC/E_AC = {ratio:.3g}"
    return [*lines, f"saves {comparison.saves_where}{where} (here {comparison.table.ratio:.3g})"]


def _break_even(comparison: Comparison) -> str:
    rate = comparison.break_even_rate
    if rate is not None:
        return f"it saves while its NASFR stays below {rate:.4f}"
    return "no firing rate would pay for what it adds"


def print_audit(console: Console, lines: Sequence[Line], model: Estimate) -> None:
    """Print conventions side by side, then why each differs from what is executed.

    Args:
        console: where to print.
        lines: of :func:`snnc.estimator.audit.audit`.
        model: gives the prices.
    """
    table = Table("convention", "what it is", title="the same recordings, counted by other rules")
    for column in ("AC", "MAC", "products", "sums", "comparisons", "energy"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in lines:
        energy = energy_text(model.table.weighted(line.total))
        name, title = line.convention.name, line.convention.title
        table.add_row(name, title, *(count_text(line.total[key]) for key in COUNTERS), energy)
    console.print(table)
    for line in lines:
        if not line.terms:
            continue
        why = Table("part", "why it differs from executed", title=line.convention.name)
        for column in ("AC", "MAC", "products", "sums", "comparisons"):
            why.add_column(column, justify="right", no_wrap=True)
        for part, reason, counts in line.by_reason():
            why.add_row(part, reason, *(_change(counts[key]) for key in COUNTERS))
        console.print(why)


def _change(number: int) -> str:
    """A difference of counts with its sign."""
    sign = "-" if number < 0 else "+"
    return f"{sign}{count_text(abs(number))}" if number else "0"


def print_redundancy(
    console: Console, title: str, model: Redundancy, baseline: Redundancy | None = None
) -> None:
    """Print the redundancy of a network's layers, each beside its baseline's.

    Args:
        console: where to print.
        title: what was analysed.
        model: the network's records.
        baseline: the baseline's records on the same samples.
    """
    caption = f"{model.samples:,} recordings" + ("; baseline → model" if baseline else "")
    table = Table("layer", "neurons", title=title, caption=caption)
    columns = {
        "firing rate": ("firing_rate", ".4f"),
        "QE": ("quantization_error", ".3f"),
        "mean PTD": ("ptd", "+.2f"),
        "mean variance": ("variance", ".2f"),
        "silent": ("silent", ".1%"),
        "ghosts": ("ghosts", ".1%"),
    }
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    others = {entry.name: entry for entry in baseline.layers.values()} if baseline else {}
    for record in model.layers.values():
        found = [summary(entry) for entry in (others.get(record.name), record) if entry]
        cells = [
            " → ".join(format(numbers[key], form) for numbers in found)
            for key, form in columns.values()
        ]
        table.add_row(record.name, f"{record.neurons:,}", *cells)
    console.print(table)
    networks = [measures.nasfr(entry.layers.values()) for entry in (baseline, model) if entry]
    console.print("NASFR " + " → ".join(f"{rate:.4f}" for rate in networks))
