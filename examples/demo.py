"""The main job, end to end: bundled models compiled, verified and reported on.

`make demo` runs this. It uses the command line as a user would and prints each command. The
simulated gestures need no download; N-MNIST recordings are used too where they are found
(../shared/data/nmnist, or the folder that SNNC_NMNIST names).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from snnc.console import slim_table

ROOT = Path(__file__).resolve().parents[1]
ZOO = ROOT / "models" / "zoo"
ATTENTIONS = ("none", "asa1")


def main() -> int:
    """Run the demo; gives the exit status."""
    parser = argparse.ArgumentParser(
        description="Compile, verify and report on the bundled models."
    )
    parser.add_argument("--out", type=Path, default=ROOT / "demo", help="where the files go")
    parser.add_argument("--samples", type=int, default=8, help="recordings per model")
    options = parser.parse_args()
    console = Console(highlight=False)
    table = slim_table(
        "model",
        numbers=("PyTorch", "C", "compared", "differ", "unexplained", "ΔE by view"),
        title=f"snnc demo: {options.samples} recordings a model; ΔE a recording against vanilla",
    )
    files: list[Path] = []
    proven = True
    for pair, data in pairs(console):
        for attention in ATTENTIONS:
            name = f"{pair}_{attention}"
            model = ZOO / f"{name}.pt"
            folder = options.out / name
            snnc(console, "compile", model, "-o", folder)
            proof = options.out / f"{name}.verify.json"
            given = ("--data", data, "--samples", options.samples, "--json", proof)
            status = snnc(console, "verify", model, *given)
            proven = proven and status == 0
            saved = "baseline"
            if attention != "none":
                page = options.out / f"{pair}_energy.html"
                saved = energy(console, model, ZOO / f"{pair}_none.pt", data, options.samples, page)
                files.append(page)
            table.add_row(name, *proof_cells(json.loads(proof.read_text())), saved)
            files += [folder / f"{name}.c", proof]
    console.print(table)
    console.print("Files to look at:")
    for file in files:
        console.print(f"  {os.path.relpath(file)}")
    return 0 if proven else 1


def pairs(console: Console) -> list[tuple[str, str]]:
    """The bundled pairs that can be run here, with their DATA."""
    found = [("gesture_sim", "gesture-sim")]
    nmnist = Path(os.environ.get("SNNC_NMNIST", ROOT.parent / "shared" / "data" / "nmnist"))
    if (nmnist / "Test").is_dir():
        return [("nmnist", f"nmnist:{nmnist}"), *found]
    console.print(
        f"No N-MNIST recordings in {nmnist} (set SNNC_NMNIST to their folder): "
        "simulated gestures only."
    )
    return found


def snnc(console: Console, *args: object) -> int:
    """Run one command of snnc, showing it; gives its exit status (above 1 ends the demo)."""
    words = [os.path.relpath(arg) if isinstance(arg, Path) else str(arg) for arg in args]
    console.print(f"\n[bold]$ snnc {' '.join(words)}[/]")
    status = subprocess.run([sys.executable, "-m", "snnc", *words], check=False).returncode
    if status > 1:
        sys.exit(status)
    return status


def energy(
    console: Console, model: Path, baseline: Path, data: str, samples: int, page: Path
) -> str:
    """Run the energy report against the baseline; gives ΔE of each view per recording as text."""
    counts = page.with_suffix(".json")
    snnc(
        console, "energy", model, "--baseline", baseline, "--data", data, "--samples", samples,
        "-o", page, "--json", counts,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(counts.read_text())
    each = result["samples"] * 1e6
    views = [view for view in result["views"].values() if view is not None]
    return "\n".join(f"{view['title']} {view['delta'] / each:+.2f} µJ" for view in views)


def proof_cells(proof: dict[str, Any]) -> list[str]:
    """The table cells of a verification."""
    layers = proof["layers"]
    accuracy = proof["accuracy"]
    return [
        f"{100 * accuracy['pytorch']:.0f} %",
        f"{100 * accuracy['c']:.0f} %",
        f"{sum(layer['compared'] for layer in layers):,}",
        f"{sum(layer['mismatches'] for layer in layers):,}",
        str(proof["unexplained"]),
    ]


if __name__ == "__main__":
    sys.exit(main())
