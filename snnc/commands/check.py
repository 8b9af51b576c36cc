"""``snnc check``: everything in a model that cannot be compiled, at once."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from snnc.commands.options import ModelChoice, console_for, json_option, model_options, write_json
from snnc.console import slim_table
from snnc.errors import EXIT_NO


@click.command()
@model_options
@json_option
def command(
    model: ModelChoice,
    json_file: str | None,
) -> None:
    """List everything in MODEL that cannot be compiled, and what keeps it from streaming.

    Exit status 1 if there is anything.
    """
    from snnc.compiler.frontend.torch_fx import survey
    from snnc.compiler.plan.causality import causality, causality_of_parts

    source = model.load()
    importing, outputs = survey(
        source.module, source.input_shape, source.time_steps, name=source.name
    )
    supported = not importing.unsupported
    result: dict[str, Any] = {
        "supported": supported,
        "unsupported": [entry.as_json() for entry in importing.unsupported],
        "causality": causality(importing.graph(outputs))
        if supported
        else causality_of_parts(importing.fragments()),
    }
    write_json(result, json_file)
    show(console_for(json_file), model.spec, result)
    if not supported:
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
