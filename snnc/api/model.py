"""A model and what its forward takes, as the compiler wants them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from snnc.compiler.frontend.adapters import asa_snn
from snnc.compiler.frontend.driving import Driven, Readout, Reset
from snnc.compiler.frontend.given import Given
from snnc.compiler.frontend.identifiers import model_name
from snnc.compiler.frontend.outputs import SCORES
from snnc.compiler.frontend.source import SourceModel, framed, load_source
from snnc.errors import BAD_OPTION, BAD_SHAPE, UNSUPPORTED_LAYER, SnncError
from snnc.models.checkpoints import LoadedModel
from snnc.models.encoders import ENCODERS, INPUT_KINDS, Encoder, InputKind, Numbers, reals_of
from snnc.models.networks import Network

MOST = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class Forward:
    """How a model's forward takes its input.

    Attributes:
        per_step: one time step a call, state kept in between.
        batch_first: [N, T, ...] instead of [T, N, ...].
        readout: over a leading time axis of its output.
        all_outputs: every item of a tuple, instead of the first.
        reset: called with the model before each window.
        frame_us: length of a step in microseconds, where recordings are data.
        encoder: how still images become windows, where they are data.
        input_kind: of the numbers that it takes; None: as the example's are.
    """

    per_step: bool = False
    batch_first: bool = False
    readout: Readout | None = None
    all_outputs: bool = False
    reset: Reset | None = None
    frame_us: int | None = None
    encoder: Encoder | None = None
    input_kind: InputKind | None = None


Outputs = npt.NDArray[np.float32] | dict[str, npt.NDArray[np.float32]] | tuple[Any, ...]
"""What a compiled model gives: as its forward does, in numpy."""


@dataclass(frozen=True)
class Taken:
    """A model with its input.

    Attributes:
        source: it, for the compiler.
        forward: how it takes its input.
        shapes: of each output for one sample, by name, in order.
        structure: what forward gives: "tensor", "dict" or "tuple".
    """

    source: SourceModel
    forward: Forward
    shapes: Mapping[str, tuple[int, ...]]
    structure: str

    @property
    def shape(self) -> tuple[int, ...]:
        """[T, *one step's shape]."""
        return (self.source.time_steps, *self.source.input_shape)

    @property
    def every_step(self) -> bool:
        """Whether the outputs hold a value for each step."""
        module = self.source.module
        return isinstance(module, Driven) and module.readout == "none"

    def laid_out(self, runs: Sequence[Mapping[str, npt.NDArray[np.float32]]]) -> Outputs:
        """The outputs of several windows, by name for each, as forward gives them."""
        outputs = {
            name: np.stack([run[name] for run in runs]).reshape(len(runs), *shape)
            for name, shape in self.shapes.items()
        }
        if self.every_step:
            outputs = {name: output.swapaxes(0, 1) for name, output in outputs.items()}
        if self.structure == "tensor":
            return next(iter(outputs.values()))
        return tuple(outputs.values()) if self.structure == "tuple" else outputs


def take(model: Any, inputs: Sequence[Any], forward: Forward, name: str | None = None) -> Taken:
    """Take a model.

    Args:
        model: an nn.Module, what ``snnc.load`` gives, or MODEL of the command line.
        inputs: what forward takes, batch of one; none for the other two, which say it themselves.
        forward: how it takes them.
        name: C identifier; default: from the class or the file.

    Raises:
        SnncError: BAD_OPTION, BAD_SHAPE, UNSUPPORTED_LAYER; as :func:`load_source`.
    """
    if isinstance(model, str | Path | LoadedModel):
        if inputs or forward != Forward():
            raise SnncError(
                BAD_OPTION,
                "a model from a file says itself what its input is",
                hint="Leave out the inputs, and arguments that say how forward takes them.",
            )
        return _own(_described(model, name))
    if isinstance(model, SourceModel):
        return _own(model)
    if not isinstance(model, nn.Module):
        raise SnncError(
            BAD_OPTION,
            f"the model is a {type(model).__name__}, not a torch.nn.Module",
            hint="Give an nn.Module, what snnc.load gives, or the path of a checkpoint.",
        )
    return _from_module(model, inputs, forward, name)


def _described(model: str | Path | LoadedModel, name: str | None) -> SourceModel:
    if isinstance(model, LoadedModel):
        given, origin = model.input, model.network
        chosen = model_name(name or origin)
        return SourceModel(
            model.model,
            chosen,
            given.frame_size,
            given.time_steps,
            given,
            origin=origin,
            encoder=given.encoder,
            input_kind=given.kind,
        )
    return load_source(str(model), Given(name=name))


def _own(source: SourceModel) -> Taken:
    """A model whose input is known already."""
    frames = torch.zeros((source.time_steps, 1, *source.input_shape))
    module = source.module
    driven = module if isinstance(module, Driven) else Driven(module, readout=None)
    forward = Forward(input_kind=source.input_kind)
    return Taken(source, forward, *_outputs(driven, frames, all_outputs=driven.all_outputs))


def _from_module(
    model: nn.Module, inputs: Sequence[Any], forward: Forward, name: str | None
) -> Taken:
    if len(inputs) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER if inputs else BAD_OPTION,
            f"{len(inputs)} inputs were given, and a compiled model takes one tensor",
            where=type(model).__name__,
            hint="Give the model an example of what forward takes: compile(model, x).",
        )
    _check_readout(forward.readout)
    _check_encoder(forward)
    forward = replace(forward, input_kind=_kind_of(inputs[0], forward))
    window = window_of(inputs[0], forward)
    if isinstance(model, Network) and forward == Forward(input_kind=forward.input_kind):
        module: nn.Module = model
        driven = Driven(model, readout=None)
    else:
        module = driven = Driven(
            model,
            per_step=forward.per_step,
            batch_first=forward.batch_first,
            copies=asa_snn.copies_needed(model),
            readout=forward.readout,
            all_outputs=forward.all_outputs,
            reset=forward.reset,
        )
    frames = torch.from_numpy(window.astype(np.float32))[:, None]
    shapes, structure = _outputs(driven, frames, all_outputs=forward.all_outputs)
    steps, *shape = window.shape
    source = SourceModel(
        module=module,
        name=model_name(name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(model).__name__)),
        input_shape=tuple(shape),
        time_steps=steps,
        input=framed(window.shape[1:], len(window), forward.frame_us),
        origin=f"{type(model).__module__}.{type(model).__qualname__}",
        options={"per_step": forward.per_step, "readout": forward.readout}
        | ({} if forward.encoder is None else {"encoder": forward.encoder}),
        encoder=forward.encoder,
        step_us=forward.frame_us,
        input_kind=forward.input_kind or "count",
    )
    return Taken(source, forward, shapes, structure)


