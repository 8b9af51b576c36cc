"""``snnc compile``: a model to a folder of C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from snnc.commands.options import (
    ModelChoice,
    Size,
    check_dtype,
    console_for,
    dtype_options,
    json_option,
    model_options,
    target_option,
    write_json,
)


@click.command()
@model_options
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The folder to write."
)
@dtype_options
@target_option
@click.option("--max-flash", type=Size(), help="Most flash for code and constants: 512K, 1M.")
@click.option("--max-ram", type=Size(), help="Most RAM for arena and stack (host: arena): 64K.")
@click.option("--vectors", metavar="DATA", help="Recordings in the firmware; default: --calibrate.")
@click.option(
    "--vector-samples",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many test recordings the firmware carries.",
)
@click.option(
    "--density",
    type=click.FloatRange(0.0, 1.0),
    help="Choose kernels (f32) as if every layer's spikes were this dense.",
)
@click.option("--instrument", is_flag=True, help="Count every executed operation.")
@json_option
def command(
    model: ModelChoice,
    out: Path,
    dtype: str,
    calibrate: str | None,
    calibrate_samples: int | None,
    target: str,
    max_flash: int | None,
    max_ram: int | None,
    vectors: str | None,
    vector_samples: int,
    density: float | None,
    instrument: bool,
    json_file: str | None,
) -> None:
    """Compile MODEL to event-driven C in the folder OUT.

    OUT gets the C, the runtime's headers, a shared library and manifest.json; for a
    microcontroller a project instead of the library: `make` builds an ELF for an emulated board,
    `make run` compares it with the integer reference. OUT appears whole or not at all.

    --calibrate names training data: with int8 they set the ranges, with f32 they choose kernels.
    Layers are event-driven, unless --calibrate or --density shows that the dense kernel is faster.
    """
    from snnc.commands import kernels
    from snnc.commands.windows import calibration_windows, test_vectors
    from snnc.compiler import artifact, firmware
    from snnc.compiler.compilation import compile_graph
    from snnc.compiler.ops.int8.rows import PLAIN
    from snnc.compiler.targets import target_named

    check_dtype(dtype, calibrate, calibrate_samples, chooses_kernels=True)
    core = None if target == "host" else target_named(target)
    console = console_for(json_file)
    with Console(stderr=True).status("importing the model") as status:
        source = model.load()
        status.update("compiling to C")
        limit = max_ram if core is None else firmware.arena_limit(core, max_ram)
        choice = None
        if dtype == "int8":
            ranges = calibration_windows(source, calibrate or "", calibrate_samples)
            compilation = compile_graph(
                source.graph(),
                source.framing,
                calibration=ranges,
                arena_bytes=limit,
                order=PLAIN if core is None else core.order,
            )
        else:
            compilation = compile_graph(source.graph(), source.framing, arena_bytes=limit)
            choice = kernels.choose(source, compilation, calibrate, density)
        if choice is not None:
            compilation = compile_graph(
                source.graph(), source.framing, arena_bytes=limit, kernels=choice.kernels
            )
        firmware.check_flash(compilation, max_flash)
        status.update("compiling the C")
        if core is None:
            report = None if choice is None else choice.report
            manifest = artifact.write(
                out, source, compilation, instrument=instrument, choice=report
            )
        else:
            recordings = vectors or calibrate or ""
            embedded = list(test_vectors(source, compilation, recordings, "test", vector_samples))
            manifest = artifact.write_firmware(
                out, source, compilation, core, embedded, max_flash, max_ram
            )
    write_json(manifest, json_file)
    _show(console, out, manifest)
    if choice is not None:
        kernels.show(console, choice.report)


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
        f"{_where(manifest)}"
    )
    flash = memory["flash"]
    console.print(
        f"flash {_kib(flash) if flash is not None else 'not measured'} "
        f"(weights {_kib(memory['weights'])}), "
        f"arena {_kib(memory['ram']['arena'])} "
        f"(least possible {_kib(memory['arena_lower_bound'])}), "
        f"stack {_kib(stack) if stack is not None else 'not reported'}"
    )
    if memory["recomputed"]:
        console.print(f"recomputed instead of stored: {', '.join(memory['recomputed'])}")


def _where(manifest: dict[str, Any]) -> str:
    if manifest["target"] == "host":
        return f"vector code {manifest['versions']['vector']}"
    return f"{manifest['target']}, board {manifest['board']}"


def _kib(size: int) -> str:
    return f"{size / 1024:,.1f} KiB"
