"""Compiling a model in memory as the command line says: type of arithmetic, memory, kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from snnc.api.data.held import Data
    from snnc.api.kernels import Choice
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.passes.pipeline import Watch
    from snnc.compiler.plan.input_buffer import Buffering


@dataclass(frozen=True)
class Manner:
    """How to compile.

    Attributes:
        dtype: f32 or int8.
        calibrate: DATA, or what Python holds, whose training part sets ranges (int8) or chooses
            kernels (f32).
        calibrate_samples: how many recordings of it (int8).
        density: choose kernels (f32) as if spikes were this dense.
        arena_bytes: most bytes of arena.
        buffering: how events wait for their steps; None: a whole window of frames.
        threads: how many share each convolution (f32).
        batch: most steps that a layer works on at once where a whole window is run; None: as many
            as pay on a host, 1 for a core, for any core, or in a limited arena.
        tune: seconds in which kernels, ``batch`` and up to ``threads`` threads are chosen by
            measurement on recordings of calibrate.
        kernels: those of layers by name, as a folder records them; they are not chosen then.
        order: of int8 weights in memory (``Target.order``); None: the host's.
        weights: text or binary; None: by their size.
        batch_first: samples in calibrate, in the layout of forward, are [1, T, ...].
    """

    dtype: str = "f32"
    calibrate: Data | None = None
    calibrate_samples: int | None = None
    density: float | None = None
    arena_bytes: int | None = None
    buffering: Buffering | None = None
    threads: int = 1
    batch: int | None = None
    tune: float | None = None
    kernels: Mapping[str, str] | None = None
    order: str | None = None
    weights: str | None = None
    batch_first: bool = False

    @property
    def steps_at_once(self) -> int:
        """``batch``, or what it is where nobody said."""
        from snnc.compiler.plan.batches import MOST_STEPS

        if self.batch is not None:
            return self.batch
        return MOST_STEPS if self.order is None and self.arena_bytes is None else 1


def compiled(
    source: SourceModel, manner: Manner, watch: Watch | None = None
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

    if manner.tune is not None:
        _check_tune(manner)
    compile_source = partial(
        compile_graph,
        source.graph(),
        source.framing,
        arena_bytes=manner.arena_bytes,
        buffering=manner.buffering or WINDOW,
        threads=1 if manner.tune else manner.threads,
        batch=manner.steps_at_once,
        order=manner.order,
        weights=manner.weights,
        watch=watch,
    )
    if manner.dtype == "int8":
        from snnc.api.data.windows import calibration_windows  # brings the readers of recordings

        ranges = calibration_windows(
            source, manner.calibrate, manner.calibrate_samples, batch_first=manner.batch_first
        )
        if manner.tune is None:
            return compile_source(calibration=ranges), None
        compile_source = partial(compile_source, calibration=list(ranges))
    if manner.tune is not None and manner.calibrate is not None:
        measured = kernels.tune(
            source,
            compile_source(watch=None),
            manner.calibrate,
            manner.tune,
            manner.threads,
            batch_first=manner.batch_first,
        )
        return compile_source(**measured.how), measured.choice
    if manner.kernels is not None:
        return compile_source(kernels=partial(kernels.as_recorded, kernels=manner.kernels)), None
    compilation = compile_source()
    choice = kernels.choose(
        source, compilation, manner.calibrate, manner.density, batch_first=manner.batch_first
    )
    if choice is not None:
        compilation = compile_source(kernels=choice.kernels)
    return compilation, choice


def _check_tune(manner: Manner) -> None:
    """Raise SnncError (BAD_OPTION) where there are no recordings to time, or something else than
    the time is to choose."""
    if manner.calibrate is None:
        raise SnncError(
            BAD_OPTION,
            "--tune times the network on recordings, and there are none",
            mend="Name them by --calibrate.",
        )
    if manner.density is not None or manner.arena_bytes is not None or manner.order is not None:
        raise SnncError(
            BAD_OPTION,
            "--tune chooses by measurement on this machine, and cannot be combined with --density, "
            "--max-ram, --target or --package",
            mend="Leave these out.",
        )


def settled(manner: Manner, compilation: Compilation) -> Manner:
    """The manner that gives a compilation again, without measuring anew what was tuned."""
    if manner.tune is None:
        return manner
    from snnc.compiler.ops.synapses.synapse import Synapse

    program, nodes = compilation.generated.program, compilation.graph.nodes
    kernels = {node.name: node.op.kernel for node in nodes if isinstance(node.op, Synapse)}
    return replace(manner, tune=None, kernels=kernels, batch=program.batch, threads=program.threads)