def _check_readout(readout: str | None) -> None:
    if readout is not None and readout not in get_args(Readout):
        choices = ", ".join(map(repr, get_args(Readout)))
        raise SnncError(BAD_OPTION, f"readout={readout!r} is none of {choices}")


def _kind_of(given: Any, forward: Forward) -> InputKind:
    """What was said of the numbers that a model takes; else what its example's are.

    Raises:
        SnncError: BAD_OPTION for a kind that does not exist, or real numbers of recordings.
    """
    said = forward.input_kind
    if said is not None and said not in INPUT_KINDS:
        choices = ", ".join(map(repr, INPUT_KINDS))
        raise SnncError(BAD_OPTION, f"input_kind={said!r} is none of {choices}")
    counts = not _are_no_counts(_array_of_steps(given, forward)).any()
    kind: InputKind = said or ("count" if counts else "real")
    if kind == "real" and forward.frame_us is not None:
        raise SnncError(
            BAD_OPTION,
            "frame_us= is for recordings, whose events make counts, and the model takes real "
            "numbers",
            hint="Leave it out, and give frames as data.",
        )
    return kind


def _check_encoder(forward: Forward) -> None:
    if forward.encoder is not None and forward.encoder not in ENCODERS:
        choices = ", ".join(map(repr, ENCODERS))
        raise SnncError(BAD_OPTION, f"encoder={forward.encoder!r} is none of {choices}")
    if forward.encoder is not None and forward.frame_us is not None:
        raise SnncError(
            BAD_OPTION,
            "encoder= is for still images, and frame_us= for recordings",
            hint="Leave one of them out.",
        )


