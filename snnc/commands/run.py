"""``snnc run``: class scores of a recording from a compiled model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from snnc.commands.options import console_for, json_option, write_json
from snnc.console import GOOD


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--events", "recording", type=click.Path(path_type=Path), required=True, help="The recording."
)
@json_option
def command(out: Path, recording: Path, json_file: str | None) -> None:
    """Classify a RECORDING with the compiled model in OUT, by the C alone."""
    from snnc.api.data.windows import c_events
    from snnc.compiler.deploy.compiled import open_compiled
    from snnc.compiler.deploy.manifest import read_manifest
    from snnc.compiler.ops.readout.time_stack import scores_of_classes
    from snnc.models.datasets.dataset import check_sensor
    from snnc.models.datasets.readers import read_recording

    manifest = read_manifest(out)
    model = open_compiled(out, manifest)
    given = _input_of(manifest, out)
    events = read_recording(recording)
    check_sensor(events, (given["sensor"][0], given["sensor"][1]))
    model.reset()
    model.run_events(c_events(events))
    scores = model.scores() * manifest["scores"]["unit"]
    result = {
        "recording": str(recording),
        "class": int(scores_of_classes(scores, manifest["scores"].get("axes")).argmax()),
        "scores": [float(score) for score in scores],
        "events": len(events),
        "dropped": int(model.net.dropped),
    }
    write_json(result, json_file)
    _show(console_for(json_file), result)


def _input_of(manifest: dict[str, Any], out: Path) -> dict[str, Any]:
    from snnc.errors import BAD_OPTION, SnncError

    given: dict[str, Any] = manifest["input"]
    if given.get("dt_us") is None:
        raise SnncError(
            BAD_OPTION,
            "the compiled model takes frames, not events",
            where=str(out),
            hint="Compile a model whose input description has a step length (framing by dt).",
        )
    return given


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table("class", "score", "")
    best = max(result["scores"]) or 1.0
    for index, score in enumerate(result["scores"]):
        mark = GOOD if index == result["class"] else None
        table.add_row(str(index), f"{score:.4f}", "█" * round(24 * score / best), style=mark)
    console.print(table)
    console.print(
        f"class {result['class']} ({result['events']:,} events, "
        f"{result['dropped']:,} after the last step)"
    )
