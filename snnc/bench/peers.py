"""The peers: the same PyTorch model, run densely in the ways that people run it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

Run = Callable[[], object]


def pytorch_eager(model: nn.Module, x: torch.Tensor) -> Run:
    """All time steps in one call, as the model is written. x: [T, 1, C, H, W]."""

    def run() -> torch.Tensor:
        with torch.inference_mode():
            scores: torch.Tensor = model(x)
        return scores

    return run


def peers(model: nn.Module, x: torch.Tensor) -> dict[str, Run]:
    """Every peer by name, ready to run one window."""
    return {"pytorch_eager": pytorch_eager(model, x)}
