"""Options and output that several commands share."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from snnc.errors import BAD_OPTION, BAD_OUTPUT, SnncError

F = TypeVar("F", bound=Callable[..., Any])


class Size(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    """A number of bytes, with an optional K or M (of 1024)."""

    name = "BYTES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse 65536, 64K or 1M."""
        found = re.fullmatch(r"(\d+)([KM]?)", str(value).upper())
        if not found or int(found[1]) < 1:
            self.fail(f"{value!r} is not a number of bytes such as 65536, 64K or 1M", param, ctx)
        return int(found[1]) * {"": 1, "K": 2**10, "M": 2**20}[found[2]]


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


def model_options(function: F) -> F:
    """MODEL, and what only a factory's model needs."""
    for decorate in (
        click.option("--time-steps", type=click.IntRange(1), help="T, for a factory's model."),
        click.option(
            "--input-shape", type=_Shape(), help="One step's shape, for a factory's model."
        ),
        click.option(
            "--weights",
            type=click.Path(path_type=Path),
            help="State dict for a factory's model; loaded without running code.",
        ),
        click.option("--name", help="C prefix of the model; default: from its file name."),
        click.argument("model"),
    ):
        function = decorate(function)
    return function


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
            help="For int8: DATA whose training recordings choose the scales.",
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


target_option = click.option(
    "--target",
    default="host",
    show_default=True,
    help="Where the C runs: host, cortex-m0, -m3, -m4, -m7, -m33, -m55 or riscv32.",
)


def check_dtype(dtype: str, calibrate: str | None, samples: int | None) -> None:
    """Raise SnncError (BAD_OPTION) unless int8 comes with --calibrate, and f32 without."""
    one_of(dtype, ["f32", "int8"], "--dtype")
    if dtype == "int8" and calibrate is None:
        raise SnncError(
            BAD_OPTION,
            "--dtype int8 needs --calibrate DATA",
            mend="Name the data set that the model was trained on; only its training part is read.",
        )
    if dtype == "f32" and (calibrate is not None or samples is not None):
        raise SnncError(
            BAD_OPTION,
            "--calibrate and --calibrate-samples belong to --dtype int8",
            mend="Leave them out.",
        )


def console_for(json_file: str | None) -> Console:
    """Where people read: standard output, or standard error while JSON goes to standard output."""
    return Console(stderr=json_file == "-", highlight=False)


def write_json(content: dict[str, Any], json_file: str | None) -> None:
    """Write the JSON result where it was asked for. Raises SnncError (BAD_OUTPUT)."""
    if json_file is None:
        return
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    if json_file == "-":
        sys.stdout.write(text)
        return
    try:
        Path(json_file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SnncError(BAD_OUTPUT, str(error.strerror), where=json_file) from error


def progress_bar(console: Console) -> Progress:
    """A bar on standard error with what, how far, and how long to go."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def one_of(value: str, choices: Sequence[str], option: str) -> str:
    """``value`` if it is a choice that exists so far; else a sentence with the choices."""
    if value not in choices:
        raise SnncError(
            BAD_OPTION,
            f"{option} {value} is not available in this version",
            mend=f"Use {' or '.join(choices)}.",
        )
    return value
