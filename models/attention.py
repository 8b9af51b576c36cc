"""Attention between BatchNorm and the neuron: SA, TA, CA, TCSA (MA-SNN) and ASA-1, ASA-2.

A module takes the currents ``X`` of one layer, ``[T, N, C, H, W]`` (T time steps, N samples,
C channels), and returns them gated, in the same shape. All statistics are per sample, never
across the batch. Every module needs all time steps before it can give the first, so a network
that holds one cannot stream.

Sources: MA-SNN is Yao et al. 2023, "Attention Spiking Neural Networks" (IEEE TPAMI);
ASA is Yao et al. 2023, "Inherent Redundancy in Spiking Neural Networks" (ICCV), Eqs. 5-10.
The modules are built of small submodules so that each intermediate can be observed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.grouping import GroupGate, GroupStatistics

MLP_REDUCTION = 4  # MA-SNN's r: the hidden layer has 1/r of the units
SA_KERNEL = 7
ASA_KERNEL = 3


class TimeChannelStatistics(nn.Module):
    """F_avg, F_max: mean and maximum over H×W (Eq. 5).

    ``[T, N, C, H, W]`` → two of ``[T, N, C]``.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and maximum of ``x`` over its pixels."""
        return x.mean(dim=(3, 4)), x.amax(dim=(3, 4))


class TimeStatistics(nn.Module):
    """Mean and maximum over C×H×W: ``[T, N, C, H, W]`` → two of ``[T, N]``."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and maximum of ``x`` over channels and pixels."""
        return x.mean(dim=(2, 3, 4)), x.amax(dim=(2, 3, 4))


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
    """score = sigmoid(W2 ReLU(W1 mean) + W2 ReLU(W1 max)), no biases (MA-SNN).

    ``mean`` and ``maximum`` are ``[N, features]``; so is the score. The hidden layer has
    ``max(1, features // reduction)`` units.
    """

    def __init__(self, features: int, reduction: int = MLP_REDUCTION) -> None:
        super().__init__()
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
    """X · score[t]: each time step times one number, from an MLP along T (MA-SNN).

    2·T·(T//4) parameters.
    """

    def __init__(self, time_steps: int) -> None:
        super().__init__()
        self.statistics = TimeStatistics()
        self.mlp = SharedMLP(time_steps)

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        mean, maximum = self.statistics(x)
        score = self.mlp(mean.t(), maximum.t()).t()
        return x * score[:, :, None, None, None]  # type: ignore[no-any-return]


class ChannelGate(nn.Module):
    """X · score[c]: each channel times one number, from an MLP along C (MA-SNN).

    2·C·(C//4) parameters.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.statistics = ChannelStatistics()
        self.mlp = SharedMLP(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        mean, maximum = self.statistics(x)
        score = self.mlp(mean, maximum)
        return x * score[None, :, :, None, None]  # type: ignore[no-any-return]


class SpatialGate(nn.Module):
    """X · score[h, w]: each pixel times one number, the same at all steps (MA-SNN).

    2·7·7 parameters. MA-SNN's statistics run over time and channels together, so the
    kernel is applied once; the paper's cost rule charges it once per step all the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.statistics = SpatialStatistics()
        self.score = SpatialScore(SA_KERNEL)

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        return x * self.score(self.statistics(x))[None]  # type: ignore[no-any-return]


class TA(nn.Module):
    """Temporal attention of MA-SNN: ReLU(X · score[t])."""

    def __init__(self, time_steps: int) -> None:
        super().__init__()
        self.temporal = TemporalGate(time_steps)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        return self.relu(self.temporal(x))  # type: ignore[no-any-return]


class CA(nn.Module):
    """Channel attention of MA-SNN: ReLU(X · score[c])."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = ChannelGate(channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        return self.relu(self.channel(x))  # type: ignore[no-any-return]


class SA(nn.Module):
    """Spatial attention of MA-SNN: ReLU(X · score[h, w]), 98 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial = SpatialGate()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        return self.relu(self.spatial(x))  # type: ignore[no-any-return]


class TCSA(nn.Module):
    """MA-SNN's three gates in turn, each on the result of the one before, then ReLU.

    ``X1 = X·t(X)``, ``X2 = X1·c(X1)``, ``Y = ReLU(X2·s(X2))``. The MLP along T sees one
    number per step and sample, the MLP along C one per channel and sample; both have r = 4
    and no biases, the spatial kernel is 7×7 without bias. On the wide three-layer network at
    T = 60 that makes 3·2·60·15 + 2·64·16 + 2·(2·128·32) + 3·98 = 24,126 parameters.
    """

    def __init__(self, time_steps: int, channels: int) -> None:
        super().__init__()
        self.temporal = TemporalGate(time_steps)
        self.channel = ChannelGate(channels)
        self.spatial = SpatialGate()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        x = self.temporal(x)
        x = self.channel(x)
        return self.relu(self.spatial(x))  # type: ignore[no-any-return]


