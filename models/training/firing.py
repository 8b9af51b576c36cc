"""The firing rate of the batch that is being trained on, for its penalty and for show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from snnc.models.neurons import SPIKING


class Firing:
    """Spikes of all spiking layers in one forward pass.

    Attributes:
        spikes: their number, a scalar with a gradient through the surrogates.
        places: neurons × steps × samples.
    """

    def __init__(self) -> None:
        self.spikes = torch.zeros(())
        self.places = 0

    def add(self, spikes: Tensor) -> None:
        """One layer's spikes ``[T, N, ...]``."""
        self.spikes = self.spikes.to(spikes.device) + spikes.sum()
        self.places += spikes.numel()

    @property
    def rate(self) -> Tensor:
        """Spikes a neuron and step: the NASFR of the batch."""
        return self.spikes / self.places


@contextmanager
def firing_of(model: nn.Module, *, with_gradient: bool) -> Iterator[Firing]:
    """What ``model`` fires in the forward pass inside the block."""
    firing = Firing()

    def observe(_module: nn.Module, _inputs: Any, spikes: Tensor) -> None:
        firing.add(spikes if with_gradient else spikes.detach())

    handles = [
        module.register_forward_hook(observe)
        for module in model.modules()
        if isinstance(module, SPIKING)
    ]
    try:
        yield firing
    finally:
        for handle in handles:
            handle.remove()
