"""``snnc verify``: the C against PyTorch on recordings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from snnc.atomic import scratch_folder
from snnc.commands.memory import Size, buffering_options
from snnc.commands.options import (
    ModelChoice,
    check_dtype,
    console_for,
    density_option,
    dtype_options,
    json_option,
    model_options,
    progress_bar,
    samples_option,
    split_option,
    target_option,
    write_json,
)
from snnc.console import BAD, GOOD, slim_table, styled
from snnc.errors import EXIT_NO

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snnc.compiler.compilation import Compilation
    from snnc.compiler.deploy.firmware import Vector
    from snnc.compiler.deploy.targets import Target
    from snnc.compiler.plan.input_buffer import Buffering
    from snnc.compiler.verify.float_judge import Verification


@click.command()
@model_options
@click.option("--data", required=True, help="DATA: recordings to compare on.")
@samples_option
@split_option
@dtype_options
@target_option
@density_option
@buffering_options
@click.option("--max-ram", type=Size(), help="Budget of memory, as for compile.")
@click.option(
    "--compiled",
    "folder",
    type=click.Path(path_type=Path),
    help="Verify the C in this folder (from snnc compile, for the same target) as it stands.",
)
@json_option
def command(
    model: ModelChoice,
    data: str,
    samples: int | None,
    split: str,
    dtype: str,
    calibrate: str | None,
    calibrate_samples: int | None,
    target: str,
    density: float | None,
    buffering: Buffering,
    max_ram: int | None,
    folder: Path | None,
    json_file: str | None,
) -> None:
    """Prove on DATA that the C of MODEL fires PyTorch's spikes.

    Every layer runs on PyTorch's own input spikes, every step is compared, and every executed
    operation is counted. A difference must be explained by the rounding bound of its sum. With
    --dtype int8 the C must equal the PyTorch integer reference bit for bit: values and membrane
    potentials of every layer and step, and scores. Exit status 1 if a difference is left, or if a
    count differs.
    """
    from snnc.commands.compiling import Manner, compiled
    from snnc.commands.windows import test_vectors, windows
    from snnc.compiler.deploy.compiled import with_c_of
    from snnc.compiler.deploy.firmware import arena_limit, check_model
    from snnc.compiler.deploy.manifest import read_manifest
    from snnc.compiler.deploy.targets import target_named
    from snnc.compiler.verify.float_judge import Verifier
    from snnc.compiler.verify.integer import IntegerVerifier

    check_dtype(dtype, calibrate, calibrate_samples, chooses_kernels=True)
    core = None if target == "host" else target_named(target)
    manifest = None if folder is None else read_manifest(folder)
    source = model.load(name=None if manifest is None else manifest["name"])
    limit, order = (max_ram, None) if core is None else (arena_limit(core, max_ram), core.order)
    manner = Manner(dtype, calibrate, calibrate_samples, density, limit, buffering, order=order)
    compilation, _ = compiled(source, manner)
    if folder is not None and manifest is not None:
        compilation = with_c_of(compilation, folder, manifest, target)
    if core is not None:
        check_model(compilation, core)
        vectors = test_vectors(source, compilation, data, split, samples)
        _on_board(compilation, core, vectors, max_ram, json_file)
        return
    recordings = windows(source, data, split, samples)
    with scratch_folder() as scratch, progress_bar() as bar:
        method = IntegerVerifier if dtype == "int8" else Verifier
        verifier = method(source.module, compilation, scratch)
        for window in bar.track(recordings, description="verifying"):
            verifier.verify(window.frames, window.label)
    write_json(verifier.result.as_json(), json_file)
    _show(console_for(json_file), model.spec, verifier.result)
    if not verifier.result.passed:
        sys.exit(EXIT_NO)


def _on_board(
    compilation: Compilation,
    core: Target,
    vectors: Iterable[Vector],
    max_ram: int | None,
    json_file: str | None,
) -> None:
    from snnc.compiler.verify.board import verify_on_board

    result = verify_on_board(compilation, core, vectors, max_ram)
    write_json(result.as_json(), json_file)
    console = console_for(json_file)
    console.print(
        f"{result.samples} recordings, {result.time_steps} steps on {result.board} "
        f"({result.target}): {result.compared:,} digests and scores compared, "
        f"{result.stack:,} bytes of stack used"
    )
    for failure in result.failures:
        console.print(styled(failure, BAD))
    console.print(styled("PROVEN", GOOD) if result.passed else styled("NOT EQUAL", BAD))
    if not result.passed:
        sys.exit(EXIT_NO)


def _show(console: Console, model: str, result: Verification) -> None:
    columns = ("compared", "differ", "explained by rounding", "unexplained")
    title = f"{model}: {result.samples} recordings, {result.time_steps} steps"
    table = slim_table("layer", numbers=columns, title=title)
    for layer in result.layers:
        numbers = (layer.compared, layer.mismatches, layer.explained, layer.unexplained)
        style = BAD if layer.unexplained else None
        table.add_row(layer.name, *(f"{number:,}" for number in numbers), style=style)
    for output in result.outputs:
        numbers = (output.compared, output.mismatches, output.explained, output.unexplained)
        style = BAD if output.unexplained else None
        table.add_row(f"output {output.name}", *(f"{n:,}" for n in numbers), style=style)
    console.print(table)
    console.print(f"same class on {result.same_class} of {result.samples} recordings")
    if result.labelled:
        right = result.right
        console.print(
            f"accuracy: PyTorch {right['pytorch']}/{result.labelled}, "
            f"C {right['c']}/{result.labelled}"
        )
    console.print(
        f"operation counts: {result.counted_nodes} compared with the executed ones, "
        f"{len(result.count_mismatches)} differ"
    )
    for line in result.count_mismatches[:5]:
        console.print(f"  {line}")
    first = result.first_divergence
    if first is not None:
        clears = "" if first.margin is None else f", {first.margin:+.3g} from the threshold"
        said = (
            f"first unexplained difference: layer {first.layer}, step {first.step}, "
            f"neuron {list(first.neuron)}, recording {first.sample}{clears}"
        )
        console.print(styled(said, BAD))
    console.print(styled("PROVEN", GOOD) if result.passed else styled("NOT EQUAL", BAD))
