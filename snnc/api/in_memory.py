"""Compiling a model in memory, its kernels chosen where that was asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from snnc.api.compile_settings import CompileSettings
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snnc.api.kernels import Choice
    from snnc.compiler.calibrate.int4_layers import Bearable
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.passes.pipeline import Watch
    from snnc.models.encoders import Numbers


def compiled(
    source: SourceModel, settings: CompileSettings, watch: Watch | None = None
) -> tuple[Compilation, Choice | None]:
    """The compiled model, and how its kernels were chosen where they were.

    ``watch`` is shown the graph after every pass.

    Raises:
        SnncError: as :func:`snnc.compiler.compilation.compile_graph`, what reading DATA raises,
            BAD_OPTION.
    """
    from snnc.api import kernels
    from snnc.compiler.compilation import compile_graph
    from snnc.compiler.plan.input_buffer import WINDOW

    if settings.tune is not None:
        _check_tune(settings)
    compile_source = partial(
        compile_graph,
        source.graph(),
        source.framing,
        arena_bytes=settings.arena_bytes,
        buffering=settings.buffering or WINDOW,
        threads=1 if settings.tune else settings.threads,
        batch=settings.steps_at_once,
        order=settings.order,
        weights=settings.weights,
        watch=watch,
    )
    if settings.dtype == "int8":
        from snnc.api.data.windows import calibration_windows  # brings the readers of recordings
        from snnc.compiler.ops.int8.weight_types import named, parsed

        ranges: Iterable[Numbers] = calibration_windows(
            source, settings.calibrate, settings.calibrate_samples, batch_first=settings.batch_first
        )
        compile_source = partial(compile_source, int4=parsed(settings.weight_types))
        if settings.max_accuracy_loss is not None:
            ranges = list(ranges)
            chosen = _bearable(source, ranges, settings.max_accuracy_loss)
            compile_source = partial(compile_source, int4=named(chosen.layers), bearable=chosen)
        if settings.tune is None:
            return compile_source(calibration=ranges), None
        compile_source = partial(compile_source, calibration=list(ranges))
    if settings.tune is not None and settings.calibrate is not None:
        measured = kernels.tune(
            source,
            compile_source(watch=None),
            settings.calibrate,
            settings.tune,
            settings.threads,
            batch_first=settings.batch_first,
        )
        return compile_source(**measured.how), measured.choice
    if settings.kernels is not None:
        return compile_source(kernels=partial(kernels.as_recorded, kernels=settings.kernels)), None
    compilation = compile_source()
    choice = kernels.choose(
        source, compilation, settings.calibrate, settings.density, batch_first=settings.batch_first
    )
    if choice is not None:
        compilation = compile_source(kernels=choice.kernels)
    return compilation, choice


def _bearable(source: SourceModel, windows: Sequence[Numbers], loss: float) -> Bearable:
    """The layers whose weights can be int4."""
    from snnc.compiler.calibrate.int4_layers import bearable
    from snnc.compiler.passes import pipeline

    return bearable(pipeline.optimised(source.graph()), windows, loss)


def _check_tune(settings: CompileSettings) -> None:
    """Raise SnncError (BAD_OPTION) where there are no recordings to time, or something else than
    the time is to choose."""
    if settings.calibrate is None:
        raise SnncError(
            BAD_OPTION,
            "--tune times the network on recordings, and there are none",
            hint="Name them by --calibrate.",
        )
    if (
        settings.density is not None
        or settings.arena_bytes is not None
        or settings.order is not None
    ):
        raise SnncError(
            BAD_OPTION,
            "--tune chooses by measurement on this machine, and cannot be combined with --density, "
            "--max-ram, --target or --package",
            hint="Leave these out.",
        )
