"""The same network with its neurons written in plain tensor operations.

The package's own neurons are written for training on a CPU (blocks, buffers, one autograd
function), which neither torch.compile nor an ONNX exporter sees through. These are the textbook
loop, which both can; arithmetic and order are those of :mod:`snnc.models.neurons`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from snnc.bench.densities import NEURONS
from snnc.models.networks import Block, OverTime
from snnc.models.neurons import LIF, DecayLIF


class PlainNeuron(nn.Module):
    """LIF or DecayLIF over all steps [T, N, ...], one step after the other.

    Args:
        neuron: the neuron whose constants to take.
    """

    def __init__(self, neuron: LIF | DecayLIF) -> None:
        super().__init__()
        self.threshold = neuron.v_threshold
        self.reset = neuron.v_reset
        if isinstance(neuron, DecayLIF):
            self.beta, self.gain = (
                1.0 - float(neuron.rate().detach()),
                float(neuron.rate().detach()),
            )
        else:
            self.beta, self.gain = neuron.beta, 1.0
        self.decays = isinstance(neuron, DecayLIF)

    def first(self, x: Tensor) -> Tensor:
        """Membrane potential after the first step from rest."""
        if not self.decays:
            return x
        rest = float(self.reset or 0.0)
        return rest + (x - rest + rest) * self.gain

    def charge(self, u: Tensor, fired: Tensor, x: Tensor) -> Tensor:
        """Membrane potential of the next step, from the last one and its spikes."""
        if self.reset is None:
            return self.beta * torch.where(fired, u - self.threshold, u) + x
        if not self.decays:
            return torch.where(fired, self.reset, self.beta * u) + x
        kept = torch.where(fired, self.reset, u)
        drive = x - kept if self.reset == 0.0 else x - kept + self.reset
        return kept + drive * self.gain

    def forward(self, x: Tensor) -> Tensor:
        """Spikes of all steps."""
        u = self.first(x[0])
        fired = u >= self.threshold
        spikes = [fired]
        for t in range(1, x.shape[0]):
            u = self.charge(u, fired, x[t])
            fired = u >= self.threshold
            spikes.append(fired)
        return torch.stack(spikes).to(x.dtype)


def with_neurons(
    module: nn.Module, make: Callable[[LIF | DecayLIF], nn.Module], *, channels_last: bool
) -> nn.Module:
    """A copy with every neuron replaced, convolutions channels-last or in PyTorch's own layout."""
    changed = copy.deepcopy(module).eval()
    for path, part in list(changed.named_modules()):
        if isinstance(part, NEURONS):
            parent, _, name = path.rpartition(".")
            setattr(changed.get_submodule(parent), name, make(part))
        if isinstance(part, OverTime):
            part.takes_images = part.takes_images and channels_last
    return changed


class StepByStep(nn.Module):
    """A network of blocks without attention, one time step after the other, as it would stream.

    Args:
        module: a network of :mod:`snnc.models.networks`.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.network = with_neurons(module, PlainNeuron, channels_last=True)
        self.blocks = [part for part in self.network.children() if isinstance(part, Block)]

    def forward(self, x: Tensor) -> Tensor:
        """Class scores [N, classes] for [T, N, 2, H, W]."""
        membranes: list[Tensor | None] = [None] * len(self.blocks)
        fired: list[Tensor | None] = [None] * len(self.blocks)
        outputs = []
        for step in x:
            value = step[None]
            for index, block in enumerate(self.blocks):
                current = block.synapse(value)[0]
                neuron: Any = block.neuron
                before, last = membranes[index], fired[index]
                u = (
                    neuron.first(current)
                    if before is None or last is None
                    else neuron.charge(before, last, current)
                )
                membranes[index], fired[index] = u, u >= neuron.threshold
                value = (u >= neuron.threshold).to(x.dtype)[None]
            outputs.append(value[0])
        scores: Tensor = self.network.readout(torch.stack(outputs))  # type: ignore[operator]
        return scores
