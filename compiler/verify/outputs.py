"""Outputs, compared as numbers: what the C copies out against what PyTorch returns.

Both were computed from the same spikes, and may differ by the rounding bounds of both
(docs/numerics.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.outputs import named_outputs
from snnc.compiler.ir.graph import Array, Graph


@dataclass
class OutputResult:
    """Comparison of one output, summed over samples; ``largest`` is the largest difference."""

    name: str
    compared: int = 0
    mismatches: int = 0
    explained: int = 0
    largest: float = 0.0

    @property
    def unexplained(self) -> int:
        """Differences beyond the rounding bound (f32), or at all (int8)."""
        return self.mismatches - self.explained

    def add(self, expected: Array, own: Array, bound: Array | float = 0.0) -> None:
        """Compare one window's values [size]; ``bound`` is how far they may be apart."""
        apart = np.abs(own.astype(np.float64) - expected.astype(np.float64))
        different = own != expected
        self.compared += different.size
        self.mismatches += int(different.sum())
        self.explained += int((different & (apart <= bound)).sum())  # NaN is beyond any bound
        self.largest = max(self.largest, float(apart.max()))

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "name": self.name,
            "compared": self.compared,
            "mismatches": self.mismatches,
            "explained": self.explained,
            "unexplained": self.unexplained,
            "largest": self.largest,
        }


def output_results(graph: Graph) -> list[OutputResult]:
    """Nothing compared yet: one entry for each output, the scores first."""
    return [OutputResult(name) for name in graph.output_names]


def pytorch_outputs(model: torch.nn.Module, x: torch.Tensor) -> dict[str, Array]:
    """What a model gives for one window [T, C, H, W]: each output of its first sample, [size]."""
    with torch.no_grad():
        given = named_outputs(model(x[:, None]))
    return {name: output[0].reshape(-1).numpy() for name, output in given.items()}
