"""Running a foreign model over a window: from rest, by steps if it wants, with a readout."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from snnc.compiler.frontend.state import reset_states

Readout = Literal["mean", "sum"]


class Driven(nn.Module):
    """A model of someone else's, unmodified, as a function of a window.

    Args:
        net: the model.
        per_step: its forward takes one step [N, ...] and keeps state from call to call; otherwise
            it takes [T, N, ...].
        batch_first: its forward takes [N, T, ...].
        copies: how many equal samples it is given at once, where it cannot take one.
        readout: what becomes of an output for each step; None where it reduces over time itself.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        per_step: bool = False,
        batch_first: bool = False,
        copies: int = 1,
        readout: Readout | None,
    ) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.copies = copies
        self.net = net
        self.per_step = per_step
        self.readout = readout

    def forward(self, x: Tensor) -> Tensor:
        """Class scores [N, classes] of event counts [T, N, *input_shape]."""
        reset_states(self.net)
        x = x.repeat_interleave(self.copies, dim=1)
        if self.batch_first:
            x = x.transpose(0, 1)
        if self.per_step:
            y = torch.stack([_first(self.net(step)) for step in x])
        else:
            y = _first(self.net(x))
        if self.readout == "mean":
            y = y.mean(dim=0)
        elif self.readout == "sum":
            y = y.sum(dim=0)
        return y.flatten(1)[:: self.copies]


def _first(result: Any) -> Tensor:
    while isinstance(result, tuple | list):
        result = result[0]
    tensor: Tensor = result
    return tensor
