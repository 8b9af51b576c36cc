"""What MODEL means on the command line: a checkpoint, a NIR file, or a factory in user code."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from snnc import limits
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.frontend import built, model_file
from snnc.compiler.frontend.adapters import asa_snn
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.given import LEFT_OPEN, OF_FACTORIES, Given
from snnc.compiler.frontend.identifiers import model_name
from snnc.compiler.frontend.nir import file as nir_file
from snnc.compiler.frontend.nir.file import NirOptions
from snnc.compiler.frontend.nir.network import NirNetwork
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph, Kind
from snnc.errors import BAD_OPTION, BAD_WEIGHTS, SnncError
from snnc.messages import first_sentence
from snnc.models import checkpoints
from snnc.models.checkpoints import InputDescription
from snnc.models.encoders import ENCODERS, Encoder, InputKind
from snnc.models.storage.tensor_files import read_tensor_file
from snnc.user_files import kind_of


@dataclass(frozen=True)
class SourceModel:
    """A PyTorch model and what its input is.

    Attributes:
        module: takes [T, N, *input_shape], gives class scores [N, classes], or several outputs
            in a dict.
        name: a C identifier.
        input_shape: of one time step.
        time_steps: T.
        input: how recordings become frames; None for a model that was not trained by snnc.
        origin: the file or factory it came from.
        options: what the user had to say about the model, for the manifest.
        encoder: how still images become windows; None where data are windows or recordings.
        step_us: length of a step in microseconds, where data have times.
        input_kind: of the numbers that it takes: "count", or "real".
    """

    module: nn.Module
    name: str
    input_shape: tuple[int, ...]
    time_steps: int
    input: InputDescription | None
    origin: str
    options: Mapping[str, Any] = field(default_factory=dict)
    encoder: Encoder | None = None
    step_us: int | None = None
    input_kind: InputKind = "count"

    def graph(self) -> Graph:
        """Import the module. Raises SnncError as :func:`import_module` does."""
        return import_module(
            self.module,
            self.input_shape,
            self.time_steps,
            name=self.name,
            input_kind=Kind(self.input_kind),
        )

    @property
    def framing(self) -> Framing | None:
        """How the C turns events into frames; None where it takes frames only."""
        if self.input is None or self.input.dt_us is None or self.input_kind == "real":
            return None
        return Framing(self.input.height, self.input.width, self.input.dt_us, self.input.downsample)


def load_source(
    spec: str,
    given: Given | None = None,
    *,
    nir: NirOptions | None = None,
    folder: Path | None = None,
) -> SourceModel:
    """Load MODEL.

    Args:
        spec: path of a checkpoint or of a .nir file, ``package.module:factory`` (which imports,
            and so runs, that module: the user names it), or a .toml file that says which of
            these it is and the other arguments, where they are not given.
        given: what was said beside it; default: nothing.
        nir: what a NIR file leaves open.
        folder: where a factory is looked for, beside here.

    Raises:
        SnncError: BAD_CHECKPOINT, BAD_WEIGHTS, BAD_OPTION; for a NIR file also MISSING_EXTRA,
            UNSUPPORTED_LAYER, BAD_SHAPE; OVER_LIMIT for a longer window than the limits allow.
    """
    given = given or Given()
    if model_file.is_model_file(spec):
        return _from_model_file(Path(spec), given, nir)
    if given.encoder is not None:
        plain = load_source(spec, dataclasses.replace(given, encoder=None), nir=nir, folder=folder)
        return _of_images(plain, given.encoder, given.frame_us)
    if given.input_kind is not None:
        plain = load_source(
            spec, dataclasses.replace(given, input_kind=None), nir=nir, folder=folder
        )
        return _of_numbers(plain, given.input_kind)
    _check_window(given.input_shape or (), given.time_steps or 1, spec)
    nir = nir or NirOptions()
    if Path(spec).suffix == ".nir":
        given.refuse(OF_FACTORIES, "a factory", spec)
        return _from_nir(spec, nir, given)
    if nir != NirOptions():
        raise SnncError(BAD_OPTION, "the options --nir-… belong to a .nir file", where=spec)
    if is_factory(spec):
        module = _driven(spec, factory_model(spec, given.weights, folder), given)
        return _from_module(spec, module, given)
    hint = "A checkpoint holds its own; leave them out."
    given.refuse(LEFT_OPEN, "other models", spec, hint)
    loaded = checkpoints.load(spec)
    return SourceModel(
        module=loaded.model,
        name=model_name(name_given(spec, given.name)),
        input_shape=loaded.input.frame_size,
        time_steps=loaded.input.time_steps,
        input=loaded.input,
        origin=spec,
        encoder=loaded.input.encoder,
        input_kind=loaded.input.kind,
    )


def _of_images(source: SourceModel, encoder: Encoder, frame_us: int | None) -> SourceModel:
    """The same model, whose data are still images."""
    if encoder not in ENCODERS or frame_us is not None:
        raise SnncError(
            BAD_OPTION,
            f"--encoder {encoder} is none of {', '.join(ENCODERS)}"
            if encoder not in ENCODERS
            else "--encoder is for still images, and --frame-us for recordings",
            where=source.origin,
            hint="Give one that fits.",
        )
    if source.input is not None and source.encoder != encoder:
        raise SnncError(
            BAD_OPTION,
            f"the model's own description says {source.input.framing}, and --encoder {encoder}",
            where=source.origin,
            hint="Leave --encoder out.",
        )
    options = {**source.options, "encoder": encoder}
    return dataclasses.replace(source, encoder=encoder, options=options)


def _of_numbers(source: SourceModel, kind: InputKind) -> SourceModel:
    """The same model, whose input is of numbers of a kind.

    Raises:
        SnncError: BAD_OPTION for real numbers where recordings are the data, and for another kind
            than the model's own description says.
    """
    if kind == "real" and source.step_us is not None:
        raise SnncError(
            BAD_OPTION,
            "--input-kind real is for frames, and the events of recordings make counts",
            where=source.origin,
            hint="Leave out --frame-us, or --input-kind.",
        )
    if source.input is not None and source.input.kind != kind:
        raise SnncError(
            BAD_OPTION,
            f"the model's own description says {source.input.kind}, and --input-kind {kind}",
            where=source.origin,
            hint="Leave --input-kind out.",
        )
    options = {**source.options, "input_kind": kind}
    return dataclasses.replace(source, input_kind=kind, options=options)


def is_factory(spec: str) -> bool:
    """Whether MODEL names a factory in the user's code."""
    return re.fullmatch(r"[\w.]+:\w+", spec) is not None and not kind_of(spec)


