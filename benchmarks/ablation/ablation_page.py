"""Write docs/measured/ablation.md from the results of ablation.py beside it (`make ablation`).

    python benchmarks/ablation/ablation_page.py [FOLDER [LONGER]]

FOLDER (default runs/ablation) holds one folder a run with its result.json. Where runs are missing
the page says which, and gives means over those that are there. LONGER (default FOLDER-long, if it
is there) holds runs with more epochs (`--epochs`), shown beside the others.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from ablation_beside_paper import beside_the_paper
from ablation_results import (
    ABSENT,
    DATA,
    NAMES,
    Delta,
    Result,
    Results,
    Whole,
    mean_ptd,
    of,
    pairs,
    read,
    spread,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "measured" / "ablation.md"
SEEDS = (0, 1, 2)

WHY_QE = (
    "QE is the mean of (U - S)², so it follows the variance of U, not the spikes: the first layer "
    "reads event counts, not spikes, holds most neurons, and so decides the network's mean."
)
LEARNED = 0.5
"""An accuracy below this says that the network did not learn."""
ENOUGH = 0.40
"""ASA-1's NASFR should be this much below vanilla's (the project's own criterion)."""


HOW_THE_SETTINGS_WERE_FOUND = [
    "**How the settings were found.** By a handful of short trials on gesture-sim, seed 0, scored "
    "on its test recordings, so accuracies there are a little too good for all. The paper's "
    "threshold of 0.3 was kept with the gap in view. It matters: trials at a threshold of 1 ended "
    "at 97.3% and NASFR 0.0253 without attention (T 15, 24 channels, 10 epochs), and at 95.0% and "
    "0.0253 with ASA-1 (T 10, 8 epochs). A plain network with a higher threshold fires as rarely "
    "as one with ASA, and was no worse. What follows compares attention modules at one threshold; "
    "it does not show that attention is the only way, or the cheapest, to have few spikes.",
]


def main() -> None:
    """Read what there is and write the page."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "runs" / "ablation")
    results = read(folder)
    if not results:
        sys.exit(f"{folder} holds no result.json: run benchmarks/ablation/ablation.py first")
    default = folder.with_name(f"{folder.name}-long")
    longer = read(Path(sys.argv[2] if len(sys.argv) > 2 else default))
    PAGE.write_text(page(results, longer), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} from {len(results)} runs", file=sys.stderr)


def page(results: Results, longer: Results | None = None) -> str:
    """The text of docs/measured/ablation.md."""
    lines = [
        "# Ablation",
        "",
        "Written by `make ablation` (benchmarks/ablation/ablation.py trains and measures, "
        "benchmarks/ablation/ablation_page.py writes); change those files, not this one.",
        "",
        "Five attentions on the three-layer narrow network (32 channels), with the same training "
        "for all; no epoch was chosen by its test accuracy.",
        "Figures are the mean over the seeds ± the standard deviation (n - 1), energies for one "
        "recording, QE over all neurons, PTD over the channels of the convolution layers.",
        "PTD depends on the bins of the histogram, which the paper does not fix (of layer 2 of the "
        "bundled nmnist_none 9.7% of the channels have a PTD of at least 0 with 10 bins over the "
        "range, 16.6% with this project's, 26.7% with 50): compare PTDs of the same bins only.",
        "",
        *missing(results),
        "",
        *HOW_THE_SETTINGS_WERE_FOUND,
    ]
    for data, title in DATA.items():
        lines += ["", f"## {title}", "", *section(results, data)]
        if any(name == data for name, _, _ in longer or {}):
            lines += ["", f"### {title}, trained for longer", "", *section(longer or {}, data)]
    lines += ["", "## Beside the paper", "", *beside_the_paper(results)]
    lines += ["", "## Where the spikes went", "", *noise(results)]
    lines += ["", "## Every run", "", *every_run(results)]
    return "\n".join(lines) + "\n"


def missing(results: Results) -> list[str]:
    """Which of the planned runs are not there."""
    absent, count = [], 0
    for data, title in DATA.items():
        for attention, name in NAMES.items():
            seeds = [seed for seed in SEEDS if (data, attention, seed) not in results]
            count += len(seeds)
            if seeds:
                absent.append(f"{title} {name} seed {', '.join(map(str, seeds))}")
    planned = len(DATA) * len(NAMES) * len(SEEDS)
    if not absent:
        return [f"All {planned} runs are in."]
    return [
        f"**Not all runs are in: {count} of {planned} are missing** ({'; '.join(absent)}). Each "
        "row says how many seeds it is the mean of."
    ]


def section(results: Results, data: str) -> list[str]:
    """One data set: its settings, its table and what follows from it."""
    some = next((result for (name, _, _), result in results.items() if name == data), None)
    if some is None:
        return ["No run yet."]
    given, hyper = some["setting"], some["hyper"]
    there = [attention for attention in NAMES if of(results, data, attention)]
    return [
        f"{given['time_steps']} frames of {given['dt_us'] // 1000} ms, pixels {given['downsample']}"
        f"×{given['downsample']} of the sensor's, {given['epochs']} epochs in batches of 16, "
        f"learning rate {given['learning_rate']:g} to 0 on half a cosine, shifts of up to "
        f"{given['shift']} pixels, up to {given['event_drop']:.0%} of the events dropped; "
        f"{', '.join(f'{name} {value}' for name, value in hyper.items())}; "
        f"{some['samples']} test recordings.",
        "",
        "| | seeds | added parameters | accuracy, % | NASFR | spikes against vanilla | QE | PTD |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        *(measures_row(results, data, attention) for attention in there),
        "",
        "| | Δ_MAC, executed | Δ_AC, executed | ΔE, Eq. 11 of executed | of vanilla's "
        "| Δ_MAC, paper's rule | Δ_AC, paper's rule | ΔE, Eq. 11 by the paper's rule | of "
        "vanilla's | ΔE, everything executed | of vanilla's |",
        f"| --- |{' --: |' * 10}",
        *(energy_row(results, data, attention) for attention in there if attention != "none"),
        "",
        *verdict(results, data),
        *unlearned(results, data),
        *who_holds(results, data),
    ]


def measures_row(results: Results, data: str, attention: str) -> str:
    """Accuracy, firing and membranes of one attention."""
    found = of(results, data, attention)
    both = pairs(results, data, attention)
    change = [ours["nasfr"] / theirs["nasfr"] - 1 for ours, theirs in both]
    added = {ours["parameters"] - theirs["parameters"] for ours, theirs in both}
    cells = [
        NAMES[attention],
        str(len(found)),
        "" if attention == "none" else ", ".join(f"+{number:,}" for number in sorted(added)),
        spread([100 * result["accuracy"] for result in found], "{:.1f}"),
        spread([result["nasfr"] for result in found], "{:.4f}"),
        "" if attention == "none" else spread([100 * value for value in change], "{:+.0f}", " %"),
        spread([result["quantization_error"] for result in found], "{:.3f}"),
        spread([mean_ptd(result) for result in found], "{:.3f}"),
    ]
    return f"| {' | '.join(cells)} |"


def energy_row(results: Results, data: str, attention: str) -> str:
    """ΔE of Eq. 11 by both rules, then of everything executed."""
    cells = [NAMES[attention]]
    for rule in ("executed", "paper"):
        found = [Delta.of(*both, rule) for both in pairs(results, data, attention)]
        cells += [
            spread([delta.mac / 1e3 for delta in found], "{:+,.0f}", "k"),
            spread([delta.ac / 1e3 for delta in found], "{:+,.0f}", "k"),
            spread([delta.energy_pj / 1e6 for delta in found], "{:+.2f}", " µJ"),
            spread([100 * delta.relative for delta in found], "{:+.0f}", " %"),
        ]
    whole = wholes(results, data, attention)
    cells += [
        spread([delta.whole_pj / 1e6 for delta in whole], "{:+.2f}", " µJ"),
        spread([100 * delta.whole_relative for delta in whole], "{:+.0f}", " %"),
    ]
    return f"| {' | '.join(cells)} |"


def wholes(results: Results, data: str, attention: str) -> list[Whole]:
    """ΔE of everything executed, of the pairs whose runs kept it."""
    return [
        Whole.of(*both)
        for both in pairs(results, data, attention)
        if all("other_energy_pj" in run["operations"]["executed"] for run in both)
    ]


def verdict(results: Results, data: str) -> list[str]:
    """Whether ASA-1 does here what the paper says, in sentences from the figures."""
    both = pairs(results, data, "asa1")
    if not both:
        return ["ASA-1 cannot be compared yet."]
    change = statistics.fmean(ours["nasfr"] / theirs["nasfr"] - 1 for ours, theirs in both)
    accuracy = [statistics.fmean(pair[side]["accuracy"] for pair in both) for side in (0, 1)]
    error = [statistics.fmean(pair[side]["quantization_error"] for pair in both) for side in (0, 1)]
    fewer = f"{abs(change):.0%} {'fewer' if change < 0 else 'more'} spikes"
    first = (
        f"ASA-1 against vanilla, seeds {len(both)}: {fewer}, mean accuracy "
        f"{accuracy[1]:.1%} → {accuracy[0]:.1%}. {energies(results, data)}"
    )
    held = [
        f"NASFR at least {ENOUGH:.0%} below vanilla's: {'yes' if change <= -ENOUGH else 'no'}.",
        f"Equal or better mean accuracy: {'yes' if accuracy[0] >= accuracy[1] else 'no'}.",
        f"Lower quantization error (Table 4): {'yes' if error[0] < error[1] else 'no'}.",
    ]
    return [first, "The paper's claim here: " + " ".join(held)]


def energies(results: Results, data: str) -> str:
    """ASA-1's energy against vanilla's by each view that the runs kept; a disagreement first."""
    eq11 = statistics.fmean(
        Delta.of(*pair, "executed").relative for pair in pairs(results, data, "asa1")
    )
    found = [f"{less(eq11)} by Eq. 11 of the executed counts (weighted sums only)"]
    whole = wholes(results, data, "asa1")
    if not whole:
        return f"Energy: {found[0]}; not known for everything executed."
    everything = statistics.fmean(delta.whole_relative for delta in whole)
    found.append(f"{less(everything)} by everything executed")
    disagree = "The views disagree. " if (eq11 < 0) != (everything < 0) else ""
    return f"{disagree}Energy: {', '.join(found)}; memory traffic was not measured."


def less(relative: float) -> str:
    """A relative change in words."""
    return f"{abs(relative):.0%} {'less' if relative < 0 else 'more'}"


def unlearned(results: Results, data: str) -> list[str]:
    """Runs whose network stayed near chance: they are in the means all the same."""
    found = [
        f"{NAMES[attention]} seed {seed} ({result['accuracy']:.0%}, NASFR {result['nasfr']:.4f})"
        for (name, attention, seed), result in sorted(results.items())
        if name == data and result["accuracy"] < LEARNED
    ]
    if not found:
        return []
    return [f"Did not learn, and is in the means all the same: {', '.join(found)}."]


def who_holds(results: Results, data: str) -> list[str]:
    """Which attentions save enough spikes at equal or better mean accuracy, seed by seed paired."""
    found = []
    for attention, name in NAMES.items():
        both = pairs(results, data, attention) if attention != "none" else []
        if not both:
            continue
        change = statistics.fmean(ours["nasfr"] / theirs["nasfr"] - 1 for ours, theirs in both)
        gain = statistics.fmean(ours["accuracy"] - theirs["accuracy"] for ours, theirs in both)
        if change <= -ENOUGH and gain >= 0:
            found.append(name)
    who = ", ".join(found) or "none"
    return [f"NASFR at least {ENOUGH:.0%} lower at equal or better mean accuracy: {who}."]


COLUMNS: dict[str, tuple[str, str]] = {
    "firing_rate": ("firing rate", "{:.3f}"),
    "null": ("null features", "{:.0%}"),
    "noise": ("noise features", "{:.0%}"),
    "ghosts": ("ghosts", "{:.0%}"),
    "silent": ("silent neurons", "{:.0%}"),
    "mean_potential": ("mean U", "{:+.2f}"),
    "variance": ("variance of U", "{:.2f}"),
    "ptd": ("PTD", "{:+.2f}"),
    "quantization_error": ("QE", "{:.3f}"),
}


def noise(results: Results) -> list[str]:
    """The measures of Section 3 and 5.5 by layer, vanilla beside ASA-1."""
    lines = [
        "The mixing along time in ASA-1 acts through the order of values only, so no gradient "
        "reaches it (nor in the authors' code): it stays as the seed drew it, and which features "
        "ASA-1 groups is a matter of the seed. ASA-2 has no such weights.",
        "",
        "By layer, means over the seeds. A spike feature is one channel's map at one step; a null "
        "feature never fires on any test recording, a noise feature has the peak of its membrane "
        "potentials at or above the threshold, ghosts are near-copies of another channel (at the "
        "busiest step). The threshold is 0.3.",
        "",
        f"| data | layer | | {' | '.join(title for title, _ in COLUMNS.values())} |",
        f"| --- | --- | --- | {' | '.join('--:' for _ in COLUMNS)} |",
    ]
    for data, title in DATA.items():
        layers = next((list(r["layers"]) for (d, _, _), r in results.items() if d == data), [])
        for layer in layers:
            for attention in ("none", "asa1"):
                found = of(results, data, attention)
                cells = [layer_cell(found, layer, key, form) for key, (_, form) in COLUMNS.items()]
                lines.append(f"| {title} | {layer} | {NAMES[attention]} | {' | '.join(cells)} |")
    return lines + worse_error(results)


def worse_error(results: Results) -> list[str]:
    """Where ASA-1's quantization error is not the lower one, against Table 4."""
    found = []
    for data, title in DATA.items():
        both = pairs(results, data, "asa1")
        for layer in both[0][0]["layers"] if both else []:
            after, before = (
                statistics.fmean(pair[side]["layers"][layer]["quantization_error"] for pair in both)
                for side in (0, 1)
            )
            if after > before:
                found.append(f"{title} {layer} ({before:.3f} → {after:.3f})")
    text = f"Against Table 4, ASA-1's QE is higher in {', '.join(found)}. {WHY_QE}"
    return ["", text] if found else []


def layer_cell(found: list[Result], layer: str, key: str, form: str) -> str:
    """Mean of one measure of a layer."""
    values = [result["layers"][layer][key] for result in found]
    return form.format(statistics.fmean(values)) if values else ABSENT


def every_run(results: Results) -> list[str]:
    """One line a run."""
    lines = [
        "| data | attention | seed | accuracy, % | NASFR | QE | training, s |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for data, attention, seed in sorted(results, key=_place):
        result = results[data, attention, seed]
        lines.append(
            f"| {DATA[data]} | {NAMES[attention]} | {seed} | {100 * result['accuracy']:.1f} "
            f"| {result['nasfr']:.4f} | {result['quantization_error']:.3f} "
            f"| {result['seconds']:.0f} |"
        )
    return lines


def _place(run: tuple[str, str, int]) -> tuple[int, int, int]:
    """Where a run comes: by the order of the tables."""
    return list(DATA).index(run[0]), list(NAMES).index(run[1]), run[2]


if __name__ == "__main__":
    main()
