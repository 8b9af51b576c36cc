"""``snnc tune``: raise a trained model's thresholds as far as its accuracy bears."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from snnc.commands.options import console_for, json_option, write_json


@click.command()
@click.argument("model")
@click.option("--data", help="DATA whose training part decides.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The .pt file to write."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0, 1.0),
    default=0.0,
    show_default=True,
    help="Share of training recordings that may become wrong.",
)
@click.option(
    "--factor", type=float, default=1.25, show_default=True, help="Steps that thresholds rise in."
)
@click.option("--rounds", type=click.IntRange(1), default=8, show_default=True)
@click.option("--samples", type=click.IntRange(1), help="Decide on the first N; default: all.")
@json_option
def command(
    model: str,
    data: str,
    out: Path,
    tolerance: float,
    factor: float,
    rounds: int,
    samples: int | None,
    json_file: str | None,
) -> None:
    """Raise MODEL's firing thresholds, layer by layer, while its training accuracy holds.

    MODEL is a checkpoint written by snnc. Only the training part of DATA decides; accuracy and
    NASFR on the test part are shown before and after.
    """
    from snnc.api.data.windows import windows
    from snnc.compiler.frontend.source import load_source
    from snnc.models.checkpoints import load, save
    from snnc.models.thresholds import raise_thresholds, set_thresholds, thresholds_of
    from snnc.models.training.evaluation import MemoryFrames, evaluate

    loaded, source = load(model), load_source(model)
    network = loaded.model

    def frames_of(split: str, count: int | None) -> MemoryFrames:
        recordings = windows(source, data, split, count)
        labelled = [(each.frames, -1 if each.label is None else each.label) for each in recordings]
        return MemoryFrames.of(labelled, network.classes)

    parts = {"train": frames_of("train", samples), "test": frames_of("test", None)}

    def measure(split: str) -> tuple[float, float]:
        found = evaluate(network, parts[split])
        return found.accuracy, found.nasfr

    console = console_for(json_file)
    before = measure("test")
    raises = []
    for entry in raise_thresholds(
        network, lambda: measure("train"), tolerance=tolerance, factor=factor, rounds=rounds
    ):
        raises.append(entry)
        console.print(
            f"{entry.layer} to {entry.threshold:.4g}: training accuracy {entry.accuracy:.3f}, "
            f"NASFR {entry.nasfr:.4f}"
        )
    after = measure("test")
    set_thresholds(network, network.hyper, thresholds_of(network))
    found = {"test_accuracy": after[0], "nasfr": after[1], "test_samples": len(parts["test"])}
    tuned = {"from": Path(model).name, "tolerance": tolerance, "factor": factor, "rounds": rounds}
    save(network, out, input=loaded.input, card={**loaded.card, **found, "tuned": tuned})
    result = {
        "thresholds": thresholds_of(network),
        "before": {"test_accuracy": before[0], "nasfr": before[1]},
        "after": {"test_accuracy": after[0], "nasfr": after[1]},
        "raises": [dataclasses.asdict(entry) for entry in raises],
    }
    write_json(result, json_file)
    console.print(
        f"test accuracy {before[0]:.3f} to {after[0]:.3f}, NASFR {before[1]:.4f} to {after[1]:.4f}"
    )
    console.print(f"wrote {out}")
