"""What networks are made of: layers over time, blocks, the readout, and the base of all networks.

Tensors are time first: ``[T, N, ...]`` (T time steps, N samples).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from snnc.models.hyper import Hyper


class OverTime(nn.Module):
    """Applies layers without state to every time step at once, as one large batch.

    ``[T, N, ...]`` → flatten to ``[T·N, ...]`` → :attr:`layers` → ``[T, N, ...]``. BatchNorm
    inside therefore normalizes over time and batch together.

    Images are laid out channels-last, which halves the time of convolutions on CPUs.
    """

    def __init__(self, layers: OrderedDict[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(layers)
        self.takes_images = any(
            isinstance(layer, nn.Conv2d | nn.AvgPool2d | nn.MaxPool2d) for layer in self.layers
        )

    def forward(self, x: Tensor) -> Tensor:
        """The layers' result for every step of ``x``, time first."""
        steps, samples = x.shape[0], x.shape[1]
        batch = x.flatten(0, 1)
        if self.takes_images:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return self.layers(batch).unflatten(  # type: ignore[no-any-return]
            0, (steps, samples)
        )


class Block(nn.Module):
    """One layer: synapses (stateless), attention where there is any, neuron.

    Attributes:
        synapse: :class:`OverTime` of [dropout] [pool] conv [BatchNorm] [pool], or of
            [pool] [dropout] flatten linear [BatchNorm].
        attention: a module of :mod:`snnc.models.attention`, or None.
        neuron: a module of :mod:`snnc.models.neurons`.
    """

    def __init__(self, synapse: OverTime, attention: nn.Module | None, neuron: nn.Module) -> None:
        super().__init__()
        self.synapse = synapse
        self.attention = attention
        self.neuron = neuron

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``[T, N, ...]`` of the layer."""
        x = self.synapse(x)
        if self.attention is not None:
            x = self.attention(x)
        return self.neuron(x)  # type: ignore[no-any-return]


class TimeMean(nn.Module):
    """Mean over time: ``[T, N, F]`` → ``[N, F]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Firing rates of the last layer."""
        return x.mean(dim=0)


class Vote(nn.Module):
    """Mean over groups of ``votes`` neighbouring features: ``[N, K·votes]`` → ``[N, K]``."""

    def __init__(self, votes: int) -> None:
        super().__init__()
        self.votes = votes

    def forward(self, x: Tensor) -> Tensor:
        """Class scores from the rates of each class's voters."""
        grouped: Tensor = x.unflatten(-1, (-1, self.votes))  # type: ignore[no-untyped-call]
        return grouped.mean(dim=-1)


class Network(nn.Module):
    """What all networks share: their name and hyper-parameters, and the readout.

    Attributes:
        name: the name in :data:`snnc.models.networks.NETWORKS`.
        hyper: every hyper-parameter with its value, plain Python types only.
        input_size: ``(2, height, width)`` of one time step.
        time_steps: T that the network was built for.
        classes: number of scores.
    """

    def __init__(
        self,
        name: str,
        hyper: Hyper,
        input_size: Sequence[int],
        time_steps: int,
        classes: int,
        votes: int,
    ) -> None:
        super().__init__()
        self.name = name
        self.hyper = hyper
        self.input_size = (int(input_size[0]), int(input_size[1]), int(input_size[2]))
        self.time_steps = time_steps
        self.classes = classes
        self.mean = TimeMean()
        self.vote = Vote(votes) if votes > 1 else None

    def convolutions(self, x: Tensor) -> Tensor:
        """Spikes of the last convolution: the children ``layer1`` to ``layerN`` in turn."""
        for name, layer in self.named_children():
            if name.startswith("layer"):
                x = layer(x)
        return x

    def readout(self, spikes: Tensor) -> Tensor:
        """Class scores ``[N, classes]`` from the last layer's spikes ``[T, N, F]``."""
        rates: Tensor = self.mean(spikes)
        return rates if self.vote is None else self.vote(rates)
