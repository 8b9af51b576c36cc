"""``snnc check``: everything in a model that cannot be compiled, at once."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from snnc.commands.memory import Size
from snnc.commands.options import (
    ModelChoice,
    console_for,
    json_option,
    model_options,
    target_option,
    write_json,
)
from snnc.console import slim_table
from snnc.errors import EXIT_NO


@click.command()
@model_options
@click.option("--dtype", default="f32", show_default=True, help="f32 or int8, without calibration.")
@target_option
@click.option("--max-ram", type=Size(), help="Most RAM for arena and stack (host: arena): 64K.")
@click.option("--max-flash", type=Size(), help="Most flash for code and constants: 512K, 1M.")
@json_option
def command(
    model: ModelChoice,
    dtype: str,
    target: str,
    max_ram: int | None,
    max_flash: int | None,
    json_file: str | None,
) -> None:
    """Say whether MODEL can be had, and on what: everything that cannot be compiled, what keeps it
    from streaming, and whether it fits.

    With --target the core's largest board is the budget, or --max-ram and --max-flash. No
    calibration data are needed. Exit status 1 where the answer is no.
    """
    from snnc.api.checking import Wish, checked

    found = checked(model.load(), Wish(dtype, target, max_ram, max_flash))
    write_json(found.to_json(), json_file)
    show(console_for(json_file), model.spec, found.to_json())
    if not found.fits:
        sys.exit(EXIT_NO)


def show(console: Console, model: str, result: dict[str, Any]) -> None:
    """Print what is unsupported, or that all is supported; and what keeps it from streaming."""
    if not result["supported"]:
        table = Table(
            "module", "class", "input", "reason", "way out", "line", title=f"{model}: unsupported"
        )
        for entry in result["unsupported"]:
            keys = ("module", "class", "shape", "reason", "suggestion", "source")
            table.add_row(*(entry[key] for key in keys))
        console.print(table)
    else:
        console.print(f"{model}: every layer is supported")
    _show_causality(console, result["causality"])
    for name, budget in result["budgets"].items():
        fits = budget["needed"] <= budget["allowed"]
        said = "fits in" if fits else "[bold red]does not fit in[/]"
        console.print(f"{name}: {budget['needed']:,} bytes, {said} {budget['allowed']:,}")


def _show_causality(console: Console, found: dict[str, Any]) -> None:
    if found["streams"]:
        console.print("It streams: each step needs only the steps before it.")
    if not found["needs_future"]:
        return
    title = "modules that need the whole window"
    if not found["complete"]:
        title += ", as far as it is supported"
    table = slim_table("module", "waits for", numbers=("buffer",), title=title)
    for entry in found["needs_future"]:
        table.add_row(entry["module"], entry["reason"], f"{entry['bytes'] / 1024:.1f} KiB")
    table.add_section()
    table.add_row("in all", "", f"{found['bytes'] / 1024:.1f} KiB")
    console.print(table)
