"""Options and output that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from snnc.atomic import write_atomically
from snnc.console import Terminal
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from snnc.compiler.frontend.source import SourceModel

F = TypeVar("F", bound=Callable[..., Any])


class _Shape(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    name = "C,H,W"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Parse whole numbers separated by commas."""
        try:
            shape = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not whole numbers separated by commas", param, ctx)
        if min(shape) < 1:
            self.fail("every size must be at least 1", param, ctx)
        return shape


@dataclass(frozen=True)
class ModelChoice:
    """MODEL and the options that say what the file or factory leaves open."""

    spec: str
    arguments: Mapping[str, Any]

    def load(self, *, name: str | None = None) -> SourceModel:
        """Load it, as :func:`snnc.compiler.frontend.source.load_source` does.

        Args:
            name: C identifier to use instead of the one chosen.
        """
        from snnc.compiler.frontend.given import Given
        from snnc.compiler.frontend.nir.file import NirOptions
        from snnc.compiler.frontend.source import load_source

        given = dict(self.arguments)
        names = [name for name in given if name.startswith("nir_")]
        nir = NirOptions(**{name.removeprefix("nir_"): given.pop(name) for name in names})
        given["name"] = name or given["name"]
        return load_source(self.spec, Given(**given), nir=nir)

    def why_renamed(self) -> str:
        """Why the C has another name than the model; empty where it has not."""
        from snnc.compiler.frontend.identifiers import why_renamed
        from snnc.compiler.frontend.source import name_given

        return why_renamed(name_given(self.spec, self.arguments["name"]))

    def beside(self, baseline: str | None) -> SourceModel | None:
        """The baseline; where both are factories, it takes what this model takes.

        Raises:
            SnncError: as :meth:`load`.
        """
        from snnc.compiler.frontend.given import Given
        from snnc.compiler.frontend.source import is_factory, load_source

        if baseline is None:
            return None
        if is_factory(baseline) and is_factory(self.spec):
            shared = {key: self.arguments[key] for key in _SHARED}
            return load_source(baseline, Given(**shared))
        return load_source(baseline)


_SHARED = (
    "input_shape",
    "time_steps",
    "frame_us",
    "per_step",
    "batch_first",
    "still",
    "readout",
    "all_outputs",
    "encoder",
    "input_kind",
)
"""What two factories' models have in common that are compared."""

input_shape_option = click.option(
    "--input-shape", type=_Shape(), help="One step's shape, for a factory's model."
)

_MODEL_OPTIONS = (
    click.option("--name", help="C prefix of the model; default: from its file name."),
    click.option(
        "--weights",
        type=click.Path(path_type=Path),
        help="State dict for a factory's model; loaded without running code.",
    ),
    input_shape_option,
    click.option("--time-steps", type=click.IntRange(1), help="T, for a factory or NIR file."),
    click.option(
        "--frame-us",
        type=click.IntRange(1),
        help="Length of a frame of recordings in µs, for a factory or NIR file.",
    ),
    click.option(
        "--per-step",
        is_flag=True,
        help="The factory's model takes one time step and keeps its state between calls.",
    ),
    click.option("--batch-first", is_flag=True, help="The factory's model takes [N, T, ...]."),
    click.option(
        "--still", is_flag=True, help="The factory's model takes one image and repeats it itself."
    ),
    click.option(
        "--readout",
        type=click.Choice(["mean", "sum", "last", "max", "none"]),
        help="What becomes of a factory's output for each step; none: every step is given.",
    ),
    click.option(
        "--all-outputs",
        is_flag=True,
        help="Compile every item of a tuple that the factory's model gives, not just the first.",
    ),
    click.option(
        "--encoder",
        type=click.Choice(["direct", "rate", "latency"]),
        help="DATA are still images, and how they become steps.",
    ),
    click.option(
        "--input-kind",
        type=click.Choice(["count", "real"]),
        help="What the numbers of a frame are: counts of events, or real numbers of either sign "
        "(float32 in the C). Default: count.",
    ),
    click.option(
        "--nir-reset",
        type=click.Choice(["zero", "subtract"]),
        help="What a spike does to the potential; a NIR file does not say.",
    ),
    click.option(
        "--nir-dt",
        type=float,
        help="Length of a step in the unit of the NIR file's time constants.",
    ),
    click.option(
        "--nir-spikes",
        type=click.Choice(["one", "many"]),
        help="Spikes of a neuron in a step: one at most, or one for each whole threshold in its "
        "potential (sinabs); a NIR file does not say. Default: one, and a warning.",
    ),
    click.option(
        "--nir-floor",
        type=float,
        help="The least potential after a step (sinabs: -1), or -inf; a NIR file does not say. "
        "Default: -inf, and a warning.",
    ),
)


