"""Several outputs, compared as numbers: what the C copies out against what PyTorch returns.

The scores of a network with one output are compared by the class that they give. Of a network with
several each may be anything, so each is compared number by number: both were computed from the same
spikes, and may differ by the rounding bounds of both (docs/numerics.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.outputs import named_outputs
from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.verify import reference


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
        self.explained += int((different & (apart <= bound)).sum())
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
    """Nothing compared yet: one entry for each of several outputs, none where there is one."""
    return [OutputResult(name) for name in graph.output_names] if len(graph.outputs) > 1 else []


def pytorch_outputs(model: torch.nn.Module, x: torch.Tensor) -> dict[str, Array]:
    """What a model gives for one window [T, C, H, W]: each output of its first sample, [size]."""
    with torch.no_grad():
        given = named_outputs(model(x[:, None]))
    return {name: output[0].numpy() for name, output in given.items()}


def rounding_bounds(
    graphs: tuple[Graph, Graph], x: torch.Tensor, spikes: Mapping[str, torch.Tensor]
) -> list[Array]:
    """How far each output may be from PyTorch's where both start from the same spikes, [size].

    Args:
        graphs: the network as PyTorch computes it, and as the C does.
        x: the window [T, C, H, W].
        spikes: PyTorch's discrete values by node.
    """
    source, own = (
        [
            reference.judge(graph, {"input": x}, spikes, graph.outputs)[name]
            for name in graph.outputs
        ]
        for graph in graphs
    )
    return [
        (theirs.error + ours.error)[0].numpy() for theirs, ours in zip(source, own, strict=True)
    ]
