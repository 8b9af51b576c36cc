"""A verification in a terminal: the layers, the chain, the verdict."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from snnc.compiler.verify.board import BoardVerification
from snnc.compiler.verify.chain.links import Check, LayerResult
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.integer import IntegerVerification
from snnc.compiler.verify.outputs import OutputResult
from snnc.console import BAD, GOOD, slim_table, styled

DOUBTFUL = "yellow"
"""Style of what is said about the proof itself."""

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
            console.print(styled(f"{link.name}:", BAD), line)
    if levels := (result.artefact or {}).get("levels"):
        lesser = f"; compared with it: {', '.join(levels[1:])}" if levels[1:] else ""
        console.print(f"the library runs its code for {levels[0]} here{lesser}")
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
        console.print(styled("not shown by these recordings:", DOUBTFUL), str(entry))
    style = f"bold {DOUBTFUL}" if result.vacuous else GOOD
    console.print(styled(result.verdict, style if result.passed else BAD))


def _layers_table(result: Verification, title: str) -> Table:
    """Every layer's spikes and every output beside PyTorch's (int8: the integer reference's)."""
    columns = ("compared", "differ", "explained", "unexplained")
    table = slim_table("beside PyTorch", numbers=columns, title=title)
    entries: list[tuple[str, LayerResult | OutputResult]]
    entries = [(entry.name, entry) for entry in result.layers]
    entries += [(f"output {entry.name}", entry) for entry in result.outputs]
    for name, entry in entries:
        numbers = (entry.compared, entry.mismatches, entry.explained, entry.unexplained)
        style = BAD if entry.unexplained else None
        table.add_row(name, *(f"{number:,}" for number in numbers), style=style)
    return table


def _links_table(result: Verification) -> Table:
    """The chain: each link with its sums, its checks below it."""
    table = slim_table("link", numbers=("compared", "differ", "explained", "unexplained"))
    for link in result.chain:
        style = "bold" if link.holds else BAD
        table.add_row(link.name, *_numbers(link.total()), style=style)
        for check in link.checks.values():
            red = "red" if check.unexplained else None
            table.add_row(f"  {check.name}", *_numbers(check), style=red)
    return table


def _numbers(check: Check) -> list[str]:
    numbers = (check.compared, check.differ, check.explained, check.unexplained)
    return [f"{number:,}" for number in numbers]
