"""``snnc energy``: operations and energy on recordings."""

from __future__ import annotations

from pathlib import Path

import click

from snnc.commands.options import (
    ModelChoice,
    console_for,
    json_option,
    model_options,
    samples_option,
    split_option,
    write_json,
)


@click.command()
@model_options
@click.option("--baseline", help="MODEL to compare with, on the same recordings.")
@click.option("--data", required=True, help="DATA: recordings to count on.")
@samples_option
@split_option
@click.option(
    "--convention", default="executed", show_default=True, help="Counting rule, or paper, dense …"
)
@click.option("--table", default="horowitz-f32", show_default=True, help="Energy table or file.")
@click.option("--audit", "audited", is_flag=True, help="Every convention, and why they differ.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the page (HTML) here.")
@json_option
def command(
    model: ModelChoice,
    baseline: str | None,
    data: str,
    samples: int | None,
    split: str,
    convention: str,
    table: str,
    audited: bool,
    out: Path | None,
    json_file: str | None,
) -> None:
    """Count MODEL's operations on DATA, layer by layer, and their energy.

    With --baseline also ΔE = E_MAC·Δ_MAC - E_AC·Δ_AC, negative where MODEL saves. The convention
    "executed" counts what the generated C executes; `snnc verify` proves it. Under `torchrun`
    the processes share the recordings.
    """
    from snnc.commands.surveying import survey, write_page
    from snnc.compiler.frontend.source import load_source
    from snnc.estimator.audit import AUDITED, audit, audit_json
    from snnc.estimator.conventions import convention_called
    from snnc.estimator.energy import Comparison, Estimate, energy_json
    from snnc.estimator.report import Report, Subject
    from snnc.estimator.tables import load
    from snnc.estimator.terminal import print_audit, print_energy
    from snnc.models import processes

    rule, prices = convention_called(convention), load(table)
    rules = AUDITED if audited or out is not None else (rule,)
    page = out is not None
    with processes.together():
        ours = survey(model.load(), data, split, samples, rules, everything=page)
        theirs = None
        if baseline is not None:
            theirs = survey(load_source(baseline), data, split, samples, rules, everything=page)
        if processes.rank() > 0:
            return
    estimate = Estimate(ours.tallies[rule.name], prices)
    comparison = None
    if theirs is not None:
        comparison = Comparison(estimate, Estimate(theirs.tallies[rule.name], prices))
    lines = audit(ours.tallies) if audited else []
    result = energy_json(estimate, comparison)
    write_json(result | ({"audit": audit_json(lines, prices)} if lines else {}), json_file)
    console = console_for(json_file)
    print_energy(console, model.spec, estimate, comparison)
    if lines:
        print_audit(console, lines, estimate)
    if out is not None:
        other = None if theirs is None else Subject.of(str(baseline), theirs, prices)
        subject = Subject.of(model.spec, ours, prices)
        write_page(Report(subject, other, rule.name, f"{data}, {split} part"), out)
        console.print(f"wrote {out}")
