"""What MODEL means on the command line: a snnc checkpoint, or a factory in the user's own code."""

from __future__ import annotations

import importlib
import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from snnc.compiler.codegen import Framing
from snnc.compiler.frontend.identifiers import C_KEYWORDS
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir import Graph
from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, BAD_WEIGHTS, SnncError
from snnc.models import checkpoints
from snnc.models.checkpoints import InputDescription


@dataclass(frozen=True)
class SourceModel:
    """A PyTorch model and what its input is.

    Attributes:
        module: takes [T, N, *input_shape], gives class scores [N, classes].
        name: a C identifier.
        input_shape: of one time step.
        time_steps: T.
        input: how recordings become frames; None for a model that was not trained by snnc.
        origin: the file or factory it came from.
    """

    module: nn.Module
    name: str
    input_shape: tuple[int, ...]
    time_steps: int
    input: InputDescription | None
    origin: str

    def graph(self) -> Graph:
        """Import the module. Raises SnncError as :func:`import_module` does."""
        return import_module(self.module, self.input_shape, self.time_steps, name=self.name)

    @property
    def framing(self) -> Framing | None:
        """How the C turns events into frames; None where it takes frames only."""
        if self.input is None or self.input.dt_us is None:
            return None
        return Framing(self.input.height, self.input.width, self.input.dt_us, self.input.downsample)


def load_source(
    spec: str,
    *,
    weights: Path | None = None,
    input_shape: tuple[int, ...] | None = None,
    time_steps: int | None = None,
    name: str | None = None,
) -> SourceModel:
    """Load MODEL.

    Args:
        spec: path of a checkpoint, or ``package.module:factory`` (which imports, and so runs, that
            module: the user names it).
        weights: state dict for a factory's model (loaded without unpickling code).
        input_shape: of one time step; needed for a factory.
        time_steps: T; needed for a factory.
        name: C identifier; default: from the file's or factory's name.

    Raises:
        SnncError: BAD_CHECKPOINT, BAD_WEIGHTS, BAD_OPTION.
    """
    if re.fullmatch(r"[\w.]+:\w+", spec) and not Path(spec).exists():
        module = _from_factory(spec, weights)
        if input_shape is None or time_steps is None:
            raise SnncError(
                BAD_OPTION,
                "a model from a factory does not say what its input is",
                where=spec,
                mend="Give --input-shape C,H,W and --time-steps T.",
            )
        chosen = identifier(name or spec.split(":")[1])
        return SourceModel(module, chosen, input_shape, time_steps, None, spec)
    if weights or input_shape or time_steps:
        raise SnncError(
            BAD_OPTION,
            "--weights, --input-shape and --time-steps belong to package.module:factory",
            where=spec,
            mend="A checkpoint holds its own; leave them out.",
        )
    if Path(spec).suffix == ".nir":
        raise SnncError(
            BAD_CHECKPOINT,
            "this version of snnc does not read NIR files",
            where=spec,
            mend="Load the network in PyTorch and pass it as package.module:factory.",
        )
    loaded = checkpoints.load(spec)
    return SourceModel(
        module=loaded.model,
        name=identifier(name or Path(spec).stem),
        input_shape=loaded.input.frame_size,
        time_steps=loaded.input.time_steps,
        input=loaded.input,
        origin=spec,
    )


def identifier(text: str) -> str:
    """A C (and Python) identifier in lower case. Raises SnncError where nothing is left of it."""
    name = re.sub(r"\W+", "_", text.lower(), flags=re.ASCII).strip("_")
    if not re.search(r"[a-z]", name):
        raise SnncError(
            BAD_OPTION, f"no C identifier can be made of {text!r}", mend="Give one with --name."
        )
    reserved = keyword.iskeyword(name) or C_KEYWORDS.fullmatch(name) or name in ("main", "snn")
    if reserved or name[0].isdigit():
        name = f"model_{name}"
    return name


def _from_factory(spec: str, weights: Path | None) -> nn.Module:
    module_name, factory_name = spec.split(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
    except (ImportError, AttributeError) as error:
        raise SnncError(
            BAD_OPTION,
            f"the factory cannot be imported ({error})",
            where=spec,
            mend="Run snnc where `python -c 'import package.module'` works.",
        ) from error
    finally:
        sys.path.pop(0)
    model = factory()
    if not isinstance(model, nn.Module):
        raise SnncError(
            BAD_OPTION, f"the factory gave a {type(model).__name__}, not an nn.Module", where=spec
        )
    if weights is not None:
        _load_weights(model, weights)
    return model.eval()


def _load_weights(model: nn.Module, path: Path) -> None:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises many types for damaged files; each means that the file cannot be read
        raise SnncError(
            BAD_CHECKPOINT,
            f"the weights cannot be read without running code from the file ({error})".split("\n")[
                0
            ],
            where=str(path),
        ) from error
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise SnncError(BAD_WEIGHTS, reason, where=str(path)) from error
