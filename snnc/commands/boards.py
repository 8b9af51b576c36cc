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
from snnc.commands.weight_types import check_weights, weight_type_option
from snnc.console import BAD, GOOD, Terminal, slim_table, styled
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from snnc.bench.target.board_fit import Fit
    from snnc.bench.target.cycles import Estimate
    from snnc.compiler.compilation import Compilation
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
    "--calibrate-samples",
    type=click.IntRange(1),
    help="Calibrate on N training recordings, spread evenly; default: 64.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many test recordings to count.",
)
@weight_type_option
@buffering_options
@json_option
def command(
    model: ModelChoice,
    dtype: str,
    weight_type: str,
    calibrate: str | None,
    calibrate_samples: int | None,
    samples: int,
    buffering: Buffering,
    json_file: str | None,
) -> None:
    """Say which boards MODEL fits on, and with --calibrate how long a window takes there.

    Flash is that of the constants and 24 KB for code, RAM the arena's and 3 KB around it, of the
    plan that computes least again. Boards that differ only in sizes and clock share one build and
    one run; what was counted is kept in the build cache. Exit status 0, whatever fits.
    """
    from snnc.api.checking import sized
    from snnc.api.compile_settings import CompileSettings
    from snnc.api.in_memory import compiled
    from snnc.bench.target.board_fit import fit_all
    from snnc.compiler.deploy.boards import owned_boards
    from snnc.compiler.ops.int8.synapses.rows import OWN

    if calibrate is not None and dtype != "int8":
        raise SnncError(
            BAD_OPTION, "--calibrate times int8 networks", hint="Leave it out, or --dtype f32."
        )
    check_weights(weight_type, None, dtype)
    if calibrate is None and weight_type != "int8":
        raise SnncError(
            BAD_OPTION,
            "--weight-type int4 is for a network that --calibrate has made of integers",
            hint="Add --calibrate DATA.",
        )
    source = model.load()
    boards = list(owned_boards().values())
    times: Mapping[str, Estimate] = {}
    with Terminal(stderr=True).status("planning memory") as status:
        if calibrate is None:
            fits = fit_all(sized(source, dtype), boards, buffering)
        else:
            status.update("calibrating")
            settings = CompileSettings(
                "int8", calibrate, calibrate_samples, order=OWN, weight_types=weight_type
            )
            compilation, _ = compiled(source, settings)
            fits = fit_all(compilation, boards, buffering)
            times = _times(source, compilation, calibrate, samples, fits, status.update)
    entries = [
        {**fit.as_json(), "estimate": found and found.as_json()}
        for fit, found in ((fit, times.get(fit.board.name)) for fit in fits)
    ]
    write_json({"model": model.spec, "dtype": dtype, "boards": entries}, json_file)
    title = f"{model.spec}, {dtype}"
    _show(console_for(json_file), title, fits, times, calibrate is not None or dtype != "int8")


def _times(
    source: SourceModel,
    compilation: Compilation,
    data: str,
    samples: int,
    fits: list[Fit],
    say: Callable[[str], None],
) -> Mapping[str, Estimate]:
    from snnc.api.data.windows import test_vectors
    from snnc.bench.target.board_fit import time_all

    say("the reference's scores")
    vectors = list(test_vectors(source, compilation, data, "test", samples))
    return time_all(
        compilation,
        vectors,
        fits,
        lambda done, of: say(f"counting instructions: {done} of {of} builds"),
    )


def _show(
    console: Console,
    title: str,
    fits: list[Fit],
    times: Mapping[str, Estimate],
    calibrated: bool,
) -> None:
    memory = ("MHz", "RAM", "of", "flash", "of")
    table = slim_table("board", "core", "fits", numbers=memory, title=title)
    for fit in fits:
        board = fit.board
        have = (_kilobytes(board.ram), _kilobytes(board.flash))
        sizes = _kilobytes(fit.ram), have[0], _kilobytes(fit.flash), have[1]
        core = board.core.split(" (")[0]
        table.add_row(board.name, core, _answer(fit), f"{board.mhz:g}", *sizes)
    console.print(table)
    console.print("RAM and flash in KB; what a board has is in the column behind.")
    if not calibrated:
        console.print(
            "A frame's counts are taken to fit a byte each; --calibrate looks at recordings."
        )
    if times:
        _show_times(console, times)


def _show_times(console: Console, times: Mapping[str, Estimate]) -> None:
    """Modelled figures in a table of their own: both together are wider than a terminal."""
    from snnc.bench.target.cycles import figures

    numbers = ("M cycles", "ms", "of real time", "mJ")
    table = slim_table("board", numbers=numbers, title="a window, modelled")
    for name, found in times.items():
        table.add_row(name, *figures(found))
    console.print(table)
    console.print(
        "From counted instructions and the cycles that are published for them, without waiting "
        "for flash; energy is the core's, by published currents."
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
