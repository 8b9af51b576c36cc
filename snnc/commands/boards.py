"""``snnc boards``: the boards by name, and which of them a model fits on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.commands.memory import buffering_options
from snnc.commands.options import (
    ModelChoice,
    console_for,
    json_option,
    model_options,
    write_json,
)
from snnc.console import BAD, GOOD, Terminal, slim_table, styled

if TYPE_CHECKING:
    from snnc.bench.fitting import Fit
    from snnc.compiler.plan.input_buffer import Buffering


@click.command()
@model_options
@click.option("--dtype", default="int8", show_default=True, help="int8 or f32.")
@buffering_options
@json_option
def command(model: ModelChoice, dtype: str, buffering: Buffering, json_file: str | None) -> None:
    """Say which boards MODEL fits on.

    Flash is that of the constants and 24 KB for code, RAM the arena's and 3 KB around it, of the
    plan that computes least again. No calibration data are needed. Exit status 0, whatever fits.
    """
    from snnc.api.checking import sized
    from snnc.bench.fitting import fit_all
    from snnc.compiler.deploy.boards import owned_boards

    with Terminal(stderr=True).status("planning memory"):
        compilation = sized(model.load(), dtype, buffering)
        fits = fit_all(compilation, list(owned_boards().values()))
    result = {"model": model.spec, "dtype": dtype, "boards": [fit.as_json() for fit in fits]}
    write_json(result, json_file)
    _show(console_for(json_file), f"{model.spec}, {dtype}", fits)


def _show(console: Console, title: str, fits: list[Fit]) -> None:
    table = slim_table(
        "board", "core", "fits", numbers=("MHz", "RAM", "of", "flash", "of"), title=title
    )
    for fit in fits:
        board = fit.board
        have = (_kilobytes(board.ram), _kilobytes(board.flash))
        table.add_row(
            board.name, board.core.split(" (")[0], _answer(fit), f"{board.mhz:g}",
            _kilobytes(fit.ram), have[0], _kilobytes(fit.flash), have[1],
        )  # fmt: skip
    console.print(table)
    console.print("RAM and flash in KB; what a board has is in the column behind.")


def _answer(fit: Fit) -> Any:
    if fit.fits is None:
        return "not known"
    if not fit.fits:
        return styled(f"no: {' and '.join(fit.too_large)}", BAD)
    again = f", {fit.recomputed} computed again" if fit.recomputed else ""
    return styled(f"yes{again}", GOOD)


def _kilobytes(size: int | None) -> str:
    return "?" if size is None else f"{-(-size // 1024):,}"
