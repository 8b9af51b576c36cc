"""Trained models as one ``.pt`` file: architecture, weights, and what the input must be.

The file is a plain dictionary, loadable with ``torch.load(..., weights_only=True)``::

    format      "snnc-model"
    version     1
    network     name in snnc.models.networks.NETWORKS
    hyper       every hyper-parameter of the network
    input       fields of InputDescription
    state_dict  parameters and buffers by module path
    card        how the model was made and how good it is, free of form

Loading rebuilds the network from its name and runs no code from the file.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from snnc import limits
from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, BAD_WEIGHTS, OVER_LIMIT, SnncError
from snnc.messages import first_sentence, shown
from snnc.models.encoders import ENCODERS, INPUT_KINDS, Encoder, InputKind
from snnc.models.hyper import Hyper
from snnc.models.networks import Network, build
from snnc.models.storage.pt_files import read_tensors, write_tensors
from snnc.models.storage.tensor_files import check_stored

FORMAT = "snnc-model"
VERSION = 1

Card = dict[str, object]

_LISTED = 12
"""Names in one message."""

Framing = Literal["dt", "time", "count", "direct", "rate", "latency"]

LONGEST_US = 2**31 - 1
"""The longest step in microseconds, and the latest time of an event, that the C can hold."""


@dataclass(frozen=True)
class InputDescription:
    """How a recording becomes the frames that a model was trained on.

    Attributes:
        height: sensor rows.
        width: sensor columns.
        time_steps: T, frames per recording.
        dt_us: length of a frame in microseconds with ``framing`` "dt", else None.
        downsample: each frame pixel sums ``downsample`` × ``downsample`` sensor pixels.
        framing: "dt": frames of fixed length; "time": T equal slices of the recording's
            time; "count": T slices of equally many events. For still images the encoder: "direct",
            "rate" or "latency" (:mod:`snnc.models.encoders`).
        polarities: event polarities, 2 (OFF, ON); of still images their channels.
        kind: of the numbers of a frame: "count"; of images with ``framing`` "direct" also "real".
    """

    height: int
    width: int
    time_steps: int
    dt_us: int | None = None
    downsample: int = 1
    framing: Framing = "dt"
    polarities: int = 2
    kind: InputKind = "count"

    def __post_init__(self) -> None:
        self._check_values()
        limits.check("time_steps", self.time_steps)
        limits.check_elements((self.time_steps, *self.frame_size))

    def _check_values(self) -> None:
        for name in ("height", "width", "time_steps", "downsample", "polarities"):
            _check_positive(name, getattr(self, name))
        if self.framing not in get_args(Framing):
            raise SnncError(
                BAD_OPTION, f"framing is {', '.join(get_args(Framing))}, not {shown(self.framing)}"
            )
        if self.kind not in INPUT_KINDS or (self.kind == "real" and self.framing != "direct"):
            raise SnncError(
                BAD_OPTION,
                f"kind is count, or real for images with framing direct, not {shown(self.kind)} "
                f"with framing {self.framing}",
            )
        if self.framing == "dt":
            _check_positive("dt_us", self.dt_us, LONGEST_US)
        elif self.dt_us is not None:
            raise SnncError(BAD_OPTION, f"framing by {self.framing} takes no dt_us")
        if self.height % self.downsample or self.width % self.downsample:
            raise SnncError(
                BAD_OPTION,
                f"downsampling by {self.downsample} does not divide a sensor of "
                f"{self.width}x{self.height} pixels (width x height)",
            )

    @property
    def encoder(self) -> Encoder | None:
        """How still images become windows; None where recordings do."""
        return next((name for name in ENCODERS if name == self.framing), None)

    @property
    def frame_size(self) -> tuple[int, int, int]:
        """(polarities, height, width) of one frame, after downsampling."""
        return (self.polarities, self.height // self.downsample, self.width // self.downsample)


@dataclass(frozen=True)
class LoadedModel:
    """A model from a file.

    Attributes:
        model: the network with its weights, in evaluation mode.
        input: what its input must be.
        card: how it was made.
    """

    model: Network
    input: InputDescription
    card: Card = field(default_factory=dict)

    @property
    def network(self) -> str:
        """Name of the network in :data:`snnc.models.networks.NETWORKS`."""
        return self.model.name

    @property
    def hyper(self) -> Hyper:
        """Every hyper-parameter of the network."""
        return self.model.hyper


def save(
    model: Network, path: str | Path, *, input: InputDescription, card: Card | None = None
) -> None:
    """Write ``model`` to one ``.pt`` file, whole or not at all.

    Args:
        model: a network of :mod:`snnc.models.networks`.
        path: the file; replaced where it exists.
        input: what the model was trained on.
        card: plain values (numbers, strings, lists, dictionaries) worth keeping.

    Raises:
        SnncError: BAD_OPTION where ``input`` does not fit the network or ``card`` holds
            something else than plain values; BAD_WEIGHTS for a parameter with NaN or
            infinity; BAD_OUTPUT where the file cannot be written.
    """
    problem = _input_problem(model, input)
    if problem:
        raise SnncError(BAD_OPTION, problem)
    _check_plain(card or {}, "card")
    state = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    for name, tensor in state.items():
        _check_finite(name, tensor, "the model")
    content: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "network": model.name,
        "hyper": model.hyper,
        "input": dataclasses.asdict(input),
        "state_dict": state,
        "card": card or {},
    }
    write_tensors(content, Path(path))


def load(path: str | Path) -> LoadedModel:
    """Read a model written by :func:`save`.

    Raises:
        SnncError: BAD_CHECKPOINT for a file that is missing, damaged, of another format or
            version, or inconsistent; BAD_WEIGHTS for parameters that are missing, too many,
            of another shape, or not finite.
    """
    path = Path(path)
    content = read_tensors(path, FORMAT, VERSION)
    network, hyper, fields, state, card = (
        _entry(content, key, kind, path)
        for key, kind in (
            ("network", str),
            ("hyper", dict),
            ("input", dict),
            ("state_dict", dict),
            ("card", dict),
        )
    )
    model, description = _described(network, hyper, fields, path)
    problem = _input_problem(model, description)
    if problem:
        raise SnncError(BAD_CHECKPOINT, problem, where=str(path))
    _check_state(state, model, path)
    model.load_state_dict(state, assign=True)
    return LoadedModel(model.eval(), description, card)


def _described(
    network: str, hyper: Hyper, fields: dict[str, Any], path: Path
) -> tuple[Network, InputDescription]:
    """The network without numbers, and its input, of a file's entries of any type."""
    try:
        description = InputDescription(**fields)
        # On the meta device nothing is allocated or drawn at random before the file's
        # parameters are known to fit.
        with torch.device("meta"):
            model = build(network, **hyper)
    except Exception as error:  # values of a file in constructors of torch, which raise anything
        if isinstance(error, SnncError) and error.code is OVER_LIMIT:
            raise SnncError(OVER_LIMIT, error.what, where=str(path), hint=error.hint) from error
        what = error.what if isinstance(error, SnncError) else first_sentence(error)
        raise SnncError(BAD_CHECKPOINT, what, where=str(path)) from error
    return model, description


