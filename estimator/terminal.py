"""The tables of a report in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from snnc.console import slim_table
from snnc.estimator.ann.ann_tables import print_ann
from snnc.estimator.audit import Line
from snnc.estimator.conventions import COUNTERS
from snnc.estimator.counts import LayerCounts
from snnc.estimator.energy import Comparison, Estimate
from snnc.estimator.intervals import LEVEL, RESAMPLES
from snnc.estimator.intervals.means import Measure
from snnc.estimator.page.answer import Answer, answer_of
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.analysis import summary
from snnc.estimator.redundancy.records import Redundancy
from snnc.estimator.report import Report
from snnc.estimator.units import brief, energy_text
from snnc.estimator.views import Change
from snnc.estimator.views.sram import AtSize
from snnc.estimator.views.words import between, interval_text, mean_text, meaning, share


def print_report(console: Console, report: Report, lines: Sequence[Line] = ()) -> None:
    """Print what was counted of a network, and of its baseline: the views first.

    Args:
        console: where to print.
        report: what was counted.
        lines: of an audit, to be printed last.
    """
    estimate, name = report.counted, report.model.title
    print_answer(console, answer_of(report))
    print_views(console, report.changes, estimate.tally.samples)
    if report.sram:
        print_sram(console, report.sram, estimate.tally.samples)
    if report.ann is not None:
        print_ann(console, name, report.ann)
    print_energy(console, name, estimate, report.comparison)
    print_measures(console, report.measures)
    if lines:
        print_audit(console, lines, estimate)


def print_answer(console: Console, answer: Answer) -> None:
    """Print the answer, what belongs to it, and what to be careful about."""
    style = {True: "bold green", False: "bold red", None: "bold"}[answer.good]
    console.print(Text(answer.sentence, style))
    for text in answer.more:
        console.print(text, highlight=False)
    for text in answer.warnings:
        console.print(Text(text, "yellow"))
    console.print()


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
    columns = ["AC", "MAC", "other", "spikes", "rate", "Eq. 11", "not Eq.11"]
    columns += ["ΔE Eq.11"] if comparison else []
    table = slim_table("layer", "reads", numbers=tuple(columns), title=title, gap=1)
    table.caption = (
        f"{tally.samples:,} recordings · {tally.convention.title} · {model.table.title} · totals; "
        "not Eq.11: other operations, which everything executed includes"
    )
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
    """What the comparison says by Eq. 11, a sentence each."""
    delta = comparison.energy_pj
    whole = comparison.baseline.energy_pj
    of_whole = f" ({delta / whole:+.1%} of the baseline's)" if whole else ""
    ratio = comparison.break_even_ratio
    where = "" if ratio is None else f" E_MAC/E_AC = {ratio:.3g}"
    formula = f"E_MAC·({comparison.added_mac:+,}) - E_AC·({comparison.saved_ac:+,})"
    rates = f"NASFR {comparison.baseline.nasfr:.4f} → {comparison.model.nasfr:.4f}"
    sides = f"{comparison.saves_where}{where} (here {comparison.table.ratio:.3g})"
    outside = "products, sums and comparisons outside Eq. 11, which everything executed includes: "
    return [
        Text.assemble(f"Eq. 11: ΔE = {formula} = ", _signed(delta), of_whole),
        Text.assemble(outside, _signed(comparison.other_energy_pj)),
        Text(f"{rates}; by Eq. 11 {_break_even(comparison)}"),
        Text(f"by Eq. 11 it saves {sides}"),
    ]


def _break_even(comparison: Comparison) -> str:
    rate = comparison.break_even_rate
    if rate is not None:
        return f"it saves while its NASFR stays below {rate:.4f}"
    return "no firing rate would pay for what it adds"


def print_views(console: Console, changes: Sequence[Change], samples: int) -> None:
    """Print the views of a recording's energy side by side, ΔE of each with a baseline.

    Args:
        console: where to print.
        changes: the views.
        samples: recordings that their energies are sums of.
    """
    baseline = changes[0].baseline is not None
    columns = [*(["baseline"] if baseline else []), "model", *(["ΔE", ""] if baseline else [])]
    table = slim_table("energy a recording", "what it counts", numbers=tuple(columns))
    for change in changes:
        energies = [change.baseline, change.model] if change.baseline else [change.model]
        cells: list[str | Text] = [energy_text(view.energy_pj / samples) for view in energies]
        if change.baseline:
            cells += [_signed(change.energy_pj / samples), share(change)]
        table.add_row(change.model.title, meaning(change.model), *cells)
    console.print(table)
    if changes[0].interval is not None:
        console.print(f"{'ΔE' if baseline else 'energy'} a recording, {_drawn()}:")
        for change in changes:
            console.print(f"{change.model.title:<19}  {between(change)}", highlight=False)
    console.print()


def print_measures(console: Console, measures: Sequence[Measure]) -> None:
    """Print means a recording with their intervals, the model's beside its baseline's.

    Args:
        console: where to print.
        measures: what to print; nothing for none.
    """
    if not measures:
        return
    compared = measures[0].baseline is not None
    columns = ("baseline", "model", "difference") if compared else ("model",)
    table = slim_table("a recording", numbers=columns, gap=1)
    table.caption = f"({_drawn()})"
    for entry in measures:
        means = [(entry.baseline, False), (entry.model, False), (entry.delta, True)]
        shown = means if compared else means[1:2]
        table.add_row(entry.title, *(mean_text(mean, sign=sign) for mean, sign in shown))
        ends = [interval_text(mean, sign=sign) for mean, sign in shown]
        if any(ends):
            table.add_row("", *ends, style="dim")
    console.print(table)
    console.print()


def _drawn() -> str:
    return f"{LEVEL:.0%} of {RESAMPLES:,} bootstraps over recordings"


def print_sram(console: Console, found: Sequence[AtSize], samples: int) -> None:
    """Print how the views that know memory depend on the SRAM of a chip.

    Args:
        console: where to print.
        found: the views at each size.
        samples: recordings that their energies are sums of.
    """
    compared = found[0].memory.baseline is not None
    kinds = ("memory traffic", "device total")
    columns = [f"{'ΔE, ' if compared else ''}{kind}" for kind in kinds]
    if compared:
        columns = [columns[0], "", columns[1], ""]
    table = slim_table("SRAM on chip, DRAM beyond", numbers=tuple(columns))
    for entry in found:
        cells: list[str | Text] = []
        for change in (entry.memory, entry.device):
            energy = change.energy_pj / samples
            cells += [_signed(energy), share(change)] if compared else [energy_text(energy)]
        table.add_row(entry.title, *cells)
    console.print(table)
    console.print()


def print_audit(console: Console, lines: Sequence[Line], model: Estimate) -> None:
    """Print conventions side by side, then why each differs from what is executed.

    Args:
        console: where to print.
        lines: of :func:`snnc.estimator.audit.audit`.
        model: gives the prices.
    """
    counters = ("AC", "MAC", "mul", "add", "cmp")
    title = "the same recordings, counted by other rules"
    table = slim_table("convention", "what it is", numbers=(*counters, "Eq. 11"), title=title)
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
    for name, why in model.unmeasured.items():
        console.print(f"{name} is not measured: {why}", highlight=False)
    networks = [measures.nasfr(entry.layers.values()) for entry in (baseline, model) if entry]
    console.print("NASFR " + " → ".join(f"{rate:.4f}" for rate in networks))


def _cells(numbers: dict[str, float], columns: Iterable[tuple[str, str]]) -> list[str]:
    return [format(numbers[key], form) for key, form in columns]