def _driven(spec: str, model: nn.Module, given: Given) -> nn.Module:
    """A factory's model as a function of a window, by what was said about its forward."""
    ways = given.per_step + given.batch_first + given.still
    if ways > 1 or (given.still and given.frame_us):
        raise SnncError(
            BAD_OPTION,
            "--per-step, --batch-first and --still are three things that a model may take, and "
            "a still image has no --frame-us",
            where=spec,
            hint="Give the one that fits.",
        )
    if not (ways or given.readout or given.all_outputs):
        return model
    return Driven(
        model,
        per_step=given.per_step,
        batch_first=given.batch_first,
        still=given.still,
        readout=given.readout,
        all_outputs=given.all_outputs,
        copies=asa_snn.copies_needed(model),
    ).eval()


def _from_module(spec: str, module: nn.Module, given: Given) -> SourceModel:
    if given.input_shape is None or given.time_steps is None:
        raise SnncError(
            BAD_OPTION,
            "a model from a factory does not say what its input is",
            where=spec,
            hint="Give --input-shape C,H,W and --time-steps T.",
        )
    options: dict[str, Any] = {}
    if isinstance(module, Driven):
        keys = ("per_step", "batch_first", "still", "readout")
        options = {key: getattr(module, key) for key in keys}
        options |= {"all_outputs": True} if module.all_outputs else {}
    frames = framed(given.input_shape, given.time_steps, given.frame_us, spec)
    name = model_name(name_given(spec, given.name))
    return SourceModel(
        module,
        name,
        given.input_shape,
        given.time_steps,
        frames,
        spec,
        options,
        step_us=given.frame_us,
    )


COMMON = ("make", "build", "create", "model", "net", "network", "factory")
"""What people call the one factory of a module: it says nothing about the model."""


def _called(spec: str) -> str:
    """A factory's module, with its own name where that says something."""
    module, factory = spec.split(":")
    last = module.rpartition(".")[2]
    return last if factory in COMMON else f"{last}_{factory}"


def _from_model_file(path: Path, given: Given, nir: NirOptions | None) -> SourceModel:
    """The model that a file describes; what was given beside it wins."""
    said = model_file.read(path)
    if model_file.is_model_file(said.model):
        raise SnncError(
            BAD_OPTION,
            f"its model is another such file, {said.model}",
            where=str(path),
            hint="Name the checkpoint or the factory.",
        )
    arguments = said.arguments | given.said
    if nir is None or nir == NirOptions():
        nir = NirOptions(**said.nir)
    return load_source(said.model, Given(**arguments), nir=nir, folder=said.folder)


