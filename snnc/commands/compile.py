"""``snnc compile``: a model to a folder of C."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.commands.memory import Size, buffering_options, show_memory
from snnc.commands.options import (
    ModelChoice,
    check_dtype,
    console_for,
    density_option,
    dtype_options,
    json_option,
    model_options,
    target_option,
    write_json,
)
from snnc.commands.weight_types import check_weights, weight_type_options
from snnc.compiler.deploy.package_kinds import KINDS, TEXT_ONLY
from snnc.console import Terminal, slim_table
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from collections.abc import Callable

    from snnc.api.compile_settings import CompileSettings
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.deploy.targets import Target
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.plan.input_buffer import Buffering


@dataclass(frozen=True)
class _Wanted:
    """What the options say, by their names."""

    model: ModelChoice
    out: Path
    dtype: str
    calibrate: str | None
    calibrate_samples: int | None
    weight_type: str
    max_accuracy_loss: float | None
    target: str
    buffering: Buffering
    package: str | None
    store_weights: str | None
    max_flash: int | None
    max_ram: int | None
    vectors: str | None
    vector_samples: int
    density: float | None
    threads: int
    tune: float | None
    march: str
    instrument: bool
    dump_ir: Path | None
    json_file: str | None

    @cached_property
    def core(self) -> Target | None:
        """The microcontroller; None: this machine."""
        from snnc.compiler.deploy.targets import target_named

        return None if self.target == "host" else target_named(self.target)

    @property
    def settings(self) -> CompileSettings:
        """How the model becomes C."""
        from snnc.api.compile_settings import CompileSettings
        from snnc.compiler.deploy import firmware
        from snnc.compiler.ops.int8.synapses.rows import OWN

        limit = self.max_ram
        order = OWN if self.package else None
        if self.core is not None:
            limit, order = firmware.arena_limit(self.core, self.max_ram), self.core.order
        return CompileSettings(
            self.dtype,
            self.calibrate,
            self.calibrate_samples,
            self.density,
            limit,
            self.buffering,
            self.threads,
            tune=self.tune,
            order=order,
            weights="text" if self.package in TEXT_ONLY else self.store_weights,
            weight_types=self.weight_type,
            max_accuracy_loss=self.max_accuracy_loss,
        )

    def check(self) -> None:
        """Raise SnncError (BAD_OPTION) for options that mean nothing beside each other."""
        check_dtype(self.dtype, self.calibrate, self.calibrate_samples, chooses_kernels=True)
        check_weights(self.weight_type, self.max_accuracy_loss, self.dtype)
        if self.threads > 1 and (self.dtype == "int8" or self.target != "host"):
            raise SnncError(
                BAD_OPTION,
                "--threads is for float32 on this machine",
                hint="Leave it out, or compile with --dtype f32 --target host.",
            )
        any_core = self.dtype if self.core is None else None
        _check_package(self.package, any_core, self.instrument, self.store_weights)
        if self.march != "any" and (self.target != "host" or self.package is not None):
            raise SnncError(
                BAD_OPTION,
                "--march is for the shared library of this machine",
                hint="Leave it out beside --target and --package: there the build system has "
                "flags.",
            )


@click.command()
@model_options
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The folder to write."
)
@dtype_options
@weight_type_options
@target_option
@buffering_options
@click.option(
    "--package",
    type=click.Choice(KINDS),
    help="Lay the C out for a build system instead of compiling it: for the core that --target "
    "names, or for any, whose kernels the compiler's macros choose.",
)
@click.option(
    "--store-weights",
    type=click.Choice(["text", "binary"]),
    help="Large arrays in the C, or in a file that the assembler takes in (.incbin); "
    "default: binary above 16 MiB.",
)
@click.option(
    "--max-flash",
    type=Size(),
    help="Most flash for code and constants (host: of all levels): 512K, 1M.",
)
@click.option("--max-ram", type=Size(), help="Most RAM for arena and stack (host: arena): 64K.")
@click.option("--vectors", metavar="DATA", help="Recordings in the firmware; default: --calibrate.")
@click.option(
    "--vector-samples",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many test recordings the firmware carries.",
)
@density_option
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Threads that share each convolution (f32, host); the scores are the same for any number.",
)
@click.option(
    "--tune",
    type=click.FloatRange(min=1.0),
    metavar="SECONDS",
    help="Choose by measurement on this machine: time layers and whole networks on recordings of "
    "--calibrate with either kernel (f32), other numbers of steps at once and up to --threads "
    "threads, in so many seconds, and keep the fastest; the bits are the same.",
)
@click.option(
    "--march",
    type=click.Choice(["any", "native"]),
    default="any",
    show_default=True,
    help="A shared library that runs on any processor of this architecture and chooses its fastest "
    "code there, or one for this kind of processor only; the bits are the same.",
)
@click.option("--instrument", is_flag=True, help="Count every executed operation.")
@click.option(
    "--dump-ir",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the graph after every pass, the schedule, the program and the arena to DIR.",
)
@json_option
def command(model: ModelChoice, **options: Any) -> None:
    """Compile MODEL to event-driven C in the folder OUT.

    OUT gets the C, the runtime's headers, a shared library and manifest.json; for a
    microcontroller a project instead of the library: `make` builds an ELF for an emulated board,
    `make run` compares it with the integer reference. OUT appears whole or not at all, and of what
    lies there only files that snnc wrote are replaced; one that was edited since is refused.

    For a core whose cycles are known, cycles, time and energy of the recordings are printed (in the
    JSON as "estimate"); else one sentence says why not.

    --calibrate names training data: with int8 they set the ranges, with f32 they choose kernels.
    Layers are event-driven, unless --calibrate or --density shows that the dense kernel is faster,
    or --tune measures it.
    """
    from snnc.api.in_memory import compiled
    from snnc.compiler.deploy.footprint import check_flash
    from snnc.compiler.dump.recorder import Recorder

    wanted = _Wanted(model, **options)
    wanted.check()
    console = console_for(wanted.json_file)
    with Terminal(stderr=True).status("importing the model") as status:
        source = wanted.model.load()
        status.update("compiling to C")
        recorder = None if wanted.dump_ir is None else Recorder()
        compilation, choice = compiled(source, wanted.settings, recorder)
        if recorder is not None and wanted.dump_ir is not None:
            recorder.write(wanted.dump_ir, compilation.graph, compilation.planned)
        check_flash(compilation, wanted.max_flash)
        status.update("compiling the C")
        report = None if choice is None else choice.report
        manifest = _write(wanted, source, compilation, report, status.update)
    write_json(manifest, wanted.json_file)
    if reason := wanted.model.why_renamed():
        console.print(f"The model is called {source.name} in C: {reason}.")
    _show(console, wanted.out, manifest)
    if report is not None:
        _show_choice(console, report)


def _write(
    wanted: _Wanted,
    source: SourceModel,
    compilation: Compilation,
    report: dict[str, Any] | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write the folder, and give its manifest. ``report``: how kernels were chosen, if at all."""
    from snnc.commands.compile_time import time_of
    from snnc.compiler.deploy import firmware
    from snnc.compiler.deploy import folder as artifact

    out, core = wanted.out, wanted.core
    if wanted.package is not None:
        return artifact.write_package(out, source, compilation, wanted.package, core)
    if core is None:
        library = artifact.Library(wanted.march, wanted.instrument, wanted.max_flash)
        return artifact.write(out, source, compilation, library, choice=report)
    firmware.check_model(compilation, core)
    from snnc.api.data.windows import test_vectors  # which brings the readers of recordings

    recordings = wanted.vectors or wanted.calibrate or ""
    carried = list(test_vectors(source, compilation, recordings, "test", wanted.vector_samples))
    budget = artifact.Budget(wanted.max_flash, wanted.max_ram)
    manifest = artifact.write_firmware(out, source, compilation, core, carried, budget)
    say("counting instructions")
    return manifest | time_of(compilation, core, carried)


