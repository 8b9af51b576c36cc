"""The gates of MA-SNN: what each time step, each channel and each pixel is multiplied by.

A gate takes the currents ``X`` of one layer, ``[T, N, C, H, W]`` (the temporal gate also
``[T, N, F]`` of a linear layer), and returns them times one score for each step, channel or
pixel. All statistics are per sample, never across the batch.

Source: Yao et al. 2023, "Attention Spiking Neural Networks" (IEEE TPAMI).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snnc.errors import BAD_OPTION, SnncError

REDUCTION = 4  # the paper's r: the hidden layer of a perceptron has 1/r of the units
SPATIAL_KERNEL = 7


class TimeStatistics(nn.Module):
    """Mean and maximum over a whole step: ``[T, N, ...]`` → two of ``[T, N]``."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and maximum of ``x`` over channels and pixels, or over features."""
        rest = tuple(range(2, x.dim()))
        return x.mean(dim=rest), x.amax(dim=rest)


class ChannelStatistics(nn.Module):
    """Mean and maximum over T×H×W: ``[T, N, C, H, W]`` → two of ``[N, C]``."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and maximum of ``x`` over time and pixels."""
        return x.mean(dim=(0, 3, 4)), x.amax(dim=(0, 3, 4))


class SpatialStatistics(nn.Module):
    """[mean; max] over T×C: ``[T, N, C, H, W]`` → ``[N, 2, H, W]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Mean (channel 0) and maximum (channel 1) of ``x`` over time and channels."""
        return torch.stack((x.mean(dim=(0, 2)), x.amax(dim=(0, 2))), dim=1)


class SpatialScore(nn.Module):
    """score = sigmoid(conv_k×k([mean; max])), no bias: ``[N, 2, H, W]`` → ``[N, 1, H, W]``.

    One map for all time steps and channels. Zero padding keeps the size.

    Args:
        kernel_size: k, odd.
    """

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise SnncError(
                BAD_OPTION, f"a spatial score needs an odd kernel size, not {kernel_size}"
            )
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.activation = nn.Sigmoid()

    def forward(self, statistics: Tensor) -> Tensor:
        """Score map in (0, 1)."""
        return self.activation(self.conv(statistics))  # type: ignore[no-any-return]


class SharedMLP(nn.Module):
    """score = sigmoid(W2 ReLU(W1 mean) + W2 ReLU(W1 max)), no biases.

    ``mean`` and ``maximum`` are ``[N, features]``; so is the score. The hidden layer has
    ``max(1, features // reduction)`` units.
    """

    def __init__(self, features: int, reduction: int = REDUCTION) -> None:
        super().__init__()
        if reduction < 1:
            raise SnncError(BAD_OPTION, f"a reduction is at least 1, not {reduction}")
        hidden = max(1, features // reduction)
        self.reduce = nn.Linear(features, hidden, bias=False)
        self.relu = nn.ReLU()
        self.expand = nn.Linear(hidden, features, bias=False)
        self.activation = nn.Sigmoid()

    def forward(self, mean: Tensor, maximum: Tensor) -> Tensor:
        """Score in (0, 1) of the two statistics."""
        of_mean = self.expand(self.relu(self.reduce(mean)))
        of_maximum = self.expand(self.relu(self.reduce(maximum)))
        return self.activation(of_mean + of_maximum)  # type: ignore[no-any-return]


class TemporalGate(nn.Module):
    """X · score[t]: each time step times one number, from an MLP along T.

    2·T·(T//4) parameters with the paper's ``reduction``.
    """

    def __init__(self, time_steps: int, reduction: int = REDUCTION) -> None:
        super().__init__()
        self.statistics = TimeStatistics()
        self.mlp = SharedMLP(time_steps, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]`` or ``[T, N, F]`` like ``x``."""
        mean, maximum = self.statistics(x)
        score = self.mlp(mean.t(), maximum.t()).t()
        return x * score[(...,) + (None,) * (x.dim() - 2)]  # type: ignore[no-any-return]


class ChannelGate(nn.Module):
    """X · score[c]: each channel times one number, from an MLP along C.

    2·C·(C//4) parameters with the paper's ``reduction``.
    """

    def __init__(self, channels: int, reduction: int = REDUCTION) -> None:
        super().__init__()
        self.statistics = ChannelStatistics()
        self.mlp = SharedMLP(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        mean, maximum = self.statistics(x)
        score = self.mlp(mean, maximum)
        return x * score[None, :, :, None, None]  # type: ignore[no-any-return]


class SpatialGate(nn.Module):
    """X · score[h, w]: each pixel times one number, the same at all steps.

    2·7·7 parameters with the paper's kernel. The statistics run over time and channels together,
    so the kernel is applied once; the paper's cost rule charges it once per step all the same.
    """

    def __init__(self, kernel_size: int = SPATIAL_KERNEL) -> None:
        super().__init__()
        self.statistics = SpatialStatistics()
        self.score = SpatialScore(kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        return x * self.score(self.statistics(x))[None]  # type: ignore[no-any-return]
