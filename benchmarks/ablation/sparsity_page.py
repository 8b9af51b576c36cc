"""Write docs/measured/sparsity.md from the points of benchmarks/ablation/sparsity.py.

    python benchmarks/ablation/sparsity_page.py [FOLDER]

FOLDER (default runs/ablation) is what ``--out`` named there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "measured" / "sparsity.md"
DATA = {"nmnist": "N-MNIST", "gesture-sim": "gesture-sim"}
NAMES = {"none": "vanilla", "asa1": "ASA-1"}
WAYS = {
    "thresholds": "all thresholds times",
    "tuned": "thresholds tuned, tolerance",
    "penalty": "trained with penalty",
}

Point = dict[str, Any]


def main() -> None:
    """Read the points and write the page."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs" / "ablation"
    points = [json.loads(path.read_text()) for path in folder.glob("sparsity/*/point.json")]
    if not points:
        sys.exit(f"{folder}/sparsity holds no point: run benchmarks/ablation/sparsity.py first")
    PAGE.write_text(page(points), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} from {len(points)} points", file=sys.stderr)


def page(points: list[Point]) -> str:
    """The text of docs/measured/sparsity.md."""
    lines = [
        "# Fewer spikes still",
        "",
        "Written by benchmarks/ablation/sparsity_page.py from the points of sparsity.py beside it; "
        "change those files, not this one.",
        "",
        "Networks of the [ablation](ablation.md), seed 0. Thresholds are raised after training,",
        "all by one factor or layer by layer as `snnc tune` does it (the training recordings",
        "decide, and may become wrong up to the tolerance); a penalty is added to the loss for",
        "each spike a neuron and step. Accuracy, NASFR and energy are those of the test",
        "recordings; ΔE is against vanilla as it was trained. Energy is Eq. 11's, of executed",
        "weighted sums: products, sums, comparisons and memory traffic are not in it. The",
        "sentences under a table pick by test accuracy: they say what was possible, not what a",
        "blind choice gives.",
    ]
    for data, title in DATA.items():
        own = [point for point in points if point["data"] == data]
        if own:
            lines += ["", f"## {title}", "", *table(own), "", *best(own)]
    return "\n".join(lines) + "\n"


def table(points: list[Point]) -> list[str]:
    """All points of a data set: vanilla first, then ASA-1, by way and strength."""
    lines = [
        "| | how | accuracy, % | NASFR | energy, Eq. 11, µJ | ΔE, Eq. 11 |",
        "| --- | --- | --: | --: | --: | --: |",
    ]
    start = baseline(points)
    for point in sorted(points, key=_place):
        energy = point["energy_pj"] / point["samples"]
        delta = "n/a"
        if start is not None:
            delta = f"{100 * (energy * start['samples'] / start['energy_pj'] - 1):+.0f} %"
        way = next(way for way in WAYS if way in point)
        lines.append(
            f"| {NAMES[point['attention']]} | {WAYS[way]} {point[way]:g} "
            f"| {100 * point['accuracy']:.1f} | {point['nasfr']:.4f} | {energy / 1e6:.2f} "
            f"| {delta} |"
        )
    return lines


def baseline(points: list[Point]) -> Point | None:
    """Vanilla with its own thresholds."""
    own = (p for p in points if p["attention"] == "none" and p.get("thresholds") == 1.0)
    return next(own, None)


def best(points: list[Point]) -> list[str]:
    """For each network the point of least energy that is as accurate as vanilla was trained."""
    start = baseline(points)
    if start is None:
        return []
    lines = []
    for attention, name in NAMES.items():
        fit = [
            point
            for point in points
            if point["attention"] == attention and point["accuracy"] >= start["accuracy"]
        ]
        if not fit:
            lines.append(f"No point of {name} is as accurate as vanilla as it was trained.")
            continue
        least = min(fit, key=lambda point: float(point["energy_pj"]))
        saved = 1 - least["energy_pj"] / start["energy_pj"]
        lines.append(
            f"At vanilla's accuracy or better, {name} can save {saved:.0%} of vanilla's energy "
            f"by Eq. 11 (NASFR {least['nasfr']:.4f})."
        )
    return lines


def _place(point: Point) -> tuple[int, int, float]:
    way = next(way for way in WAYS if way in point)
    return list(NAMES).index(point["attention"]), list(WAYS).index(way), float(point[way])


if __name__ == "__main__":
    main()
