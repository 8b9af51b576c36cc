"""``snnc run``: class scores of a recording, or of any DATA, from a compiled model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from snnc.commands.options import console_for, json_option, split_option, write_json
from snnc.console import GOOD, slim_table
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    import numpy.typing as npt

    from snnc.api.data.held import Window
    from snnc.compiler.host.model import HostModel

DEFAULT_SAMPLES = 10
"""Samples of DATA that are run unless --samples says how many."""


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--events", "recording", type=click.Path(path_type=Path), help="A recording.")
@click.option(
    "--data", help="DATA, as verify takes it: a file of arrays, module:factory, a data set."
)
@click.option(
    "--samples", type=click.IntRange(1), help=f"Run so many of DATA; default: {DEFAULT_SAMPLES}."
)
@split_option
@json_option
def command(
    out: Path,
    recording: Path | None,
    data: str | None,
    samples: int | None,
    split: str,
    json_file: str | None,
) -> None:
    """Classify a recording (--events), or samples of DATA, with the compiled model in OUT, by the
    C alone."""
    from snnc.compiler.deploy.compiled import open_compiled
    from snnc.compiler.deploy.manifest import read_manifest

    if (recording is None) == (data is None) or (samples is not None and data is None):
        raise SnncError(
            BAD_OPTION,
            "--samples is for --data"
            if samples is not None and data is None
            else "one of --events and --data is needed",
            hint="Give --events RECORDING, or --data DATA for arrays and data sets.",
        )
    manifest = read_manifest(out)
    model = open_compiled(out, manifest)
    console = console_for(json_file)
    if recording is not None:
        result = _of_recording(model, manifest, out, recording)
        write_json(result, json_file)
        _show(console, result)
        return
    result = _of_data(model, manifest, out, str(data), split, samples)
    write_json(result, json_file)
    _show_samples(console, result)


def _of_recording(
    model: HostModel, manifest: Mapping[str, Any], out: Path, recording: Path
) -> dict[str, Any]:
    from snnc.api.data.windows import c_events
    from snnc.models.datasets.dataset import check_sensor
    from snnc.models.datasets.readers import read_recording

    given = _input_of(manifest, out)
    events = read_recording(recording)
    check_sensor(events, (given["sensor"][0], given["sensor"][1]))
    model.reset()
    model.run_events(c_events(events))
    return {
        "recording": str(recording),
        **_scored(model, manifest),
        "events": len(events),
        "dropped": int(model.net.dropped),
    }


def _of_data(
    model: HostModel,
    manifest: Mapping[str, Any],
    out: Path,
    data: str,
    split: str,
    samples: int | None,
) -> dict[str, Any]:
    from snnc.api.data.windows import windows
    from snnc.api.data.written import WrittenInput

    every = windows(WrittenInput.of(manifest, out), data, split, samples)
    chosen = every.some(range(min(len(every), samples or DEFAULT_SAMPLES)))
    rows = [_of_window(model, manifest, window) for window in chosen]
    known = [row for row in rows if row["label"] is not None]
    right = sum(row["class"] == row["label"] for row in known)
    accuracy = right / len(known) if known else None
    return {"data": data, "available": len(every), "samples": rows, "accuracy": accuracy}


def _of_window(model: HostModel, manifest: Mapping[str, Any], window: Window) -> dict[str, Any]:
    model.classify(_in_memory(manifest, window))
    return {"sample": window.name, "label": window.label, **_scored(model, manifest)}


def _in_memory(manifest: Mapping[str, Any], window: Window) -> npt.NDArray[Any]:
    """A window's frames as the C takes them."""
    from snnc.compiler.ir import layout
    from snnc.compiler.ir.graph import Kind, TensorType

    given = manifest["input"]
    return layout.frames(TensorType(tuple(given["shape"]), Kind(given["kind"])), window.frames)


def _scored(model: HostModel, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the C says of the window that it ran."""
    from snnc.compiler.ops.readout.time_stack import scores_of_classes

    said = manifest["scores"]
    scores = model.scores() * said["unit"]
    classes = scores_of_classes(scores, said.get("axes"))
    best = int(classes.argmax())
    every = [float(score) for score in scores]
    return {"class": best, "score": float(classes.reshape(-1)[best]), "scores": every}


def _input_of(manifest: Mapping[str, Any], out: Path) -> Mapping[str, Any]:
    given: Mapping[str, Any] = manifest["input"]
    if given.get("dt_us") is None:
        raise SnncError(
            BAD_OPTION,
            "the compiled model takes frames, not events",
            where=str(out),
            hint="Give its frames as --data FILE (.npy, .npz, .h5, .pt) or --data module:factory.",
        )
    return given


def _show(console: Console, result: dict[str, Any]) -> None:
    table = Table("class", "score", "")
    best = max(map(abs, result["scores"])) or 1.0
    for index, score in enumerate(result["scores"]):
        mark = GOOD if index == result["class"] else None
        table.add_row(
            str(index), f"{score:.4f}", "█" * max(0, round(24 * score / best)), style=mark
        )
    console.print(table)
    console.print(
        f"class {result['class']} ({result['events']:,} events, "
        f"{result['dropped']:,} after the last step)"
    )


def _show_samples(console: Console, result: dict[str, Any]) -> None:
    rows = result["samples"]
    labelled = result["accuracy"] is not None
    table = slim_table("sample", numbers=("class", *(["label"] if labelled else []), "score"))
    for row in rows:
        label = ["" if row["label"] is None else str(row["label"])] if labelled else []
        style = GOOD if labelled and row["class"] == row["label"] else None
        table.add_row(row["sample"], str(row["class"]), *label, f"{row['score']:.4f}", style=style)
    console.print(table)
    right = f", accuracy {100 * result['accuracy']:.1f} %" if labelled else ""
    console.print(f"{len(rows):,} of {result['available']:,} samples{right}")
