"""``snnc.compile``: a model to C."""

from __future__ import annotations

from typing import Any

from snnc.api.compile_settings import CompileSettings, settled
from snnc.api.compiled import Compiled
from snnc.api.data.held import Data
from snnc.api.in_memory import compiled
from snnc.api.model import Forward, take
from snnc.api.words import speaks_python
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.frontend.driving import Readout, Reset
from snnc.compiler.ops.int8.weight_types import check_weights
from snnc.compiler.plan.input_buffer import Buffering
from snnc.errors import BAD_OPTION, SnncError
from snnc.models.encoders import Encoder, InputKind


@speaks_python
def compile(
    model: Any,
    *inputs: Any,
    per_step: bool = False,
    readout: Readout | None = None,
    dtype: str = "f32",
    calibrate: Data | None = None,
    weight_type: str = "int8",
    max_accuracy_loss: float | None = None,
    target: str = "host",
    name: str | None = None,
    max_ram: int | None = None,
    threads: int = 1,
    tune: float | None = None,
    reset: Reset | None = None,
    batch_first: bool = False,
    all_outputs: bool = False,
    frame_us: int | None = None,
    density: float | None = None,
    max_frames: int | None = None,
    encoder: Encoder | None = None,
    input_kind: InputKind | None = None,
) -> Compiled:
    """Compile a trained network to event-driven C. A C compiler is needed when it first runs.

    Args:
        model: an nn.Module, what ``snnc.load`` gives, or MODEL of the command line (a path).
        inputs: an example of what forward takes, batch of one, the whole window: [T, 1, C, H, W] or
            [T, 1, features]; with ``per_step`` T steps of [1, ...]. Shapes and T are taken from it.
            None for a model from a file, which says them itself.
        per_step: forward takes one time step and keeps its state between calls. Before a window it
            is reset by ``reset``, by its own ``reset()``, or as its framework does.
        readout: what becomes of a leading time axis of the output: "mean", "sum", "last" (step),
            "max", or "none": every step is an output. None: forward reduces over time itself.
        dtype: "f32" or "int8".
        calibrate: data of the training set: with int8 they set the ranges, with f32 they choose
            kernels by density.
        weight_type: with dtype int8: "int8", "int4" (the layers that read spikes), or
            "int4:LAYER,LAYER" (those of these names).
        max_accuracy_loss: with weight_type="int4": only in layers, the largest first, where at most
            this share (0 to 1) of the data of ``calibrate`` gets another class than the float
            model gives.
        target: "host", or a core: "cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33",
            "cortex-m55", "riscv32".
        name: prefix of the C's names; default: from the class.
        max_ram: most bytes of arena (for a core: of arena and stack): values are computed again
            instead of stored until it fits.
        threads: that share each convolution (f32 on this machine); the result is the same.
        tune: seconds in which kernels (f32), steps at once and up to ``threads`` threads are chosen
            by measurement on this machine and the data of ``calibrate``; the result is the same.
        reset: called with the model, returns it to rest.
        batch_first: forward takes [N, T, ...].
        all_outputs: compile every item of a tuple that forward gives, not just the first.
        frame_us: length of a step in microseconds, so that recordings can be data and the C takes
            events; one step is then [2, height, width].
        density: choose kernels as if every layer's spikes were this dense (0 to 1).
        encoder: data are still images, which become windows by "direct" (the image at every step),
            "rate" or "latency" coding (:mod:`snnc.models.encoders`).
        input_kind: "count": whole numbers from 0 to 65535, events or spikes, which the C takes as
            uint16 and a layer accumulates; "real": numbers of either sign (images, spectrograms,
            sensors), which the C takes as float32 and a layer multiplies. None: as the numbers of
            the example are.
        max_frames: most frames of events held at once, for a network that streams; default: T.

    Raises:
        SnncError: UNSUPPORTED_LAYER (:func:`check` lists them all), BAD_SHAPE, BAD_WEIGHTS,
            BAD_OPTION, OVER_BUDGET.

    >>> import numpy as np, snnc, torch
    >>> _ = torch.manual_seed(0)
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> x = torch.poisson(torch.full((4, 1, 2, 32, 32), 0.2))
    >>> net = snnc.compile(model, x)
    >>> net(x).shape == tuple(model(x).shape)
    True
    """
    _check_arithmetic(dtype, calibrate, density, threads, target)
    check_weights(weight_type, max_accuracy_loss, dtype)
    forward = Forward(
        per_step, batch_first, readout, all_outputs, reset, frame_us, encoder, input_kind
    )
    taken = take(model, inputs, forward, name)
    core = None if target == "host" else target_named(target)
    limit, order = (max_ram, None)
    if core is not None:
        limit, order = firmware.arena_limit(core, max_ram), core.order
    settings = CompileSettings(
        dtype,
        calibrate,
        None,
        density,
        limit,
        Buffering(max_frames),
        threads=threads,
        tune=tune,
        order=order,
        weight_types=weight_type,
        max_accuracy_loss=max_accuracy_loss,
        batch_first=batch_first,
    )
    compilation, choice = compiled(taken.source, settings)
    if core is not None:
        firmware.check_model(compilation, core)
    return Compiled(taken, settled(settings, compilation), compilation, choice, core, max_ram)


def _check_arithmetic(
    dtype: str, calibrate: Data | None, density: float | None, threads: int, target: str
) -> None:
    """Raise SnncError (BAD_OPTION) for what cannot be combined."""
    if dtype not in ("f32", "int8"):
        raise SnncError(BAD_OPTION, f"dtype={dtype!r} is neither 'f32' nor 'int8'")
    if dtype == "int8" and calibrate is None:
        raise SnncError(
            BAD_OPTION,
            "dtype='int8' needs calibrate=data",
            hint="Give a few dozen samples of the training set; they set the ranges.",
        )
    if dtype == "int8" and density is not None:
        raise SnncError(BAD_OPTION, "density chooses kernels of dtype='f32'", hint="Leave it out.")
    if threads < 1 or (threads > 1 and (dtype == "int8" or target != "host")):
        raise SnncError(
            BAD_OPTION,
            f"threads={threads} is for dtype='f32' and target='host', from 1",
            hint="Leave it out.",
        )