def _check_window(shape: tuple[int, ...], time_steps: int, where: str) -> None:
    """Refuse a window that is too long or too large. Raises SnncError (OVER_LIMIT)."""
    limits.check("time_steps", time_steps, where=where)
    limits.check_elements((time_steps, *shape), where=where)


def _from_nir(spec: str, options: NirOptions, given: Given) -> SourceModel:
    file = nir_file.read(spec, options)
    if given.time_steps is None:
        raise SnncError(
            BAD_OPTION,
            "a NIR file does not say how many time steps to run",
            where=spec,
            hint="Give --time-steps T.",
        )
    _check_window(file.input_shape, given.time_steps, spec)
    return SourceModel(
        module=NirNetwork(file).eval(),
        name=model_name(name_given(spec, given.name)),
        input_shape=file.input_shape,
        time_steps=given.time_steps,
        input=framed(file.input_shape, given.time_steps, given.frame_us, spec),
        origin=spec,
        options=options.as_json(),
        step_us=given.frame_us,
    )


def framed(
    shape: tuple[int, ...], time_steps: int, frame_us: int | None, where: str = ""
) -> InputDescription | None:
    """Frames of ``frame_us`` each (None: as they are given) from a sensor of the input's own size,
    ``shape`` without the batch. Raises SnncError (BAD_OPTION) where that is no frame of events."""
    if frame_us is None or len(shape) == 1:  # spikes by channel: the C takes frames
        return None
    if len(shape) != 3 or shape[0] != 2:
        raise SnncError(
            BAD_OPTION,
            f"recordings become frames of 2×height×width, and the input is {shape}",
            where=where,
            hint="Leave out --frame-us, and give frames of your own.",
        )
    return InputDescription(shape[1], shape[2], time_steps, frame_us)


def name_given(spec: str, name: str | None) -> str:
    """What the model is called before it becomes a C identifier: by the user, its file or its
    factory."""
    if name is not None:
        return name
    return _called(spec) if is_factory(spec) else Path(spec).stem


def call_factory(spec: str, folder: Path | None = None) -> Any:
    """Import ``package.module:factory`` and call it.

    Args:
        spec: its name.
        folder: where it is looked for, before here and wherever Python looks.

    Raises:
        SnncError: BAD_OPTION where it cannot be imported, or fails.
    """
    module_name, factory_name = spec.split(":")
    with _importable(Path.cwd()), _importable(folder or Path.cwd()):
        return _made(spec, module_name, factory_name)


def factory_model(spec: str, weights: Path | None = None, folder: Path | None = None) -> nn.Module:
    """The model of a factory, with its weights, in evaluation mode.

    Raises:
        SnncError: as :func:`call_factory`; BAD_OPTION for something else than a module;
            BAD_CHECKPOINT, BAD_WEIGHTS.
    """
    model = call_factory(spec, folder)
    if not isinstance(model, nn.Module):
        raise SnncError(
            BAD_OPTION, f"the factory gave a {type(model).__name__}, not an nn.Module", where=spec
        )
    if weights is not None:
        _load_weights(model, weights)
    return model.eval()


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Modules of ``folder`` can be imported; what the user's code puts on the path itself stays."""
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


def _made(spec: str, module_name: str, factory_name: str) -> Any:
    """What the factory gives. Raises SnncError (BAD_OPTION) for whatever goes wrong in it."""
    try:
        with built.noted(_made.__code__):
            factory = getattr(importlib.import_module(module_name), factory_name)
    except (ImportError, AttributeError) as error:
        raise SnncError(
            BAD_OPTION,
            f"the factory cannot be imported ({error})",
            where=spec,
            hint="Run snnc where `python -c 'import package.module'` works.",
        ) from error
    try:
        with built.noted(_made.__code__):
            return factory()
    except Exception as error:  # the user's code may raise anything
        raise SnncError(
            BAD_OPTION,
            f"the factory failed ({first_sentence(error)})",
            where=spec,
            hint="Call it in Python first; it takes no arguments.",
        ) from error


def _load_weights(model: nn.Module, path: Path) -> None:
    state: Any = read_tensor_file(path, hint="Save model.state_dict() alone, with torch.save.")
    try:
        model.load_state_dict(state)
    except Exception as error:  # of any content of the file, and of hooks of the user's modules
        reason = " ".join(str(error).split())
        raise SnncError(BAD_WEIGHTS, reason, where=str(path)) from error
