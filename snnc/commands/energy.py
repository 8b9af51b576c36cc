"""``snnc energy``: operations and energy on recordings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.commands.options import (
    ModelChoice,
    console_for,
    json_option,
    model_options,
    progress_bar,
    samples_option,
    split_option,
    write_json,
)

if TYPE_CHECKING:
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.ir import Array
    from snnc.estimator.energy import Estimate


@click.command()
@model_options
@click.option("--baseline", help="MODEL to compare with, on the same recordings.")
@click.option("--data", required=True, help="DATA: recordings to count on.")
@samples_option
@split_option
@click.option(
    "--convention", default="executed", show_default=True, help="Counting rule, or paper, dense …"
)
@click.option("--table", default="horowitz-f32", show_default=True, help="Energy table or file.")
@json_option
def command(
    model: ModelChoice,
    baseline: str | None,
    data: str,
    samples: int | None,
    split: str,
    convention: str,
    table: str,
    json_file: str | None,
) -> None:
    """Count MODEL's operations on DATA, layer by layer, and their energy.

    With --baseline also ΔE = E_MAC·Δ_MAC - E_AC·Δ_AC, negative where MODEL saves. The convention
    "executed" counts what the generated C executes; `snnc verify` proves it.
    """
    from snnc.compiler.frontend.source import load_source
    from snnc.estimator.conventions import convention_called
    from snnc.estimator.energy import Comparison, energy_json
    from snnc.estimator.tables import load
    from snnc.estimator.terminal import print_energy

    rule, prices = convention_called(convention), load(table)
    source = model.load()
    ours = _estimate(source, data, split, samples, rule, prices, f"counting {model.spec}")
    comparison = None
    if baseline is not None:
        other = load_source(baseline)
        theirs = _estimate(other, data, split, samples, rule, prices, f"counting {baseline}")
        comparison = Comparison(ours, theirs)
    write_json(energy_json(ours, comparison), json_file)
    print_energy(console_for(json_file), model.spec, ours, comparison)


def _estimate(
    source: SourceModel,
    data: str,
    split: str,
    samples: int | None,
    rule: Any,
    prices: Any,
    doing: str,
) -> Estimate:
    """Count one model on the recordings."""
    from snnc.commands.windows import windows
    from snnc.compiler import pipeline, reference
    from snnc.estimator.activity import Network, observe
    from snnc.estimator.counts import count
    from snnc.estimator.energy import Estimate

    recordings = windows(source, data, split, samples)
    graph = source.graph()
    network = Network(pipeline.lowered(graph), pipeline.optimised(graph))

    def interpret(graph: Any, inputs: Any, forced: Any) -> Any:
        return reference.run(graph, inputs, forced=forced)

    with progress_bar(Console(stderr=True)) as bar:

        def frames() -> Iterator[Array]:
            for window in bar.track(recordings, description=doing):
                yield window.frames

        tally = count(network, observe(network, frames(), interpret), [rule])[rule.name]
    return Estimate(tally, prices)
