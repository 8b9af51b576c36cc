"""``snnc compile``: a model to a folder of C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from snnc.commands.options import (
    check_dtype,
    console_for,
    dtype_options,
    json_option,
    model_options,
    one_of,
    write_json,
)


@click.command()
@model_options
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The folder to write."
)
@dtype_options
@click.option("--target", default="host", show_default=True, help="Where the C will run.")
@click.option("--instrument", is_flag=True, help="Count every executed operation.")
@json_option
def command(
    model: str,
    name: str | None,
    weights: Path | None,
    input_shape: tuple[int, ...] | None,
    time_steps: int | None,
    out: Path,
    dtype: str,
    calibrate: str | None,
    calibrate_samples: int | None,
    target: str,
    instrument: bool,
    json_file: str | None,
) -> None:
    """Compile MODEL to event-driven C in the folder OUT.

    OUT gets the C, the runtime's headers, a shared library and manifest.json; it appears whole or
    not at all.
    """
    from snnc.commands.windows import calibration_windows
    from snnc.compiler import artifact
    from snnc.compiler.compilation import compile_graph
    from snnc.compiler.frontend.source import load_source

    check_dtype(dtype, calibrate, calibrate_samples)
    one_of(target, ["host"], "--target")
    console = console_for(json_file)
    with Console(stderr=True).status("importing the model") as status:
        source = load_source(
            model, weights=weights, input_shape=input_shape, time_steps=time_steps, name=name
        )
        status.update("compiling to C")
        data = calibration_windows(source, calibrate, calibrate_samples) if calibrate else None
        compilation = compile_graph(source.graph(), source.framing, data)
        status.update("compiling the C")
        manifest = artifact.write(out, source, compilation, instrument=instrument)
    write_json(manifest, json_file)
    _show(console, out, manifest)


def _show(console: Console, out: Path, manifest: dict[str, Any]) -> None:
    table = Table("layer", "op", "shape", "kind", "kernel")
    for layer in manifest["layers"]:
        shape = "×".join(map(str, layer["shape"]))
        steps = "T×" if layer["temporal"] else ""
        table.add_row(
            layer["name"], layer["op"], steps + shape, layer["kind"], layer.get("kernel", "")
        )
    console.print(table)
    memory = manifest["memory"]
    stack = memory["ram"]["stack"]
    console.print(
        f"{out}/{manifest['name']}.c: T {manifest['time_steps']}, {manifest['classes']} classes, "
        f"{'streams' if manifest['streams'] else 'needs the whole window'}, "
        f"vector code {manifest['versions']['vector']}"
    )
    console.print(
        f"flash {_kib(memory['flash'])} (weights {_kib(memory['weights'])}), "
        f"arena {_kib(memory['ram']['arena'])} "
        f"(least possible {_kib(memory['arena_lower_bound'])}), "
        f"stack {_kib(stack) if stack is not None else 'not reported'}"
    )


def _kib(size: int) -> str:
    return f"{size / 1024:,.1f} KiB"
