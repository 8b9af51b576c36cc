"""``snnc verify``: the chain of proof from PyTorch's model to what ships, on recordings."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    page_option,
    split_option,
    target_option,
    write_json,
    write_text,
)
from snnc.commands.weight_types import check_weights, weight_type_options
from snnc.console import progress_bar, styled
from snnc.errors import BAD_OPTION, EXIT_NO, SnncError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snnc.api.compile_settings import CompileSettings
    from snnc.api.data.held import Held
    from snnc.api.data.windows import Windows
    from snnc.compiler.deploy.manifest import Written
    from snnc.compiler.deploy.targets import Target
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.plan.input_buffer import Buffering
    from snnc.compiler.verify import prove
    from snnc.compiler.verify.board import BoardVerifier
    from snnc.compiler.verify.chain.proof import Verification

DEFAULT_SAMPLES = 100
"""Recordings, spread evenly over DATA, unless --samples says how many: enough that a layer which
fires at all in use fires in one of them."""


@click.command()
@model_options
@click.option("--data", help="DATA: recordings to compare on.")
@click.option(
    "--samples",
    type=click.IntRange(1),
    help=f"Use the first N recordings; default: {DEFAULT_SAMPLES}, spread evenly over DATA.",
)
@split_option
@dtype_options
@weight_type_options
@target_option
@density_option
@buffering_options
@click.option("--max-ram", type=Size(), help="Budget of memory, as for compile.")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    help="Verify the model compiled for N threads, also against one; default: as --compiled, or 1.",
)
@click.option(
    "--stress/--no-stress",
    default=True,
    show_default=True,
    help="Also run synthetic inputs that make every layer fire.",
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(0.0, 1.0),
    default=0.95,
    show_default=True,
    help="Share of recordings of which int8 must give the class that PyTorch's float model gives.",
)
@click.option(
    "--compiled",
    "folder",
    type=click.Path(path_type=Path),
    help="Verify this folder (from snnc compile, for the same target) as it stands, and record "
    "the proof in its manifest.",
)
@page_option
@json_option
def command(
    model: ModelChoice,
    data: str,
    samples: int | None,
    split: str,
    dtype: str,
    calibrate: str | None,
    calibrate_samples: int | None,
    weight_type: str,
    max_accuracy_loss: float | None,
    target: str,
    density: float | None,
    buffering: Buffering,
    max_ram: int | None,
    threads: int | None,
    stress: bool,
    min_agreement: float,
    folder: Path | None,
    out: Path | None,
    json_file: str | None,
) -> None:
    """Prove on DATA that what ships of MODEL computes what PyTorch computes.

    PROVEN is a chain: the graph that was read gives the model's numbers; every spike, potential
    and output of the C is the graph's within the rounding bound (--dtype int8: bit for bit); every
    way in gives the same bits; the library that ships is what was verified; every counted
    operation was executed. Exit status 1 if a link does not hold. What the recordings say nothing
    about, such as a layer that never fires, is named: PROVEN, except.
    """
    from snnc.api.compile_settings import CompileSettings
    from snnc.api.kernels import recorded
    from snnc.compiler.deploy.firmware import arena_limit
    from snnc.compiler.deploy.manifest import Written
    from snnc.compiler.deploy.targets import target_named
    from snnc.compiler.verify import prove
    from snnc.compiler.verify.chain.terminal import show

    check_dtype(dtype, calibrate, calibrate_samples, chooses_kernels=True)
    check_weights(weight_type, max_accuracy_loss, dtype)
    core = None if target == "host" else target_named(target)
    written = None if folder is None else Written.read(folder)
    manifest = None if written is None else written.manifest
    threads = _threads(threads, manifest, dtype, target)
    source = model.load(name=None if manifest is None else manifest["name"])
    limit, order = (max_ram, None) if core is None else (arena_limit(core, max_ram), core.order)
    settings = CompileSettings(
        *(dtype, calibrate, calibrate_samples, density, limit, buffering),
        threads=threads,
        kernels=None if manifest is None or dtype == "int8" else recorded(manifest),
        order=order,
        **_weight_types(manifest, weight_type, max_accuracy_loss),
    )
    recordings = _recordings(source, data, split, samples, core)
    thoroughly = prove.ProofSettings(stress, min_agreement)
    if core is None:
        result = _on_host(source, settings, thoroughly, written, recordings)
    else:
        verifier = _board_verifier(source, settings, written, core, max_ram)
        with progress_bar() as bar:
            result = verifier.prove(bar.track(recordings, description="verifying"), thoroughly)
    console = console_for(json_file)
    write_json(result.as_json(), json_file)
    show(console, model.spec, result)
    _write_page(out, result, model.spec, data)
    if written is not None:
        _keep(console, written, result, data)
    if not result.passed:
        sys.exit(EXIT_NO)


def _weight_types(
    manifest: Mapping[str, Any] | None, weight_type: str, max_accuracy_loss: float | None
) -> dict[str, Any]:
    """The settings of weights' types: as a folder has them, whoever chose them."""
    from snnc.api.kernels import recorded_types

    if manifest is not None:
        return {"weight_types": recorded_types(manifest)}
    return {"weight_types": weight_type, "max_accuracy_loss": max_accuracy_loss}


