"""``snnc analyze``: redundancy on recordings."""

from __future__ import annotations

from pathlib import Path

import click

from snnc.commands.options import (
    ModelChoice,
    baseline_option,
    console_for,
    csv_option,
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
@click.option("--data", help="DATA: recordings to analyse.")
@samples_option
@split_option
@page_option
@csv_option
@json_option
def command(
    model: ModelChoice,
    baseline: str | None,
    data: str,
    samples: int | None,
    split: str,
    out: Path | None,
    csv_file: str | None,
    json_file: str | None,
) -> None:
    """Measure MODEL's redundancy on DATA: firing rates, ghosts, membrane potentials, PTD, QE.

    Definitions 1-6 of Yao et al., "Inherent Redundancy in Spiking Neural Networks". Under
    `torchrun` the processes share the recordings.
    """
    from snnc.api.costs import Analysis
    from snnc.api.recording_runs import Asked, reported, survey_both
    from snnc.errors import InternalError
    from snnc.estimator.intervals.means import certainty_json
    from snnc.estimator.redundancy.analysis import csv_text, layer_rows, redundancy_json
    from snnc.estimator.tables import DEFAULT, load
    from snnc.estimator.terminal import print_measures, print_redundancy

    console = console_for(json_file, csv_file)
    both = model.load(), model.beside(baseline)
    surveyed = survey_both(both, data, split, samples, Asked(redundancy=True))
    if surveyed is None:
        return
    ours, theirs = surveyed
    if ours.redundancy is None:
        raise InternalError("the survey recorded no spikes")
    other = None if theirs is None else theirs.redundancy
    names, run = (model.spec, baseline), f"{data}, {split} part"
    report = reported(surveyed, names, load(DEFAULT), run)
    result = redundancy_json(ours.redundancy, other)
    result["interval"] = certainty_json(report.measures)
    write_json(result, json_file)
    if csv_file is not None:
        write_text(csv_text(layer_rows(model.spec, baseline, result)), csv_file)
    print_redundancy(console, model.spec, ours.redundancy, other)
    print_measures(console, report.measures)
    if out is not None:
        Analysis(report).save(out)
        console.print(f"wrote {out}")
