"""``snnc check``: everything in a model that cannot be compiled, at once."""

from __future__ import annotations

import sys

import click

from snnc.commands.memory import Size
from snnc.commands.options import (
    ModelChoice,
    console_for,
    json_option,
    model_options,
    target_option,
    write_json,
)
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
    from snnc.api.checking import Wish, checked, show

    found = checked(model.load(), Wish(dtype, target, max_ram, max_flash))
    write_json(found.to_json(), json_file)
    show(console_for(json_file), model.spec, found.to_json())
    if not found.fits:
        sys.exit(EXIT_NO)
