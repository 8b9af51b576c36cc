"""The part of docs/performance.md about what changes between two steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markdown_table import table_lines


def redundancy_lines(models: dict[str, Any]) -> list[str]:
    """The section: sums from spikes beside sums from their changes, layer by layer."""
    heads = ["model", "layer", "from S[t]", "from S[t] xor S[t-1]", "changed / direct"]
    layers = [
        (model, layer) for model, result in models.items() for layer in result.get("layers", [])
    ]
    body = [
        [
            model,
            layer["name"],
            f"{layer['direct']:,}",
            f"{layer['changed']:,}",
            f"{layer['changed'] / layer['direct']:.2f}" if layer["direct"] else "-",
        ]
        for model, layer in layers
    ]
    verdict = [
        _saved(model, result["layers"]) for model, result in models.items() if "layers" in result
    ]
    return [
        "## Temporal redundancy",
        "",
        "Integer sums are exact, so an int8 layer could take X[t] from X[t-1] and add or subtract "
        "weights only where an input changed. Accumulations of both ways on recordings "
        "(benchmarks/performance/redundancy.py); above 1 the direct sum is cheaper:",
        "",
        *table_lines(heads, body),
        "",
        *(
            f"- not measured: {model}: {result['missing']}"
            for model, result in models.items()
            if "missing" in result
        ),
        *verdict,
        "",
    ]


def _saved(model: str, layers: Sequence[dict[str, Any]]) -> str:
    """What a model would save if each layer took the cheaper of the two ways."""
    pays = [layer for layer in layers if layer["changed"] < layer["direct"]]
    if not pays:
        return f"- {model}: it never pays."
    saved = sum(layer["direct"] - layer["changed"] for layer in pays)
    share = saved / sum(layer["direct"] for layer in layers)
    names = ", ".join(layer["name"] for layer in pays)
    return (
        f"- {model}: it would pay in {names} and save {100 * share:.1f} % of the model's "
        "accumulations, before the sums are kept and read again at every step."
    )
