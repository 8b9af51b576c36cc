"""A model of one's own in one file (TOML): where it is, what it takes, what it is run on.

Every key is an option of the command line with ``_`` for ``-``; ``model`` is MODEL. Paths are
relative to the file::

    model = "mypackage.nets:make"
    weights = "net.pt"
    input_shape = [2, 34, 34]
    time_steps = 20
    frame_us = 15_000
    readout = "mean"
    encoder = "rate"
    input_kind = "real"
    data = "nmnist:../data"
    baseline = "plain.toml"
    dtype = "int8"
    calibrate = "nmnist:../data"
    target = "cortex-m4"
    max_ram = "64K"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from snnc.compiler.frontend.driving import Readout
from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, SnncError
from snnc.models.encoders import ENCODERS, INPUT_KINDS


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _size(value: Any) -> bool:
    return _whole(value) or (_text(value) and re.fullmatch(r"\d+[KMkm]?", value) is not None)


def _shape(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_whole, value))


def _floor(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value <= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


_Kind = tuple[Callable[[Any], bool], str]
TEXT: _Kind = (_text, "a text")
FLAG: _Kind = (_flag, "true or false")
WHOLE: _Kind = (_whole, "a whole number from 1")
SIZE: _Kind = (_size, "a number of bytes such as 65536 or '64K'")

MODEL_KEYS: dict[str, _Kind] = {
    "weights": TEXT,
    "input_shape": (_shape, "whole numbers from 1, as [2, 34, 34]"),
    "time_steps": WHOLE,
    "frame_us": WHOLE,
    "per_step": FLAG,
    "batch_first": FLAG,
    "still": FLAG,
    "readout": (lambda value: value in get_args(Readout), f"one of {', '.join(get_args(Readout))}"),
    "all_outputs": FLAG,
    "name": TEXT,
    "encoder": (lambda value: value in ENCODERS, f"one of {', '.join(ENCODERS)}"),
    "input_kind": (lambda value: value in INPUT_KINDS, f"one of {', '.join(INPUT_KINDS)}"),
    "nir_reset": (lambda value: value in ("zero", "subtract"), "'zero' or 'subtract'"),
    "nir_dt": (_number, "a number above 0"),
    "nir_spikes": (lambda value: value in ("one", "many"), "'one' or 'many'"),
    "nir_floor": (_floor, "0 or less, -inf for none"),
}
"""What says where the model is and what it takes, and what a value must be."""
RUN_KEYS: dict[str, _Kind] = {
    "data": TEXT,
    "baseline": TEXT,
    "calibrate": TEXT,
    "dtype": TEXT,
    "target": TEXT,
    "max_ram": SIZE,
    "max_flash": SIZE,
}
"""What commands take as a default of the option of this name."""


@dataclass(frozen=True)
class ModelFile:
    """What a model file says.

    Attributes:
        model: MODEL, a path from here or a factory.
        folder: where the file lies; factories are looked for there too.
        arguments: of the model, as :func:`snnc.compiler.frontend.source.load_source` takes them.
        nir: what a NIR file leaves open.
        options: of commands, by name.
    """

    model: str
    folder: Path
    arguments: dict[str, Any] = field(default_factory=dict)
    nir: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def is_model_file(spec: str) -> bool:
    """Whether MODEL is one."""
    return Path(spec).suffix == ".toml"


def read(path: Path) -> ModelFile:
    """Read a model file.

    Raises:
        SnncError: BAD_CHECKPOINT where it cannot be read or is no TOML; BAD_OPTION for a key that
            does not exist or a value that is none, with its line.
    """
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "Correct it; `snnc init module:factory` writes one."
        raise SnncError(BAD_CHECKPOINT, reason, where=str(path), hint=hint) from error
    for key, value in content.items():
        _check(key, value, f"{path}:{_line(text, key)}")
    if "model" not in content:
        raise SnncError(
            BAD_OPTION,
            "the file does not say where the model is",
            where=str(path),
            hint='Add model = "package.module:factory", or the path of a file.',
        )
    folder = path.parent
    arguments = {
        key: value for key, value in content.items() if key in MODEL_KEYS and "nir" not in key
    }
    if "weights" in arguments:
        arguments["weights"] = folder / arguments["weights"]
    if "input_shape" in arguments:
        arguments["input_shape"] = tuple(arguments["input_shape"])
    options = {key: content[key] for key in RUN_KEYS if key in content}
    for key in ("data", "calibrate", "baseline"):
        if key in options:
            options[key] = _placed(options[key], folder)
    nir = {
        key.removeprefix("nir_"): value
        for key, value in content.items()
        if key in MODEL_KEYS and key.startswith("nir_")
    }
    return ModelFile(_placed(content["model"], folder), folder, arguments, nir, options)


def _check(key: str, value: Any, where: str) -> None:
    kinds: Mapping[str, _Kind] = {"model": TEXT, **MODEL_KEYS, **RUN_KEYS}
    if key not in kinds:
        raise SnncError(
            BAD_OPTION,
            f"there is no key called {key}",
            where=where,
            hint=f"Keys are {', '.join(kinds)}.",
        )
    holds, what = kinds[key]
    if not holds(value):
        raise SnncError(BAD_OPTION, f"{key} is {value!r}", where=where, hint=f"It must be {what}.")


def _line(text: str, key: str) -> int:
    """The line that a key stands on."""
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}\b")
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)


def _placed(spec: str, folder: Path) -> str:
    """A path, or NAME:PATH, from the file's folder where something lies there."""
    name, colon, rest = spec.rpartition(":")
    if rest and (folder / rest).exists():
        return f"{name}{colon}{folder / rest}"
    return spec