def array_of(given: Any, what: str) -> npt.NDArray[Any]:
    """A tensor or array in numpy. Raises SnncError (BAD_OPTION) for anything else."""
    if isinstance(given, torch.Tensor):
        return given.detach().cpu().numpy()
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise SnncError(BAD_OPTION, f"{what} is not an array ({error})") from error
    if array.dtype.kind not in "biuf":
        raise SnncError(
            BAD_OPTION,
            f"{what} is a {type(given).__name__} of {array.dtype}, not an array of numbers",
            hint="Give tensors or numpy arrays.",
        )
    return array


def numbers_of(array: npt.NDArray[Any], what: str, kind: InputKind | None) -> Numbers:
    """The numbers as a model takes them: of ``kind`` "real" float32, else counts of 16 bits.

    Raises:
        SnncError: BAD_SHAPE for a number that is none, with its place.
    """
    if kind == "real":
        return reals_of(array, what)
    wrong = _are_no_counts(array)
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise SnncError(
            BAD_SHAPE,
            f"{what} holds {array[place]:g} at {list(place)}, and the model takes counts, whole "
            f"numbers from 0 to {MOST}",
            hint="Give event counts or spikes; for real numbers compile with --input-kind real.",
        )
    return array.astype(np.uint16)


def _are_no_counts(array: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which numbers are no counts."""
    with np.errstate(invalid="ignore"):
        found: npt.NDArray[np.bool_] = ~(
            (array >= 0) & (array <= MOST) & (array == np.floor(array))
        )
    return found


def window_of(given: Any, forward: Forward) -> Numbers:
    """One window [T, *shape] of what forward takes, batch of one.

    Raises:
        SnncError: BAD_SHAPE, BAD_OPTION.
    """
    batch = batch_of(given, forward)
    if len(batch) != 1:
        raise SnncError(
            BAD_SHAPE,
            f"the example input is a batch of {len(batch)} samples",
            hint="Give a batch of one: [T, 1, ...], or with per_step T steps of [1, ...].",
        )
    (window,) = batch
    return cast("Numbers", window)


def _array_of_steps(given: Any, forward: Forward) -> npt.NDArray[Any]:
    """What forward takes as one array; steps of a list are stacked. Raises as :func:`batch_of`."""
    if forward.per_step and isinstance(given, list | tuple):
        steps = [array_of(step, f"step {index}") for index, step in enumerate(given)]
        if len({step.shape for step in steps}) != 1:
            shapes = sorted({step.shape for step in steps})
            raise SnncError(BAD_SHAPE, f"the steps have other shapes: {shapes}")
        given = np.stack(steps)
    return array_of(given, "the input")


def batch_of(given: Any, forward: Forward) -> Numbers:
    """Windows [N, T, *shape] of what forward takes. Raises as :func:`window_of`."""
    array = _array_of_steps(given, forward)
    if array.ndim not in (3, 5) or 0 in array.shape:
        axes = "[N, T, ...]" if forward.batch_first else "[T, N, ...]"
        raise SnncError(
            BAD_SHAPE,
            f"the input is {list(array.shape)}, and a compiled model takes {axes} with (channels, "
            "height, width) or (features) in each step",
            hint="Add the axes of time and of samples.",
        )
    numbers = numbers_of(array, "the input", forward.input_kind)
    return numbers if forward.batch_first else np.moveaxis(numbers, 1, 0)


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, and afterwards every module in the mode that it was in."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode


def _outputs(
    driven: Driven, frames: torch.Tensor, *, all_outputs: bool
) -> tuple[dict[str, tuple[int, ...]], str]:
    """Shapes of what forward gives for one sample, and how it is put together."""
    with evaluation(driven), torch.no_grad():
        given = driven.outputs(frames)
        driven.rest()
    for name, output in given.items():
        if output.ndim < 2 or output.shape[0] != 1:
            raise SnncError(
                BAD_SHAPE,
                f"forward gives {name} {list(output.shape)} for one sample, and [1, ...] is needed",
                hint="Where its first axis is time, give readout='mean' or another of its choices.",
            )
    names = list(given)
    lone = names == [SCORES]
    structure = "tensor" if lone else "tuple" if all_outputs and names[0] == "0" else "dict"
    return {name: tuple(output.shape[1:]) for name, output in given.items()}, structure