def _check_package(
    package: str | None, any_core: str | None, instrument: bool, weights: str | None
) -> None:
    """Raise SnncError (BAD_OPTION) for options that mean nothing beside --package.

    ``any_core``: the arithmetic of a package that is for no core in particular.
    """
    if package in TEXT_ONLY and weights == "binary":
        raise SnncError(
            BAD_OPTION,
            f"the build system of a {package} package does not say where its files lie, so the "
            "assembler cannot find binary weights",
            hint="Leave --store-weights out, or use --package cmake or platformio.",
        )
    if package is not None and any_core == "int8" and weights == "binary":
        raise SnncError(
            BAD_OPTION,
            "binary weights have the order that one core wants, and the package is for any core",
            hint="Name the core with --target, or leave --store-weights out.",
        )
    if package is not None and instrument:
        raise SnncError(
            BAD_OPTION,
            "--package cannot be combined with --instrument",
            hint="A package is source code; compile it with -DSNN_INSTRUMENT to count.",
        )


def _show(console: Console, out: Path, manifest: dict[str, Any]) -> None:
    table = slim_table("layer", "op", "shape", "kind", "kernel")
    for layer in manifest["layers"]:
        shape = "×".join(map(str, layer["shape"]))
        steps = "T×" if layer["temporal"] else ""
        table.add_row(
            layer["name"], layer["op"], steps + shape, layer["kind"], layer.get("kernel", "")
        )
    console.print(table)
    console.print(
        f"{out} ({manifest['name']}): T {manifest['time_steps']}, {manifest['classes']} classes, "
        f"{'streams' if manifest['streams'] else 'needs the whole window'}, "
        f"{_where(manifest)}"
    )
    show_memory(console, manifest["memory"])
    for line in manifest.get("said", ()):
        console.print(line)


