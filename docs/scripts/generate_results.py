"""Measure the bundled models and write docs/results.md and docs/images/energy.png.

Run by `make results`. Every figure comes from a command of snnc, shown beside it. N-MNIST needs its
test recordings (SNNC_NMNIST names their folder; default ../shared/data/nmnist).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from pages import write_section
from results_ann import ann_section

ROOT = Path(__file__).resolve().parents[2]
ZOO = Path("models/zoo")
NMNIST = os.environ.get("SNNC_NMNIST", "../shared/data/nmnist")
PAIRS = {"nmnist": f"nmnist:{NMNIST}", "gesture_sim": "gesture-sim"}
SAMPLES = 100
ATTENTIONS = ("none", "asa1")

Result = dict[str, Any]


def main() -> None:
    """Measure everything, then write the page and the picture."""
    measured: dict[str, dict[str, Result]] = {}
    for pair, data in PAIRS.items():
        for attention in ATTENTIONS:
            model = ZOO / f"{pair}_{attention}.pt"
            common = ("--data", data, "--samples", str(SAMPLES))
            baseline = ("--baseline", str(ZOO / f"{pair}_none.pt")) if attention != "none" else ()
            measured[f"{pair}_{attention}"] = {
                "verify": snnc("verify", str(model), *common),
                "verify, dense kernels": snnc("verify", str(model), *common, "--density", "1"),
                "energy": snnc("energy", str(model), *baseline, *common, "--ann"),
            }
    write_section(ROOT / "docs" / "results.md", "bundled-models", page(measured))
    picture(measured, ROOT / "docs" / "images" / "energy.png")


def snnc(*args: str) -> Result:
    """Run a command and give its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        print("$ snnc", *args, file=sys.stderr)
        command = [sys.executable, "-m", "snnc", *args, "--json", str(target)]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        result: Result = json.loads(target.read_text())
    return result


def page(measured: dict[str, dict[str, Result]]) -> str:
    """The text of docs/results.md."""
    return "\n".join(
        [
            "## The bundled models",
            "",
            "Written by `make results` (docs/scripts/generate_results.py).",
            "",
            "### Proof",
            "",
            "`snnc verify models/zoo/MODEL.pt --data DATA --samples N`: every layer on",
            "PyTorch's own input spikes, every step. *Explained* differences lie within the",
            "rounding bound of their sum ([numerics](numerics.md)); *unexplained* ones would be",
            "errors. *Counts* are operations of every node by its count rule, compared as integers",
            "with what an instrumented build executed; with `--density 1` the compiler chooses the",
            "dense kernels where they are faster at that density.",
            "",
            *proof_table(measured),
            "",
            "### Energy",
            "",
            "`snnc energy models/zoo/PAIR_asa1.pt --baseline models/zoo/PAIR_none.pt --data DATA`",
            f"(`--samples {SAMPLES}`), per recording, executed operations. ΔE is ASA-1",
            "against vanilla, negative where ASA-1 saves. Eq. 11 knows weighted sums only:",
            "ΔE = E_MAC·Δ_MAC - E_AC·Δ_AC; *everything executed* adds products, sums and",
            "comparisons, *memory traffic* what it costs to fetch and keep the operands, *device",
            "total* is both together, at the prices of the energy table. Intervals: percentile",
            "bootstrap over the recordings, paired.",
            "",
            *counts_table(measured),
            "",
            *views_table(measured),
            "",
            *disagreements(measured),
            "How the views that know memory depend on the SRAM of a chip (`--sram`): what fits is",
            "priced as SRAM of its own size, the rest as DRAM. The table above has all on chip.",
            "",
            *sram_table(measured),
            "",
            *sram_signs(measured),
            "![AC and MAC per recording, the terms of Eq. 11](images/energy.png)",
            "",
            *ann_section(measured),
            "How fast the C is: [performance](performance.md).",
            "",
        ]
    )


def proof_table(measured: dict[str, dict[str, Result]]) -> list[str]:
    """Accuracy, agreement and differences of each model."""
    rows = [
        "| model | recordings | accuracy PyTorch | accuracy C | same class | compared | explained "
        "| unexplained | counts compared | counts that differ |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    proofs = [
        (f"{name}{kind.removeprefix('verify')}", results[kind])
        for name, results in measured.items()
        for kind in ("verify", "verify, dense kernels")
    ]
    for name, proof in proofs:
        layers = proof["layers"]
        rows.append(
            f"| {name} | {proof['samples']} | {percent(proof['accuracy']['pytorch'])} "
            f"| {percent(proof['accuracy']['c'])} | {percent(proof['class_agreement'])} "
            f"| {sum(layer['compared'] for layer in layers):,} "
            f"| {sum(layer['explained'] for layer in layers):,} | {proof['unexplained']} "
            f"| {proof['counts']['compared']:,} | {len(proof['counts']['mismatches'])} |"
        )
    return rows