def model_options(function: F) -> F:
    """MODEL and its options, given to the command as one :class:`ModelChoice` called ``model``."""
    names = ["name", "weights", "input_shape", "time_steps", "frame_us"]
    names += ["per_step", "batch_first", "still", "readout", "all_outputs"]
    names += ["encoder", "input_kind", "nir_reset", "nir_dt", "nir_spikes", "nir_floor"]

    @wraps(function)
    def command(model: str, **others: Any) -> Any:
        others |= _of_file(model)
        if "data" in others and others["data"] is None:
            raise click.MissingParameter(param_hint="'--data'", param_type="option")
        return function(ModelChoice(model, {name: others.pop(name) for name in names}), **others)

    decorated: Any = command
    for decorate in reversed(_MODEL_OPTIONS):
        decorated = decorate(decorated)
    return cast("F", click.argument("model")(decorated))


def _of_file(model: str) -> dict[str, Any]:
    """Options of the command at hand that were not typed, as a model file gives them."""
    from snnc.compiler.frontend.model_file import is_model_file, read

    if not is_model_file(model):
        return {}
    context, said = click.get_current_context(), read(Path(model)).options
    typed = {key for key in said if context.get_parameter_source(key) is not _DEFAULT}
    return {
        option.name: option.type_cast_value(context, said[option.name])
        for option in context.command.params
        if option.name in said and option.name not in typed
    }


_DEFAULT = click.core.ParameterSource.DEFAULT

json_option = click.option(
    "--json", "json_file", metavar="FILE", help="Write the result as JSON; - is standard output."
)
samples_option = click.option(
    "--samples", type=click.IntRange(1), help="Use the first N samples; default: all."
)
split_option = click.option(
    "--split",
    type=click.Choice(["test", "train"]),
    default="test",
    show_default=True,
    help="Which part of the data set.",
)


def dtype_options(function: F) -> F:
    """--dtype, and what int8 needs."""
    for decorate in (
        click.option(
            "--calibrate-samples",
            type=click.IntRange(1),
            help="Calibrate on N training recordings, spread evenly; default: 64.",
        ),
        click.option(
            "--calibrate",
            metavar="DATA",
            help="DATA whose training recordings choose the scales (int8) or the kernels (f32).",
        ),
        click.option(
            "--dtype",
            default="f32",
            show_default=True,
            help="Arithmetic of the C: f32 or int8.",
        ),
    ):
        function = decorate(function)
    return function


density_option = click.option(
    "--density",
    type=click.FloatRange(0.0, 1.0),
    help="Choose kernels (f32) as if every layer's spikes were this dense.",
)
baseline_option = click.option("--baseline", help="MODEL to compare with, on the same recordings.")
page_option = click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Write the page (HTML) here."
)
csv_option = click.option(
    "--csv", "csv_file", metavar="FILE", help="Write the layers as CSV; - is standard output."
)

target_option = click.option(
    "--target",
    default="host",
    show_default=True,
    help="Where the C runs: host, cortex-m0, -m3, -m4, -m7, -m33, -m55, riscv32, or a board, which "
    "is its core and its memory: rp2040, nrf52840, ... (snnc boards).",
)


def check_dtype(
    dtype: str, calibrate: str | None, samples: int | None, *, chooses_kernels: bool = False
) -> None:
    """Raise SnncError (BAD_OPTION) unless int8 comes with --calibrate, and f32 without.

    With ``chooses_kernels`` f32 may have --calibrate too: it then chooses kernels.
    """
    one_of(dtype, ["f32", "int8"], "--dtype")
    if dtype == "int8" and calibrate is None:
        raise SnncError(
            BAD_OPTION,
            "--dtype int8 needs --calibrate DATA",
            hint="Name the data set that the model was trained on; only its training part is read.",
        )
    misplaced = samples is not None or (calibrate is not None and not chooses_kernels)
    if dtype == "f32" and misplaced:
        raise SnncError(
            BAD_OPTION,
            "--calibrate and --calibrate-samples belong to --dtype int8",
            hint="Leave them out.",
        )


def console_for(*files: str | None) -> Terminal:
    """Where people read: standard output, or standard error while a file goes to standard output.

    Raises:
        SnncError: BAD_OPTION for two files that both go there.
    """
    if files.count("-") > 1:
        raise SnncError(
            BAD_OPTION,
            "JSON and CSV cannot both go to standard output",
            hint="Name a file for one of them.",
        )
    return Terminal(stderr="-" in files)


def write_json(content: dict[str, Any], json_file: str | None) -> None:
    """Write the JSON result where it was asked for. Raises SnncError (BAD_OUTPUT)."""
    if json_file is None:
        return
    write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", json_file)


def write_text(text: str, file: str) -> None:
    """Write a file, or to standard output for ``-``. Raises SnncError (BAD_OUTPUT)."""
    if file == "-":
        sys.stdout.write(text)
        return
    write_atomically(Path(file), text.encode("utf-8", "backslashreplace"))


def one_of(value: str, choices: Sequence[str], option: str) -> str:
    """``value`` if it is a choice that exists so far; else a sentence with the choices."""
    if value not in choices:
        raise SnncError(
            BAD_OPTION,
            f"{option} {value} is not available in this version",
            hint=f"Use {' or '.join(choices)}.",
        )
    return value
