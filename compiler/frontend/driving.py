"""Running a foreign model over a window: from rest, by steps if it wants, with a readout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from snnc.compiler.frontend.outputs import SCORES, named_outputs
from snnc.compiler.frontend.state import reset_states
from snnc.errors import BAD_SHAPE, SnncError

Readout = Literal["mean", "sum", "last", "max", "none"]
"""What becomes of an output for each step, time first: "none" gives them all."""

Reset = Callable[[nn.Module], object]


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
        readout: what becomes of an output for each step; None where forward reduces over time
            itself.
        all_outputs: take each item of a tuple that forward gives, instead of the first.
        reset: called with the model, returns it to rest, beside what its framework needs for that.
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
        all_outputs: bool = False,
        reset: Reset | None = None,
    ) -> None:
        super().__init__()
        self.all_outputs = all_outputs
        self.batch_first = batch_first
        self.copies = copies
        self.net = net
        self.per_step = per_step
        self.readout = readout
        self.reset = reset
        self.still = still
        self._trusted = False

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """While it is read: windows are of one frame where they must be, and nothing checks it."""
        self._trusted = True
        try:
            yield
        finally:
            self._trusted = False

    def rest(self) -> None:
        """Return the model to rest."""
        reset_states(self.net)
        if self.reset is not None:
            self.reset(self.net)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        """Class scores [N, classes] of event counts [T, N, *input_shape], or several outputs by
        name, each [N, size]; with readout "none" the size of all steps, one after the other."""
        outputs = {name: y.flatten(1) for name, y in self.outputs(x).items()}
        return outputs[SCORES] if list(outputs) == [SCORES] else outputs

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """Every output by name, shaped as the model gives it after the readout: [N, ...], with
        readout "none" [N, T, ...]."""
        self.rest()
        if self.copies > 1:
            x = x.repeat_interleave(self.copies, dim=1)
        if self.batch_first:
            x = x.transpose(0, 1)
        if self.still:
            x = x[0] if self._trusted else _image(x)
        if self.per_step:
            steps = [named_outputs(self.net(step), self.all_outputs) for step in x]
            given = {name: torch.stack([step[name] for step in steps]) for name in steps[0]}
        else:
            given = named_outputs(self.net(x), self.all_outputs)
        return {name: self._read(y) for name, y in given.items()}

    def _read(self, y: Tensor) -> Tensor:
        """[N, ...] of an output, one row for each sample that was given."""
        if self.readout == "mean":
            y = y.mean(dim=0)
        elif self.readout == "sum":
            y = y.sum(dim=0)
        elif self.readout == "max":
            y = y.amax(dim=0)
        elif self.readout == "last":
            y = y[-1]
        elif self.readout == "none":
            y = y.transpose(0, 1)
        return y[:: self.copies]


def _image(x: Tensor) -> Tensor:
    """The one frame [N, ...] of a window. Raises SnncError (BAD_SHAPE) where there are more."""
    if not torch.equal(x, x[:1].expand_as(x)):
        raise SnncError(
            BAD_SHAPE,
            "the model takes one still image, and the frames of the window differ",
            hint="Give the same frame at every step.",
        )
    return x[0]