class AverageMaxMix(nn.Module):
    """M' = (F_avg + F_max)/2 + alpha·F_avg + gamma·F_max (Eq. 6), the map M of ASA-2.

    ``[T, N, C]`` throughout; alpha and gamma start at 0.5. No gradient reaches them: they
    act only through the order of the values, and the masks have no derivative (the same
    holds in the authors' code).
    """

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.gamma = nn.Parameter(torch.tensor(0.5))

    def forward(self, mean: Tensor, maximum: Tensor) -> Tensor:
        """The mixed map ``[T, N, C]``."""
        return (mean + maximum) * 0.5 + self.alpha * mean + self.gamma * maximum


class TemporalMix(AverageMaxMix):
    """M = sigmoid(W2 ReLU(W1 M')) along T, shared by all channels (Eq. 7), for ASA-1.

    W1 is (T//2)×T and W2 is T×(T//2), no biases: 3600 parameters at T = 60. An odd T
    rounds the hidden size down; T = 1 has one hidden unit.
    """

    def __init__(self, time_steps: int) -> None:
        super().__init__()
        hidden = max(1, time_steps // 2)
        self.reduce = nn.Linear(time_steps, hidden, bias=False)
        self.relu = nn.ReLU()
        self.expand = nn.Linear(hidden, time_steps, bias=False)
        self.activation = nn.Sigmoid()

    def forward(self, mean: Tensor, maximum: Tensor) -> Tensor:
        """The mixed map ``[T, N, C]``, in (0, 1)."""
        along_time = super().forward(mean, maximum).permute(1, 2, 0)
        mixed = self.activation(self.expand(self.relu(self.reduce(along_time))))
        return mixed.permute(2, 0, 1)  # type: ignore[no-any-return]


class ComplementaryMask(nn.Module):
    """M1: 1 where exactly one of two top-k choices holds (Eq. 8); M2 is 1 - M1.

    The choices: the C//2 largest channels of each step, and the T//2 largest steps of each
    channel. A tie goes to the lowest index. ``[T, N, C]`` → ``[T, N, C]`` of 0.0 and 1.0,
    without a gradient.
    """

    @torch.no_grad()
    def forward(self, m: Tensor) -> Tensor:
        """The mask M1 of the map ``m``."""
        channels = _largest(m, dim=2)
        steps = _largest(m, dim=0)
        return (channels != steps).to(m.dtype)


def _largest(m: Tensor, dim: int) -> Tensor:
    """Boolean mask of the larger half (rounded down) of ``m`` along ``dim``."""
    order = torch.sort(m, dim=dim, descending=True, stable=True).indices
    chosen = order.narrow(dim, 0, m.shape[dim] // 2)
    return torch.zeros_like(m, dtype=torch.bool).scatter_(dim, chosen, True)


class ASA(nn.Module):
    """Advance spatial attention (Eqs. 5-10): two complementary groups, one score map each.

    ::

        M1 = select(mix(F_avg, F_max))      M2 = 1 - M1          [T, N, C]
        Y_k = X · M_k                                            the two groups
        score_k = sigmoid(conv3×3([2·mean; max] of Y_k over T×C))
        out = Y_1 · score_1 + Y_2 · score_2

    Args:
        mix: what turns F_avg, F_max into the map M.
    """

    def __init__(self, mix: AverageMaxMix) -> None:
        super().__init__()
        self.statistics = TimeChannelStatistics()
        self.mix = mix
        self.select = ComplementaryMask()
        self.pool = GroupStatistics()
        self.score1 = SpatialScore(ASA_KERNEL)
        self.score2 = SpatialScore(ASA_KERNEL)
        self.gate = GroupGate()

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        # Detached because no gradient could pass the selection anyway.
        mean, maximum = self.statistics(x.detach())
        mask1 = self.select(self.mix(mean, maximum))
        pooled1, pooled2 = self.pool(x, mask1)
        return self.gate(  # type: ignore[no-any-return]
            x, mask1, self.score1(pooled1), self.score2(pooled2)
        )


class ASA1(ASA):
    """ASA with the map mixed along time: T·T + 2·18 + 2 parameters at even T."""

    def __init__(self, time_steps: int) -> None:
        super().__init__(TemporalMix(time_steps))


class ASA2(ASA):
    """ASA without mixing along time: 2·18 + 2 = 38 parameters."""

    def __init__(self) -> None:
        super().__init__(AverageMaxMix())


ATTENTION_NAMES = ("none", "sa", "ta", "ca", "tcsa", "asa1", "asa2")


def make_attention(name: str, time_steps: int, channels: int) -> nn.Module | None:
    """The attention module called ``name``, for ``[time_steps, N, channels, H, W]``.

    Returns:
        The module; None for ``none``.

    Raises:
        SnncError: BAD_OPTION for a name that is not in :data:`ATTENTION_NAMES`.
    """
    match name:
        case "none":
            return None
        case "sa":
            return SA()
        case "ta":
            return TA(time_steps)
        case "ca":
            return CA(channels)
        case "tcsa":
            return TCSA(time_steps, channels)
        case "asa1":
            return ASA1(time_steps)
        case "asa2":
            return ASA2()
        case _:
            raise SnncError(
                BAD_OPTION,
                f"there is no attention module called {name!r}",
                mend=f"Choose one of {', '.join(ATTENTION_NAMES)}.",
            )
