"""``snnc boards``: the boards by name, which a model fits on, and how long it takes there."""

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
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snnc.bench.target.board_fit import Fit
    from snnc.bench.target.cycles import Estimate
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.plan.input_buffer import Buffering


@click.command()
@model_options
@click.option("--dtype", default="int8", show_default=True, help="int8 or f32.")
@click.option(
    "--calibrate",
    metavar="DATA",
    help="Also say how long a window takes and what it costs (int8): instructions of test "
    "recordings, counted in QEMU, and published cycles and currents.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many test recordings to count.",
)
@buffering_options
@json_option
def command(
    model: ModelChoice,
    dtype: str,
    calibrate: str | None,
    samples: int,
    buffering: Buffering,
    json_file: str | None,
) -> None:
    """Say which boards MODEL fits on, and with --calibrate how long a window takes there.

    Flash is that of the constants and 24 KB for code, RAM the arena's and 3 KB around it, of the
    plan that computes least again. Exit status 0, whatever fits.
    """
    from snnc.api.checking import sized
    from snnc.bench.target.board_fit import fit_all
    from snnc.compiler.deploy.boards import owned_boards

    if calibrate is not None and dtype != "int8":
        raise SnncError(
            BAD_OPTION, "--calibrate times int8 networks", mend="Leave it out, or --dtype f32."
        )
    source = model.load()
    with Terminal(stderr=True).status("planning memory") as status:
        fits = fit_all(sized(source, dtype, buffering), list(owned_boards().values()))
        status.update("counting instructions")
        times = _times(source, calibrate, samples, fits)
    entries = [
        {**fit.as_json(), "estimate": found and found.as_json()}
        for fit, found in ((fit, times.get(fit.board.name)) for fit in fits)
    ]
    write_json({"model": model.spec, "dtype": dtype, "boards": entries}, json_file)
    _show(console_for(json_file), f"{model.spec}, {dtype}", fits, times)


def _times(
    source: SourceModel, calibrate: str | None, samples: int, fits: list[Fit]
) -> Mapping[str, Estimate]:
    if calibrate is None:
        return {}
    from snnc.api.data.windows import test_vectors
    from snnc.api.manner import Manner, compiled
    from snnc.bench.target.board_fit import time_all
    from snnc.compiler.ops.int8.synapses.rows import OWN

    compilation, _ = compiled(source, Manner("int8", calibrate, order=OWN))
    vectors = list(test_vectors(source, compilation, calibrate, "test", samples))
    return time_all(compilation, vectors, fits)


def _show(console: Console, title: str, fits: list[Fit], times: Mapping[str, Estimate]) -> None:
    memory = ("MHz", "RAM", "of", "flash", "of")
    timed = ("ms", "of real time", "uJ") if times else ()
    table = slim_table("board", "core", "fits", numbers=(*memory, *timed), title=title)
    for fit in fits:
        board = fit.board
        have = (_kilobytes(board.ram), _kilobytes(board.flash))
        sizes = _kilobytes(fit.ram), have[0], _kilobytes(fit.flash), have[1]
        figures = _figures(times.get(board.name)) if times else ()
        core = board.core.split(" (")[0]
        table.add_row(board.name, core, _answer(fit), f"{board.mhz:g}", *sizes, *figures)
    console.print(table)
    console.print("RAM and flash in KB; what a board has is in the column behind.")
    if times:
        console.print(
            "Times are modelled from counted instructions and the cycles that the core's maker "
            "publishes, without waiting for flash; energy is the core's, by published currents."
        )


def _figures(found: Estimate | None) -> tuple[str, str, str]:
    from snnc.bench.target.cycles import shown

    if found is None or found.milliseconds is None:
        return ("", "", "")
    share, energy = found.real_time, found.microjoules
    return (
        shown(found.milliseconds, "").strip(),
        "" if share is None else shown(share.times(100), "%"),
        "" if energy is None else shown(energy, ""),
    )


def _answer(fit: Fit) -> Any:
    if fit.fits is None:
        return "not known"
    if not fit.fits:
        return styled(f"no: {' and '.join(fit.too_large)}", BAD)
    again = f", {fit.recomputed} computed again" if fit.recomputed else ""
    return styled(f"yes{again}", GOOD)


def _kilobytes(size: int | None) -> str:
    return "?" if size is None else f"{-(-size // 1024):,}"
