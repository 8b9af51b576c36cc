"""The section of docs/results.md about the same networks as ANNs, for generate_results.py."""

from __future__ import annotations

from typing import Any

Result = dict[str, Any]

KINDS = {"dense": "ANN", "sparse": "sparse ANN"}

PAPERS = (
    (
        "Yan, Bai, Wong 2024 (arXiv:2409.08290, abstract of v4; v3 has 6.4 % for T 5 to 10)",
        "at T = 5 a spiking network must fire at less than 5.7 % (0.285 spikes a neuron)",
        "their rule for bits, ceil(log2(T+1)), is ours. The rate is not reproduced: it follows "
        "from their energies of memories and network on chip and their share of zeros, of which we "
        "have only the abstract",
    ),
    (
        "Dampfhoffer et al. 2022 (IEEE TETCI)",
        "the firing below which a spiking network pays, in spikes a synapse and inference",
        "their unit is ours. Their figures are neither quoted nor reproduced: the paper could not "
        "be read when this was written",
    ),
    (
        "Lemaire et al. 2022 (ICONIP, abstract)",
        "spiking networks take 6 to 8 times less energy than formal ones",
        "their model of memory is what ours derives from. The ratio is not reproduced: it is of "
        "their networks; they charge the input's encoding and addresses, ours neither",
    ),
    (
        "Shen et al. 2024 (CVPR)",
        "T time steps and activations of T bits have one bit budget",
        "reproduced at T = 1 (a test): a synapse that carries a spike costs the bit operations of "
        "a MAC of 1 bit. Beyond it they charge T steps, ours the spikes that came",
    ),
)
"""Who, what they found, and what of it is found here."""


def ann_section(measured: dict[str, dict[str, Result]]) -> list[str]:
    """The text."""
    return [
        "### The same networks as ANNs",
        "",
        "`snnc energy MODEL --ann`: the network without attention, run once on the whole window",
        "with activations of as many bits as a count of spikes has (Yan et al. 2024). The *ANN*",
        "multiplies at every synapse and reuses no operand; the *sparse ANN* is the same",
        "event-driven machine, and skips what was 0 in the whole window, counted on recordings.",
        "ΔE is the spiking network's against it. *Pays below*: the NASFR, with spikes a synapse",
        "and inference in brackets, below which the spiking network is the cheaper one, if all",
        "neurons fire less alike.",
        "",
        *table(measured),
        "",
        *sentences(measured),
        "How this stands beside the papers that asked for it:",
        "",
        "| paper | what it says | here |",
        "| --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in PAPERS),
        "",
    ]


def table(measured: dict[str, dict[str, Result]]) -> list[str]:
    """Each model against both, view by view, a recording."""
    rows = [
        "| model | view | spiking | ANN | ΔE | of the ANN's | pays below | sparse ANN | ΔE "
        "| of the sparse ANN's | pays below |",
        f"| --- | --- |{' --: |' * 9}",
    ]
    for name, results in measured.items():
        found, samples = results["energy"]["ann"], results["energy"]["samples"]
        for view, entry in found["dense"]["views"].items():
            cells = [name, entry["title"], micro(entry["model"] / samples)]
            for kind in KINDS:
                beside = found[kind]["views"][view]
                cells += [
                    micro(beside["baseline"] / samples),
                    micro(beside["delta"] / samples, sign=True),
                    f"{100 * beside['relative']:+.0f} %",
                    below(found[kind]["break_even"][view]),
                ]
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def sentences(measured: dict[str, dict[str, Result]]) -> list[str]:
    """What each model fires, and by which views it beats which network."""
    lines = []
    for name, results in measured.items():
        found = results["energy"]["ann"]
        beats = [f"against the {KINDS[kind]} {by_views(found[kind]['views'])}" for kind in KINDS]
        both = "; ".join(beats)
        bits = found["bit_operations"]
        lines += [
            f"{name} fires {found['spikes_per_synapse']:.3g} spikes a synapse and inference "
            f"(T {found['time_steps']}, {found['bits']} bits). "
            f"{both[0].upper()}{both[1:]}. "
            f"Its bit operations are {bits['snn'] / bits['dense']:.2f} of the ANN's and "
            f"{bits['snn'] / bits['sparse']:.2f} of the sparse ANN's.",
            "",
        ]
    return lines


def by_views(views: dict[str, Result]) -> str:
    """By which views a network saves, and by which it costs."""
    ways = {
        "saves": [view["title"] for view in views.values() if view["delta"] < 0],
        "costs": [view["title"] for view in views.values() if view["delta"] >= 0],
    }
    told = [f"{way} by {', '.join(names)}" for way, names in ways.items() if names]
    return f"it {' and '.join(told)}"


def below(point: Result) -> str:
    """The firing below which it pays."""
    if point["nasfr"] is None:
        return "none"
    if point["nasfr"] > 1:
        return "any"
    return f"{point['nasfr']:.3g} ({point['spikes_per_synapse']:.3g})"


def micro(pj: float, *, sign: bool = False) -> str:
    """An energy in microjoules."""
    return f"{format(pj / 1e6, '+,.2f' if sign else ',.2f')} µJ"
