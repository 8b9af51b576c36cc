"""``snnc init``: one file for a model of one's own, by asking the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from snnc.commands.options import input_shape_option

if TYPE_CHECKING:
    from snnc.compiler.frontend.asking import Answer


@click.command()
@click.argument("model", metavar="MODULE:FACTORY")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("snnc.toml"),
    show_default=True,
    help="The file to write.",
)
@click.option("--weights", type=click.Path(path_type=Path), help="State dict of the model.")
@input_shape_option
@click.option("--time-steps", type=click.IntRange(1), help="T; default: as the model says, or 10.")
@click.option("--data", help="DATA, to be kept in the file.")
def command(
    model: str,
    out: Path,
    weights: Path | None,
    input_shape: tuple[int, ...] | None,
    time_steps: int | None,
    data: str | None,
) -> None:
    """Write a file that says what MODULE:FACTORY takes and gives, by asking it.

    The shape of a step comes from the first layer, window or step and the readout from calling it
    on a few inputs. Every command then takes the file as MODEL: `snnc check snnc.toml`.
    """
    from snnc.atomic import write_atomically
    from snnc.compiler.frontend.asking import ask
    from snnc.compiler.frontend.source import factory_model
    from snnc.errors import BAD_OUTPUT, SnncError

    if out.exists():
        raise SnncError(
            BAD_OUTPUT,
            "the file exists",
            where=str(out),
            hint="Remove it, or name another with -o.",
        )
    answer = ask(factory_model(model, weights), input_shape, time_steps)
    write_atomically(out, _text(model, answer, weights, data).encode())
    console = Console(highlight=False)
    console.print(escape(out.read_text("utf-8")), end="", soft_wrap=True)
    console.print(f"wrote {out}; next: snnc check {out}")


def _text(model: str, answer: Answer, weights: Path | None, data: str | None) -> str:
    """The file: what the model said, why, and what may be added."""
    shape = f"input_shape = {list(answer.input_shape)}"
    if answer.layer:
        shape += f"  # of a step, from the first layer, {answer.layer}"
    steps = f"time_steps = {answer.time_steps}"
    if not answer.said_steps:
        steps += "  # the model does not say: how many was it trained with?"
    lines = [
        "# Every key is an option of the command line; `snnc check` takes this file as MODEL.",
        f"model = {_quoted(model)}",
        _line("weights", None if weights is None else str(weights), "net.pt", "a state dict"),
        shape,
    ]
    if answer.others:
        sides = ", ".join(map(str, answer.others[:8]))
        lines.append(f"# maps with sides {sides} would fit as well")
    lines.append(steps)
    if answer.per_step:
        lines.append("per_step = true  # forward takes one step and keeps its state")
    if answer.readout:
        lines.append('readout = "mean"  # over the steps of its output; or sum, last, max, none')
    lines += [
        "# frame_us = 15000  # length of a step, where recordings are the data",
        '# input_kind = "real"  # frames of real numbers, as images and sensors give; else counts',
        _line("data", data, "counts.npz", "or nmnist:DIR, package.module:factory, a recording"),
        _line("baseline", None, "other.toml", "what `snnc energy` compares with"),
        _line("dtype", None, "int8", "with calibrate = DATA of the training set"),
        _line("target", None, "cortex-m4", 'and max_ram = "64K"'),
    ]
    return "\n".join(lines) + "\n"


def _line(key: str, value: str | None, example: str, note: str) -> str:
    if value is not None:
        return f"{key} = {_quoted(value)}"
    return f"# {key} = {_quoted(example)}  # {note}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
