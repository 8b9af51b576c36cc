"""Write docs/reference/zoo.md from the cards inside the bundled models (`make docs`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from snnc.models.checkpoints import LoadedModel, load
from snnc.models.networks import build
from snnc.models.training.config import FIXED_HYPER

ROOT = Path(__file__).resolve().parents[2]
ZOO = ROOT / "models" / "zoo"

LICENCES = {
    "nmnist": "N-MNIST (Orchard et al. 2015), CC BY-SA 4.0; training samples 1 to 1000, tested on "
    "test samples 1 to 100",
    "gesture_sim": "made by snnc's own simulator, seed 0; no licence on the data",
}


def render() -> str:
    """The text of docs/reference/zoo.md."""
    lines = [
        "# Bundled models",
        "",
        "Written by `make docs` from the cards inside the files; change "
        "`docs/scripts/generate_zoo.py`,",
        "not this page. Accuracy and NASFR are those of the last epoch on the test part of the",
        "data; no epoch was chosen by its test accuracy. The pair for gestures is seed 0 of the",
        "[ablation](../measured/ablation.md), which has the other seeds: one of three with ASA-1",
        "is far worse.",
        "",
        "| model | parameters | size | test accuracy | NASFR | epochs | training time |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    models = {path.stem: load(path) for path in sorted(ZOO.glob("*.pt"))}
    for name, loaded in models.items():
        card: dict[str, Any] = loaded.card
        size = (ZOO / f"{name}.pt").stat().st_size / 1e6
        parameters = sum(p.numel() for p in loaded.model.parameters())
        lines.append(
            f"| {name} | {parameters:,} | {size:.2f} MB "
            f"| {100 * card['test_accuracy']:.1f} % of {card['test_samples']} "
            f"| {card['nasfr']:.4f} | {card['recipe']['epochs']} | {card['seconds'] / 60:.0f} min |"
        )
    for name, loaded in models.items():
        lines += ["", f"## {name}", "", *section(name, loaded)]
    return "\n".join(lines) + "\n"


def section(name: str, loaded: LoadedModel) -> list[str]:
    """What a model is and the command that makes it again."""
    card: dict[str, Any] = loaded.card
    data = next(text for prefix, text in LICENCES.items() if name.startswith(prefix))
    return [
        f"Training data: {data}.",
        f"Input: {loaded.input.time_steps} frames of {loaded.input.dt_us} µs from a "
        f"{loaded.input.width}×{loaded.input.height} sensor, downsampled by "
        f"{loaded.input.downsample}.",
        f"Made with torch {card['torch']}, {card['threads']} thread(s), by",
        "",
        f"    {command(name, loaded)}",
    ]


def command(name: str, loaded: LoadedModel) -> str:
    """The `snnc train` command of a card."""
    recipe: dict[str, Any] = dict(loaded.card["recipe"])  # type: ignore[call-overload]
    given = loaded.input
    words = [
        f"snnc train {recipe['network']} --attention {recipe['attention']} --data {recipe['data']}",
        f"--time-steps {given.time_steps} --dt-us {given.dt_us} --downsample {given.downsample}",
        f"--epochs {recipe['epochs']} --batch-size {recipe['batch_size']}",
        f"--lr {recipe['learning_rate']} --weight-decay {recipe['weight_decay']}",
        f"--dropout {recipe['dropout']} --shift {recipe['shift']}",
        f"--event-drop {recipe['event_drop']} --seed {recipe['seed']}",
    ]
    if loaded.hyper.get("fc_batch_norm"):
        words.append("--fc-batch-norm")
    words += [f"--hyper {key}={json.dumps(value)}" for key, value in chosen(loaded).items()]
    if recipe.get("spike_penalty"):
        words.append(f"--spike-penalty {recipe['spike_penalty']}")
    words.append(f"--threads {loaded.card['threads']} -o models/zoo/{name}.pt")
    return " ".join(words)


def chosen(loaded: LoadedModel) -> dict[str, object]:
    """Hyper-parameters that are not the network's own and have no option of their own."""
    hyper = loaded.hyper
    usual = build(loaded.network, **{key: hyper[key] for key in FIXED_HYPER}).hyper
    return {
        key: value
        for key, value in hyper.items()
        if key != "fc_batch_norm" and value != usual.get(key)
    }


if __name__ == "__main__":
    (ROOT / "docs" / "reference" / "zoo.md").write_text(render(), encoding="utf-8")
