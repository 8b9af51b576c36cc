"""Running a foreign model over a window: from rest, by steps if it wants, with a readout."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from snnc.compiler.frontend.state import reset_states
from snnc.errors import BAD_SHAPE, SnncError

Readout = Literal["mean", "sum"]


class Driven(nn.Module):
    """A model of someone else's, unmodified, as a function of a window.

    Args:
        net: the model.
        per_step: its forward takes one step [N, ...] and keeps state from call to call; otherwise
            it takes [T, N, ...].
        batch_first: its forward takes [N, T, ...].
        still: its forward takes one image [N, ...] and repeats it over time itself; a window must
            then have the same frame at every step.
        copies: how many equal samples it is given at once, where it cannot take one.
        readout: what becomes of an output for each step; None where it reduces over time itself.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        per_step: bool = False,
        batch_first: bool = False,
        still: bool = False,
        copies: int = 1,
        readout: Readout | None,
    ) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.copies = copies
        self.net = net
        self.per_step = per_step
        self.readout = readout
        self.still = still

    def forward(self, x: Tensor) -> Tensor:
        """Class scores [N, classes] of event counts [T, N, *input_shape]."""
        reset_states(self.net)
        x = x.repeat_interleave(self.copies, dim=1)
        if self.batch_first:
            x = x.transpose(0, 1)
        if self.still:
            x = _image(x)
        if self.per_step:
            y = torch.stack([_first(self.net(step)) for step in x])
        else:
            y = _first(self.net(x))
        if self.readout == "mean":
            y = y.mean(dim=0)
        elif self.readout == "sum":
            y = y.sum(dim=0)
        return y.flatten(1)[:: self.copies]


def _image(x: Tensor) -> Tensor:
    """The one frame [N, ...] of a window. Raises SnncError (BAD_SHAPE) where there are more."""
    if not torch.equal(x, x[:1].expand_as(x)):
        raise SnncError(
            BAD_SHAPE,
            "the model takes one still image, and the frames of the window differ",
            mend="Give the same frame at every step.",
        )
    return x[0]


def _first(result: Any) -> Tensor:
    while isinstance(result, tuple | list):
        result = result[0]
    tensor: Tensor = result
    return tensor
