"""The comparison with an artificial network in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from snnc.console import slim_table
from snnc.estimator.ann.comparison import AgainstAnn
from snnc.estimator.ann.sentences import RULES, ann_headline, firing_text
from snnc.estimator.units import brief, energy_text
from snnc.estimator.views.words import share, signed


def print_ann(console: Console, model: str, found: AgainstAnn) -> None:
    """Print a network beside the artificial ones of its shape, view by view, and its synapses.

    Args:
        console: where to print.
        model: how the network is called.
        found: the comparison.
    """
    for ann in found.anns:
        console.print(Text(ann_headline(found, ann, model), "bold"))
        columns = (ann.title, "model", "ΔE", "", "pays below")
        table = slim_table("energy a recording", numbers=columns, gap=1)
        table.caption = (
            f"{ann.title}: {RULES[ann.name]}; pays below: NASFR (spikes a synapse and inference)"
        )
        for change in found.changes[ann.name]:
            theirs = change.baseline.energy_pj if change.baseline else 0.0
            table.add_row(
                change.model.title,
                energy_text(theirs / found.samples),
                energy_text(change.model.energy_pj / found.samples),
                signed(change.energy_pj / found.samples),
                share(change),
                firing_text(found.break_even[ann.name][change.model.name]),
            )
        console.print(table)
        console.print()
    _print_synapses(console, found)


def _print_synapses(console: Console, found: AgainstAnn) -> None:
    numbers = ("synapses", "operations", "a synapse", "ANN, not 0", "inputs not 0")
    table = slim_table("layer", numbers=numbers, gap=1, title="synapses, a recording")
    bits = {name: brief(round(number)) for name, number in found.bit_operations.items()}
    table.caption = (
        f"bit operations a recording: model {bits['snn']}, ANN {bits['dense']}, sparse ANN "
        f"{bits['sparse']} (weights of {found.weight_bits} bits, activations of {found.bits})"
    )
    for entry in found.layers:
        table.add_row(
            entry.name,
            brief(entry.synapses),
            brief(round(entry.operations)),
            f"{entry.operations / entry.synapses:.3g}",
            brief(round(entry.macs)),
            f"{entry.active:.1%}",
        )
    console.print(table)
    console.print(
        f"{found.firing.spikes_per_synapse:.3g} spikes a synapse and inference in layers that "
        "read spikes",
        highlight=False,
    )
    console.print()