def _entry(content: dict[str, object], key: str, kind: type, path: Path) -> Any:
    value = content.get(key)
    if not isinstance(value, kind):
        raise SnncError(
            BAD_CHECKPOINT,
            f"entry {key!r} should be a {kind.__name__} and is {type(value).__name__}",
            where=str(path),
        )
    return value


def _check_state(state: dict[str, Tensor], model: Network, path: Path) -> None:
    expected = model.state_dict()
    for kind, names in (
        ("misses", expected.keys() - state.keys()),
        ("has unknown", state.keys() - expected.keys()),
    ):
        if names:
            listed = ", ".join(sorted(shown(name).strip("'") for name in names)[:_LISTED])
            raise SnncError(
                BAD_WEIGHTS,
                f"the file {kind} parameter {listed} for network {model.name}",
                where=str(path),
            )
    for name, wanted in expected.items():
        tensor = check_stored(name, state[name], str(path))
        if (tensor.shape, tensor.dtype) != (wanted.shape, wanted.dtype):
            raise SnncError(
                BAD_WEIGHTS,
                f"parameter {name} is {tensor.dtype} {list(tensor.shape)}, and the network "
                f"needs {wanted.dtype} {list(wanted.shape)}",
                where=str(path),
            )
        _check_finite(name, tensor, str(path))


def _check_finite(name: str, tensor: Tensor, where: str) -> None:
    bad = int(tensor.numel() - torch.isfinite(tensor).sum())
    if bad:
        raise SnncError(
            BAD_WEIGHTS,
            f"parameter {name} holds NaN or infinity in {bad} of {tensor.numel()} values",
            where=where,
        )


def _input_problem(model: Network, description: InputDescription) -> str:
    """Why ``description`` cannot feed ``model``; empty where it can."""
    if description.frame_size != model.input_size:
        return (
            f"the input gives frames of (polarities, height, width) "
            f"{description.frame_size}, and the network takes {model.input_size}"
        )
    if description.time_steps != model.time_steps:
        return (
            f"the input has {description.time_steps} time steps, and the network was built "
            f"for {model.time_steps}"
        )
    return ""


def _check_plain(value: object, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_plain(key, f"{where} key")
            _check_plain(inner, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_plain(inner, f"{where}[{index}]")
    elif type(value) not in (str, int, float, bool, type(None)):
        raise SnncError(
            BAD_OPTION,
            f"a {type(value).__name__} cannot be kept, only numbers, strings, lists and "
            f"dictionaries",
            where=where,
        )


def _check_positive(name: str, value: object, most: float = math.inf) -> None:
    if type(value) is not int or value < 1 or value > most:
        up_to = f" and at most {most}" if most < math.inf else ""
        raise SnncError(
            BAD_OPTION,
            f"{name} must be a whole number of at least 1{up_to}, not {shown(value)}",
        )