def counts_table(measured: dict[str, dict[str, Result]]) -> list[str]:
    """NASFR and counts of each model."""
    rows = [
        "| model | NASFR (95 %) | AC | MAC | Δ_MAC | Δ_AC |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, results in measured.items():
        energy = results["energy"]
        samples, total, delta = energy["samples"], energy["total"], energy.get("delta")
        ends = ["", "baseline"]
        if delta:
            ends = [f"{delta['mac'] / samples:,.0f}", f"{delta['ac'] / samples:,.0f}"]
        low, high = energy["interval"]["nasfr"]["model"]["interval"]
        cells = [
            f"{energy['nasfr']:.4f} ({low:.4f} to {high:.4f})",
            f"{total['ac'] / samples:,.0f}",
        ]
        cells += [f"{total['mac'] / samples:,.0f}", *ends]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def views_table(measured: dict[str, dict[str, Result]]) -> list[str]:
    """The four views of each pair, a recording."""
    rows = [
        "| pair | view | vanilla | ASA-1 | ΔE | of vanilla's | 95 % interval of ΔE |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for pair in PAIRS:
        energy = measured[f"{pair}_asa1"]["energy"]
        for view in energy["views"].values():
            vanilla, asa1, delta = (
                view[key] / energy["samples"] / 1e6 for key in ("baseline", "model", "delta")
            )
            cells = [f"{vanilla:,.2f} µJ", f"{asa1:,.2f} µJ", f"{delta:+,.2f} µJ"]
            low, high = (end / energy["samples"] / 1e6 for end in view["interval"]["delta"])
            cells += [f"{100 * view['relative']:+.1f} %", f"{low:+,.2f} to {high:+,.2f} µJ"]
            rows.append(f"| {pair} | {view['title']} | {' | '.join(cells)} |")
    return rows


def sram_table(measured: dict[str, dict[str, Result]]) -> list[str]:
    """ΔE of memory traffic and of the device total, a recording, by the size of SRAM."""
    rows = [
        "| pair | SRAM on chip | ΔE, memory traffic | of vanilla's | ΔE, device total "
        "| of vanilla's |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for pair in PAIRS:
        energy = measured[f"{pair}_asa1"]["energy"]
        for entry in energy["sram"]:
            size = entry["on_chip_bytes"]
            cells = ["all" if size is None else f"{size // 1024:,} KiB"]
            for view in (entry["memory"], entry["device"]):
                cells.append(f"{view['delta'] / energy['samples'] / 1e6:+,.2f} µJ")
                cells.append(f"{100 * view['relative']:+.1f} %")
            rows.append(f"| {pair} | {' | '.join(cells)} |")
    return rows


def sram_signs(measured: dict[str, dict[str, Result]]) -> list[str]:
    """A sentence for each pair whose verdict by memory traffic changes with the SRAM."""
    lines = []
    for pair in PAIRS:
        sizes = measured[f"{pair}_asa1"]["energy"]["sram"]
        if len({entry["memory"]["delta"] < 0 for entry in sizes}) > 1:
            lines += [f"On {pair} the SRAM decides whether ASA-1 saves by memory traffic.", ""]
    return lines


def disagreements(measured: dict[str, dict[str, Result]]) -> list[str]:
    """A sentence for each pair: which views say that ASA-1 saves, which that it costs."""
    lines = []
    for pair in PAIRS:
        views = measured[f"{pair}_asa1"]["energy"]["views"].values()
        saves = [view["title"] for view in views if view["delta"] < 0]
        costs = [view["title"] for view in views if view["delta"] > 0]
        told = [f"saves by {', '.join(saves)}"] if saves else []
        told += [f"costs by {', '.join(costs)}"] if costs else []
        start = "The views disagree on" if saves and costs else "On"
        lines += [f"{start} {pair}: ASA-1 {' and '.join(told)}.", ""]
    return lines


def picture(measured: dict[str, dict[str, Result]], target: Path) -> None:
    """Bars of AC and MAC per recording, vanilla beside ASA-1, one panel a pair."""
    figure, panels = plt.subplots(1, len(PAIRS), figsize=(9, 3.2), layout="constrained")
    for axes, pair in zip(panels, PAIRS, strict=True):
        for place, attention in enumerate(ATTENTIONS):
            energy = measured[f"{pair}_{attention}"]["energy"]
            ac, mac = (energy["total"][kind] / energy["samples"] / 1e6 for kind in ("ac", "mac"))
            axes.barh(place, ac, color="#2a6f97", label="AC" if place == 0 else None)
            axes.barh(place, mac, left=ac, color="#f4a261", label="MAC" if place == 0 else None)
            axes.text(ac + mac, place, f"  NASFR {energy['nasfr']:.3f}", va="center")
        axes.set_yticks(range(len(ATTENTIONS)), ["vanilla", "ASA-1"])
        axes.invert_yaxis()
        axes.margins(x=0.35)
        axes.set_xlabel("million AC and MAC per recording (terms of Eq. 11)")
        axes.set_title(pair)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    figure.savefig(target, dpi=140)


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return "unknown" if share is None else f"{100 * share:.0f} %"


if __name__ == "__main__":
    main()
