"""How a model is compiled, as the command line says it: type of arithmetic, memory, kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snnc.api.data.held import Data
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.plan.input_buffer import Buffering


@dataclass(frozen=True)
class CompileSettings:
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
        weight_types: int8, int4 or int4:LAYER,LAYER: the type of weights (int8).
        max_accuracy_loss: int4 only in layers where at most this share of the recordings of
            calibrate gets another class; None: wherever weight_types says so.
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
    weight_types: str = "int8"
    max_accuracy_loss: float | None = None
    batch_first: bool = False

    @property
    def steps_at_once(self) -> int:
        """``batch``, or what it is where nobody said."""
        from snnc.compiler.plan.batches import MOST_STEPS

        if self.batch is not None:
            return self.batch
        return MOST_STEPS if self.order is None and self.arena_bytes is None else 1


def settled(settings: CompileSettings, compilation: Compilation) -> CompileSettings:
    """The settings that give a compilation again, without measuring anew what was tuned."""
    if settings.tune is None:
        return settings
    from snnc.compiler.passes.choose_kernels import kernels_of

    program, kernels = compilation.generated.program, kernels_of(compilation.graph)
    return replace(
        settings, tune=None, kernels=kernels, batch=program.batch, threads=program.threads
    )
