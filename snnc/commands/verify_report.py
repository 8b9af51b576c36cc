"""What ``snnc verify`` says in the terminal, and what it keeps in a compiled folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from snnc.compiler.verify.board import BoardVerification
from snnc.compiler.verify.chain.links import Check, LayerResult
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.integer import IntegerVerification
from snnc.compiler.verify.outputs import OutputResult
from snnc.compiler.verify.shipped.artefact import record
from snnc.console import slim_table

PROBLEMS_SHOWN = 5
"""Sentences about one link in the terminal; the JSON and the page have more."""


def show(console: Console, model: str, result: Verification) -> None:
    """Print the layers, the chain, what was vacuous, and the verdict."""
    title = f"{model}: {result.samples} recordings, {result.time_steps} steps"
    if isinstance(result, BoardVerification):
        title += f", on {result.board} ({result.target}), {result.stack:,} bytes of stack used"
    console.print(_layers_table(result, title))
    console.print(_links_table(result))
    for link in result.chain:
        for line in link.problems[:PROBLEMS_SHOWN]:
            console.print(f"[bold red]{link.name}:[/] {escape(line)}")
    if result.samples:
        console.print(f"same class on {result.same_class} of {result.samples} recordings")
    if result.labelled:
        right = result.right
        console.print(
            f"accuracy: PyTorch {right['pytorch']}/{result.labelled}, "
            f"C {right['c']}/{result.labelled}"
        )
    if isinstance(result, IntegerVerification) and result.fidelity is not None:
        console.print(
            "largest difference of a score from PyTorch's: "
            f"{result.fidelity['largest_score_difference']:.3g}"
        )
    for entry in result.vacuous:
        console.print(f"[yellow]not shown by these recordings:[/] {escape(str(entry))}")
    style = "bold yellow" if result.vacuous else "bold green"
    console.print(f"[{style if result.passed else 'bold red'}]{escape(result.verdict)}[/]")


def keep(
    console: Console,
    folder: Path,
    manifest: Mapping[str, Any],
    result: Verification,
    data: str,
) -> None:
    """Record the proof in the folder's manifest, or say why it cannot be."""
    try:
        record(folder, manifest, result, data)
    except OSError as error:
        console.print(
            f"[yellow]the proof is not recorded in {escape(str(folder))}: "
            f"{escape(str(error.strerror))}[/]"
        )


def _layers_table(result: Verification, title: str) -> Table:
    """Every layer's spikes and every output beside PyTorch's (int8: the integer reference's)."""
    columns = ("compared", "differ", "explained", "unexplained")
    table = slim_table("beside PyTorch", numbers=columns, title=escape(title))
    entries: list[tuple[str, LayerResult | OutputResult]]
    entries = [(entry.name, entry) for entry in result.layers]
    entries += [(f"output {entry.name}", entry) for entry in result.outputs]
    for name, entry in entries:
        numbers = (entry.compared, entry.mismatches, entry.explained, entry.unexplained)
        style = "bold red" if entry.unexplained else None
        table.add_row(escape(name), *(f"{number:,}" for number in numbers), style=style)
    return table


def _links_table(result: Verification) -> Table:
    """The chain: each link with its sums, its checks below it."""
    table = slim_table("link", numbers=("compared", "differ", "explained", "unexplained"))
    for link in result.chain:
        style = "bold" if link.holds else "bold red"
        table.add_row(link.name, *_numbers(link.total()), style=style)
        for check in link.checks.values():
            red = "red" if check.unexplained else None
            table.add_row(f"  {check.name}", *_numbers(check), style=red)
    return table


def _numbers(check: Check) -> list[str]:
    numbers = (check.compared, check.differ, check.explained, check.unexplained)
    return [f"{number:,}" for number in numbers]