def _write_page(out: Path | None, result: Verification, model: str, data: str) -> None:
    from snnc.compiler.verify.chain.page import proof_page

    if out is not None:
        write_text(proof_page(result, model, data), str(out))


def _keep(
    console: Console,
    written: Written,
    result: Verification,
    data: str,
) -> None:
    """Record the proof in the folder's manifest, or say why it cannot be."""
    from snnc.compiler.verify.chain.terminal import DOUBTFUL
    from snnc.compiler.verify.shipped.artefact import record

    try:
        record(written.folder, written.manifest, result, data)
    except SnncError as error:
        console.print(styled(f"the proof is not recorded: {error.where}: {error.what}", DOUBTFUL))


def _recordings(
    source: SourceModel, data: str, split: str, samples: int | None, core: Target | None
) -> Windows | Held:
    """The first recordings; by default, and on boards, some spread evenly."""
    from snnc.api.data.windows import spread, windows

    if samples is not None and core is None:
        return windows(source, data, split, samples)
    every = windows(source, data, split, None)
    return every.some(spread(len(every), min(samples or DEFAULT_SAMPLES, len(every))))


def _threads(given: int | None, manifest: Mapping[str, Any] | None, dtype: str, target: str) -> int:
    """Threads of the model: as asked for, which must be as in the folder.

    Raises:
        SnncError: BAD_OPTION.
    """
    there = 1 if manifest is None else int(manifest["options"].get("threads", 1))
    if given is None:
        return there
    if given > 1 and (dtype == "int8" or target != "host"):
        raise SnncError(
            BAD_OPTION,
            "--threads is for float32 on this machine",
            hint="Leave it out, or verify with --dtype f32 --target host.",
        )
    if manifest is not None and given != there:
        raise SnncError(
            BAD_OPTION,
            f"the folder was compiled for {there} threads, and --threads {given} was asked for",
            hint=f"Give --threads {there}, or leave it out.",
        )
    return given


def _on_host(
    source: SourceModel,
    settings: CompileSettings,
    thoroughly: prove.ProofSettings,
    written: Written | None,
    recordings: Windows | Held,
) -> Verification:
    """Verify a folder for this machine; without one, what ``snnc compile`` would write."""
    from snnc.api.in_memory import compiled
    from snnc.compiler.deploy import folder as artifact
    from snnc.compiler.deploy.manifest import Written
    from snnc.compiler.verify import prove

    compilation, choice = compiled(source, settings)
    if settings.threads > 1:
        single, _ = compiled(source, replace(settings, threads=1))
        thoroughly = replace(thoroughly, single=single)
    with scratch_folder() as scratch, progress_bar() as bar:
        if written is None:
            report = None if choice is None else choice.report
            artifact.write(scratch / "out", source, compilation, choice=report)
            written = Written.read(scratch / "out")
        windows = bar.track(recordings, description="verifying")
        return prove.prove(source.module, compilation, written, windows, scratch, thoroughly)


def _board_verifier(
    source: SourceModel,
    settings: CompileSettings,
    written: Written | None,
    core: Target,
    max_ram: int | None,
) -> BoardVerifier:
    """What verifies firmware on the emulated board; with the C of a folder, if one was given."""
    from snnc.api.in_memory import compiled
    from snnc.compiler.deploy.compiled import with_c_of
    from snnc.compiler.deploy.firmware import check_model
    from snnc.compiler.verify.board import BoardVerifier
    from snnc.compiler.verify.shipped.artefact import check_files

    compilation, _ = compiled(source, settings)
    if written is not None:
        compilation = with_c_of(compilation, written.folder, written.manifest, core.name)
    check_model(compilation, core)
    verifier = BoardVerifier(source.module, compilation, core, max_ram)
    if written is not None:
        check_files(written.folder, written.manifest, verifier.result)
    return verifier
