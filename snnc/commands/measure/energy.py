"""``snnc energy``: operations and energy on recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from snnc.api.compile_settings import CompileSettings
from snnc.api.in_memory import compiled
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
@click.option("--ann", is_flag=True, help="Beside the same network as an ANN, dense and sparse.")
@dtype_options
@density_option
@click.option("--device", help="Device whose published prices make the total, such as loihi-1.")
@click.option("--sram", type=Size(), help="SRAM on the chip; default: the table's, or all memory.")
@click.option("--max-ram", type=Size(), help="Most bytes of arena: what is computed again counts.")
@click.option(
    "--proof",
    type=click.Path(path_type=Path),
    help="Folder that `snnc verify --compiled` proved, of this model: the page states its verdict.",
)
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
    proof: Path | None,
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
    from snnc.api.costs import EnergyReport
    from snnc.api.recording_runs import Asked, reported, survey_both
    from snnc.api.results.proof import proven_of
    from snnc.compiler.deploy.manifest import read_manifest
    from snnc.estimator.audit import AUDITED, audit
    from snnc.estimator.conventions import EXECUTED, convention_called
    from snnc.estimator.devices import usable
    from snnc.estimator.redundancy.analysis import csv_text, layer_rows
    from snnc.estimator.report import energy_report_json
    from snnc.estimator.tables import DEFAULTS, load
    from snnc.estimator.terminal import print_report

    check_dtype(dtype, calibrate, calibrate_samples, chooses_kernels=True)
    console = console_for(json_file, csv_file)
    rule, prices = convention_called(convention), load(table or DEFAULTS[dtype])
    profile = None if device is None else usable(device)
    prices = prices if sram is None else prices.with_sram(sram)
    settings = CompileSettings(dtype, calibrate, calibrate_samples, density, max_ram)
    rules = AUDITED if audited or out is not None else (rule, EXECUTED)
    asked = Asked(rules, memory=True, redundancy=out is not None, ann=ann)
    source = model.load(name=None if proof is None else read_manifest(proof)["name"])
    proven = None if proof is None else proven_of(proof, compiled(source, settings)[0])
    both = source, model.beside(baseline)
    surveyed = survey_both(both, data, split, samples, asked, settings)
    if surveyed is None:
        return
    names = (model.spec, baseline)
    report = reported(surveyed, names, prices, f"{data}, {split} part", rule.name, profile)
    report = replace(report, proof=proven)
    lines = audit(surveyed[0].tallies) if audited else []
    result = energy_report_json(report, lines)
    write_json(result, json_file)
    if csv_file is not None:
        write_text(csv_text(layer_rows(model.spec, baseline, result)), csv_file)
    print_report(console, report, lines)
    if out is not None:
        EnergyReport(report).save(out)
        console.print(f"wrote {out}")
