"""``snnc energy``: operations and energy on recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.commands.compiling import Manner
from snnc.commands.memory import Size
from snnc.commands.options import (
    ModelChoice,
    baseline_option,
    check_dtype,
    console_for,
    csv_option,
    density_option,
    dtype_options,
    json_option,
    model_options,
    page_option,
    samples_option,
    split_option,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from snnc.estimator.audit import Line
    from snnc.estimator.report import Report


@click.command()
@model_options
@baseline_option
@click.option("--data", help="DATA: recordings to count on.")
@samples_option
@split_option
@click.option(
    "--convention", default="executed", show_default=True, help="Counting rule, or paper, dense …"
)
@click.option("--table", help="Energy table or file; default: Horowitz 2014 for the --dtype.")
@click.option("--audit", "audited", is_flag=True, help="Every convention, and why they differ.")
@click.option("--ann", is_flag=True, help="Beside the same network as an ANN, dense and sparse.")
@dtype_options
@density_option
@click.option("--device", help="Device whose published prices make the total, such as loihi-1.")
@click.option("--sram", type=Size(), help="SRAM on the chip; default: the table's, or all memory.")
@click.option("--max-ram", type=Size(), help="Most bytes of arena: what is computed again counts.")
@page_option
@csv_option
@json_option
def command(
    model: ModelChoice,
    baseline: str | None,
    data: str,
    samples: int | None,
    split: str,
    convention: str,
    table: str | None,
    audited: bool,
    ann: bool,
    device: str | None,
    sram: int | None,
    dtype: str,
    calibrate: str | None,
    calibrate_samples: int | None,
    density: float | None,
    max_ram: int | None,
    out: Path | None,
    csv_file: str | None,
    json_file: str | None,
) -> None:
    """Count MODEL's operations on DATA, layer by layer, and their energy.

    Energy has four views, always shown together: Eq. 11 (weighted sums by the --convention),
    everything executed, memory traffic, and both as the device total. With --baseline ΔE of each,
    negative where MODEL saves. The convention "executed" counts what the generated C executes;
    `snnc verify` proves it. --ann sets MODEL beside the same network as an ANN with activations of
    ceil(log2(T+1)) bits, and says up to which firing rate it pays. Give the options of
    `snnc compile` (--dtype, --density, --calibrate, --max-ram) to count what they make of MODEL.
    Under `torchrun` the processes share the recordings.
    """
    from snnc.commands.surveying import layer_rows, reported, survey_both, write_page
    from snnc.estimator.analysis import csv_text
    from snnc.estimator.audit import AUDITED, audit
    from snnc.estimator.conventions import EXECUTED, convention_called
    from snnc.estimator.devices import usable
    from snnc.estimator.tables import DEFAULTS, load

    check_dtype(dtype, calibrate, calibrate_samples, chooses_kernels=True)
    console = console_for(json_file, csv_file)
    rule, prices = convention_called(convention), load(table or DEFAULTS[dtype])
    profile = None if device is None else usable(device)
    prices = prices if sram is None else prices.with_sram(sram)
    manner = Manner(dtype, calibrate, calibrate_samples, density, max_ram)
    rules = AUDITED if audited or out is not None else (rule, EXECUTED)
    how = {"conventions": rules, "memory": True, "redundancy": out is not None, "ann": ann}
    surveyed = survey_both(
        model.load(), model.beside(baseline), data, split, samples, manner, **how
    )
    if surveyed is None:
        return
    ours, _ = surveyed
    names = (model.spec, baseline)
    report = reported(surveyed, names, prices, f"{data}, {split} part", rule.name, profile)
    lines = audit(ours.tallies) if audited else []
    result = result_of(report, lines)
    write_json(result, json_file)
    if csv_file is not None:
        write_text(csv_text(layer_rows(model.spec, baseline, result)), csv_file)
    show_report(console, report, lines)
    if out is not None:
        write_page(out, report)
        console.print(f"wrote {out}")


def result_of(report: Report, lines: list[Line]) -> dict[str, Any]:
    """The JSON of the command; ``audit`` where there are lines of one."""
    from snnc.estimator.audit import audit_json
    from snnc.estimator.energy import energy_json
    from snnc.estimator.intervals.means import certainty_json
    from snnc.estimator.views import views_json

    estimate = report.counted
    result = energy_json(estimate, report.comparison) | {
        "views": views_json(report.changes),
        "interval": certainty_json(report.measures),
        "sram": [entry.as_json() for entry in report.sram],
    }
    if report.ann is not None:
        result["ann"] = report.ann.as_json()
    return result | ({"audit": audit_json(lines, estimate.table)} if lines else {})


def show_report(console: Console, report: Report, lines: list[Line]) -> None:
    """What people read: the views first."""
    from snnc.estimator import terminal
    from snnc.estimator.ann.terminal import print_ann

    estimate, name = report.counted, report.model.name
    names = (name, report.baseline.name if report.baseline else None)
    terminal.print_views(console, names, report.changes, estimate.tally.samples)
    if report.sram:
        terminal.print_sram(console, report.sram, estimate.tally.samples)
    if report.ann is not None:
        print_ann(console, name, report.ann)
    terminal.print_energy(console, name, estimate, report.comparison)
    terminal.print_measures(console, report.measures)
    if lines:
        terminal.print_audit(console, lines, estimate)