def _where(manifest: dict[str, Any]) -> str:
    if manifest["target"] == "host":
        return f"vector code {', '.join(manifest['options']['levels'])}"
    if "board" not in manifest:
        return str(manifest["target"])
    return f"{manifest['target']}, board {manifest['board']}"


def _show_choice(console: Console, report: dict[str, Any]) -> None:
    if report["by"] == "measurement":
        _show_measured(console, report)
    else:
        _show_kernels(console, report)


def _show_measured(console: Console, report: dict[str, Any]) -> None:
    """Print the milliseconds of each layer's kernels, and those of the whole networks."""
    table = slim_table("layer", numbers=("event ms", "dense ms", "kernel"), title="kernels")
    for layer in report["layers"]:
        times = layer["milliseconds"]
        table.add_row(layer["name"], *(f"{time:.3f}" for time in times.values()), layer["kernel"])
    if report["layers"]:
        console.print(table)
    columns = ("steps at once", "threads", "least ms", "rounds")
    table = slim_table("dense layers", numbers=columns, title="whole networks")
    for each in report["variants"]:
        numbers = each["steps_at_once"], each["threads"], f"{each['least_ms']:.3f}", each["rounds"]
        mark = " (chosen)" if each["chosen"] else ""
        table.add_row((", ".join(each["dense"]) or "none") + mark, *map(str, numbers))
    console.print(table)
    if report["left_out"]:
        console.print(f"not measured, the time was up: {'; '.join(report['left_out'])}")


def _show_kernels(console: Console, report: dict[str, Any]) -> None:
    """Print the choice and the density at which each layer would change its kernel."""
    columns = ("input density", "dense above", "kernel")
    table = slim_table("layer", numbers=columns, title="kernels")
    for layer in report["layers"]:
        crossing = layer["crossover"]
        above = "never" if crossing is None else f"{crossing:.3f}"
        table.add_row(layer["name"], f"{layer['density']:.3f}", above, layer["kernel"])
    console.print(table)
    if not report["fitted_here"]:
        console.print(
            f"chosen with prices fitted on {report['prices_of']}; "
            "`snnc bench MODEL --data DATA --fit` fits them on this machine"
        )
