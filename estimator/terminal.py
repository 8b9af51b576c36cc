"""The tables of a report in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from snnc.console import slim_table
from snnc.estimator import measures
from snnc.estimator.analysis import summary
from snnc.estimator.audit import Line
from snnc.estimator.conventions import COUNTERS
from snnc.estimator.counts import LayerCounts
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.redundancy import Redundancy
from snnc.estimator.units import brief, energy_text


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
    columns = ["AC", "MAC", "other", "spikes", "rate", "energy", "of other"]
    columns += ["ΔE"] if comparison else []
    table = slim_table("layer", "reads", numbers=tuple(columns), title=title, gap=1)
    table.caption = f"{tally.samples:,} recordings · {tally.convention.title} · {model.table.title}"
    deltas = _deltas(comparison)
    for entry in model.layers:
        table.add_row(*_row(model, entry), *deltas.get(entry.layer.name, ()))
        if "attention" in entry.parts:
            table.add_row(*_attention_row(model, entry), style="dim")
    table.add_section()
    total: list[str | Text] = ["network", "", *_numbers(model.total), brief(model.spikes)]
    total += [f"{model.nasfr:.4f}", energy_text(model.energy_pj)]
    total += [energy_text(model.other_energy_pj)]
    total += [_signed(comparison.energy_pj)] if comparison else []
    table.add_row(*total, style="bold")
    console.print(table)
    if model.count_layers:
        console.print(_count_inputs(model), highlight=False)
    if comparison:
        for line in verdict(comparison):
            console.print(line)


def _count_inputs(model: Estimate) -> str:
    """Which layers read counts, and how they are counted."""
    return (
        f"reading counts ({', '.join(model.count_layers)}): {model.tally.convention.count_inputs}"
    )


def _row(model: Estimate, entry: LayerCounts) -> list[str]:
    fired = sum(entry.spikes)
    places = entry.layer.neuron_count * len(entry.spikes) * model.tally.samples
    return [
        entry.layer.name,
        entry.layer.input_kind,
        *_numbers(entry.totals),
        brief(fired) if places else "",
        f"{fired / places:.4f}" if places else "",
        energy_text(model.table.weighted(entry.totals)),
        energy_text(model.table.other(entry.totals)),
    ]


def _attention_row(model: Estimate, entry: LayerCounts) -> list[str]:
    counts = entry.parts["attention"]
    energies = energy_text(model.table.weighted(counts)), energy_text(model.table.other(counts))
    return [" attention", "", *_numbers(counts), "", "", *energies]


def _numbers(counts: dict[str, int]) -> list[str]:
    other = counts["mul"] + counts["add"] + counts["cmp"]
    return [brief(counts["ac"]), brief(counts["mac"]), brief(other)]


def _deltas(comparison: Comparison | None) -> dict[str, list[Text]]:
    if comparison is None:
        return {}
    layers = comparison.layer_deltas()
    return {entry["name"]: [_signed(entry["energy_pj"])] for entry in layers}


def _signed(pj: float) -> Text:
    """An energy difference; what is saved shows in green."""
    if pj == 0:
        return Text("0")
    return Text(f"{'-' if pj < 0 else '+'}{energy_text(abs(pj))}", "green" if pj < 0 else "red")


def verdict(comparison: Comparison) -> list[Text]:
    """What the comparison says, a sentence each."""
    delta = comparison.energy_pj
    whole = comparison.baseline.energy_pj
    share = f" ({delta / whole:+.1%} of the baseline's)" if whole else ""
    ratio = comparison.break_even_ratio
    where = "" if ratio is None else f" E_MAC/E_AC = {ratio:.3g}"
    formula = f"E_MAC·({comparison.added_mac:+,}) - E_AC·({comparison.saved_ac:+,})"
    rates = f"NASFR {comparison.baseline.nasfr:.4f} → {comparison.model.nasfr:.4f}"
    other, every = _signed(comparison.other_energy_pj), _signed(comparison.whole_energy_pj)
    return [
        Text.assemble(f"ΔE = {formula} = ", _signed(delta), share),
        Text.assemble("outside weighted sums (not in Eq. 11): ", other, "; with them ", every),
        Text(f"{rates}; {_break_even(comparison)}"),
        Text(f"saves {comparison.saves_where}{where} (here {comparison.table.ratio:.3g})"),
    ]


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
    counters = ("AC", "MAC", "mul", "add", "cmp")
    title = "the same recordings, counted by other rules"
    table = slim_table("convention", "what it is", numbers=(*counters, "energy"), title=title)
    for line in lines:
        energy = energy_text(model.table.weighted(line.total))
        name, title = line.convention.name, line.convention.title
        table.add_row(name, title, *(brief(line.total[key]) for key in COUNTERS), energy)
    console.print()
    console.print(table)
    for line in lines:
        if not line.terms:
            continue
        names = ("part", "why it differs from executed")
        console.print()
        why = slim_table(*names, numbers=counters, title=line.convention.name)
        for part, reason, counts in line.by_reason():
            why.add_row(part, reason, *(_change(counts[key]) for key in COUNTERS))
        console.print(why)


def _change(number: int) -> str:
    """A difference of counts with its sign."""
    sign = "-" if number < 0 else "+"
    return f"{sign}{brief(abs(number))}" if number else "0"


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
    columns = {
        "rate": ("firing_rate", ".4f"),
        "QE": ("quantization_error", ".3f"),
        "PTD": ("ptd", "+.2f"),
        "variance": ("variance", ".2f"),
        "silent": ("silent", ".1%"),
        "ghosts": ("ghosts", ".1%"),
    }
    table = slim_table("layer", numbers=("neurons", *columns), title=title)
    table.caption = (
        f"{model.samples:,} recordings · PTD and variance: means over channels and steps"
    )
    others = {entry.name: entry for entry in baseline.layers.values()} if baseline else {}
    for record in model.layers.values():
        row = (record.name, f"{record.neurons:,}", *_cells(summary(record), columns.values()))
        table.add_row(*row)
        if record.name in others:
            cells = _cells(summary(others[record.name]), columns.values())
            table.add_row(" baseline", "", *cells, style="dim")
    console.print(table)
    networks = [measures.nasfr(entry.layers.values()) for entry in (baseline, model) if entry]
    console.print("NASFR " + " → ".join(f"{rate:.4f}" for rate in networks))


def _cells(numbers: dict[str, float], columns: Iterable[tuple[str, str]]) -> list[str]:
    return [format(numbers[key], form) for key, form in columns]
