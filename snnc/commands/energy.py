"""``snnc energy``: operations and energy on recordings."""

from __future__ import annotations

from pathlib import Path

import click

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
@dtype_options
@density_option
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

    With --baseline also ΔE = E_MAC·Δ_MAC - E_AC·Δ_AC, negative where MODEL saves. The convention
    "executed" counts what the generated C executes; `snnc verify` proves it. Give the options of
    `snnc compile` (--dtype, --density, --calibrate, --max-ram) to count what they make of MODEL.
    Under `torchrun` the processes share the recordings.
    """
    from snnc.commands.surveying import layer_rows, survey_both, write_page
    from snnc.estimator.analysis import csv_text
    from snnc.estimator.audit import AUDITED, audit, audit_json
    from snnc.estimator.conventions import convention_called
    from snnc.estimator.energy import Comparison, Estimate, energy_json
    from snnc.estimator.tables import DEFAULTS, load
    from snnc.estimator.terminal import print_audit, print_energy

    check_dtype(dtype, calibrate, calibrate_samples, chooses_kernels=True)
    console = console_for(json_file, csv_file)
    rule, prices = convention_called(convention), load(table or DEFAULTS[dtype])
    manner = Manner(dtype, calibrate, calibrate_samples, density, max_ram)
    rules = AUDITED if audited or out is not None else (rule,)
    how = {"conventions": rules, "everything": out is not None}
    surveyed = survey_both(
        model.load(), model.beside(baseline), data, split, samples, manner, **how
    )
    if surveyed is None:
        return
    ours, theirs = surveyed
    estimate = Estimate(ours.tallies[rule.name], prices)
    comparison = None
    if theirs is not None:
        comparison = Comparison(estimate, Estimate(theirs.tallies[rule.name], prices))
    lines = audit(ours.tallies) if audited else []
    result = energy_json(estimate, comparison)
    write_json(result | ({"audit": audit_json(lines, prices)} if lines else {}), json_file)
    if csv_file is not None:
        write_text(csv_text(layer_rows(model.spec, baseline, result)), csv_file)
    print_energy(console, model.spec, estimate, comparison)
    if lines:
        print_audit(console, lines, estimate)
    if out is not None:
        names, run = (model.spec, baseline), f"{data}, {split} part"
        write_page(out, surveyed, names, prices, run, rule.name)
        console.print(f"wrote {out}")
