"""Attention between BatchNorm and the neuron: the gates of MA-SNN in turn, and ASA-1, ASA-2.

A module takes the currents ``X`` of one layer, ``[T, N, C, H, W]`` (T time steps, N samples,
C channels), and returns them gated, in the same shape. All statistics are per sample, never
across the batch. Every module needs all time steps before it can give the first, so a network
that holds one cannot stream.

Sources: MA-SNN is Yao et al. 2023, "Attention Spiking Neural Networks" (IEEE TPAMI);
ASA is Yao et al. 2023, "Inherent Redundancy in Spiking Neural Networks" (ICCV), Eqs. 5, 6, 8, 9
and 10 (Eq. 7 is the membrane that follows).
The modules are built of small submodules so that each intermediate can be observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.gates import (
    REDUCTION,
    SPATIAL_KERNEL,
    ChannelGate,
    SpatialGate,
    SpatialScore,
    TemporalGate,
)
from snnc.models.grouping import GroupGate, GroupStatistics

ASA_KERNEL = 3
MIX_REDUCTION = 2


class GatesInTurn(nn.Module):
    """MA-SNN's gates, each on the result of the one before, then ReLU.

    All three are TCSA: ``X1 = X·t(X)``, ``X2 = X1·c(X1)``, ``Y = ReLU(X2·s(X2))``. The MLP along T
    sees one number per step and sample, the MLP along C one per channel and sample. With the
    paper's sizes (r = 4, 7×7) that makes 3·2·60·15 + 2·64·16 + 2·(2·128·32) + 3·98 = 24,126
    parameters on the wide three-layer network at T = 60.

    Args:
        temporal, channel, spatial: the gates; None leaves one out.
    """

    def __init__(
        self,
        temporal: TemporalGate | None = None,
        channel: ChannelGate | None = None,
        spatial: SpatialGate | None = None,
    ) -> None:
        super().__init__()
        self.temporal = temporal
        self.channel = channel
        self.spatial = spatial
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, in the shape of ``x``."""
        for gate in (self.temporal, self.channel, self.spatial):
            if gate is not None:
                x = gate(x)
        return self.relu(x)  # type: ignore[no-any-return]


class TA(GatesInTurn):
    """Temporal attention of MA-SNN: ReLU(X · score[t])."""

    def __init__(self, time_steps: int) -> None:
        super().__init__(TemporalGate(time_steps))


class CA(GatesInTurn):
    """Channel attention of MA-SNN: ReLU(X · score[c])."""

    def __init__(self, channels: int) -> None:
        super().__init__(channel=ChannelGate(channels))


class SA(GatesInTurn):
    """Spatial attention of MA-SNN: ReLU(X · score[h, w]), 98 parameters."""

    def __init__(self) -> None:
        super().__init__(spatial=SpatialGate())


class TCSA(GatesInTurn):
    """All three gates of MA-SNN in turn, then ReLU."""

    def __init__(self, time_steps: int, channels: int) -> None:
        super().__init__(TemporalGate(time_steps), ChannelGate(channels), SpatialGate())


class TimeChannelStatistics(nn.Module):
    """F_avg, F_max: mean and maximum over H×W (what Eq. 8 mixes).

    ``[T, N, C, H, W]`` → two of ``[T, N, C]``.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and maximum of ``x`` over its pixels."""
        return x.mean(dim=(3, 4)), x.amax(dim=(3, 4))


class AverageMaxMix(nn.Module):
    """M' = (F_avg + F_max)/2 + alpha·F_avg + gamma·F_max (Eq. 8), the map M of ASA-2.

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
    """M = sigmoid(W2 ReLU(W1 M')) along T, shared by all channels (Eq. 9), for ASA-1.

    W1 is (T//r)×T and W2 is T×(T//r), no biases: 3600 parameters at T = 60 with the paper's
    ``reduction`` r = 2. T//r is rounded down, and 1 at least.
    """

    def __init__(self, time_steps: int, reduction: int = MIX_REDUCTION) -> None:
        super().__init__()
        hidden = max(1, time_steps // reduction)
        self.reduce = nn.Linear(time_steps, hidden, bias=False)
        self.relu = nn.ReLU()
        self.expand = nn.Linear(hidden, time_steps, bias=False)
        self.activation = nn.Sigmoid()

    def forward(self, mean: Tensor, maximum: Tensor) -> Tensor:
        """The mixed map ``[T, N, C]``, in (0, 1)."""
        along_time = super().forward(mean, maximum).permute(1, 2, 0)
        mixed = self.activation(self.expand(self.relu(self.reduce(along_time))))
        return mixed.permute(2, 0, 1)  # type: ignore[no-any-return]


class TemporalMatrix(AverageMaxMix):
    """M = sigmoid(W M') along T with one T×T matrix, for ASA-1: the authors' code at r = 1."""

    def __init__(self, time_steps: int) -> None:
        super().__init__()
        self.expand = nn.Linear(time_steps, time_steps, bias=False)
        self.activation = nn.Sigmoid()

    def forward(self, mean: Tensor, maximum: Tensor) -> Tensor:
        """The mixed map ``[T, N, C]``, in (0, 1)."""
        along_time = super().forward(mean, maximum).permute(1, 2, 0)
        return self.activation(self.expand(along_time)).permute(2, 0, 1)  # type: ignore[no-any-return]


class ComplementaryMask(nn.Module):
    """M1: 1 where exactly one of two top-k choices holds (Eq. 5 and the pseudo-code); M2 is 1 - M1.

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
    """Advance spatial attention (Eqs. 5, 6, 8-10): two complementary groups, one score map each.

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
    """ASA with the map mixed along time: T·T + 2·18 + 2 parameters at even T and r = 1 or 2."""

    def __init__(self, time_steps: int, reduction: int = MIX_REDUCTION) -> None:
        if reduction < 1:
            raise SnncError(BAD_OPTION, f"mix_reduction is at least 1, not {reduction}")
        one = reduction == 1
        super().__init__(TemporalMatrix(time_steps) if one else TemporalMix(time_steps, reduction))


class ASA2(ASA):
    """ASA without mixing along time: 2·18 + 2 = 38 parameters."""

    def __init__(self) -> None:
        super().__init__(AverageMaxMix())


GATES = {"t": "temporal", "c": "channel", "s": "spatial"}
"""A letter of MA-SNN's names, such as tcsa, and the gate that it stands for; in their order."""

ATTENTION_NAMES = ("none", "sa", "ta", "ca", "tsa", "csa", "tca", "tcsa", "asa1", "asa2")


@dataclass(frozen=True)
class AttentionSizes:
    """Sizes inside attention modules, in which code and papers differ.

    Attributes:
        temporal_reduction: the MLP along T has a hidden layer of T // this.
        channel_reduction: the MLP along C has a hidden layer of C // this.
        spatial_kernel: side of the spatial gate's kernel, odd.
        mix_reduction: ASA-1 mixes time by way of T // this numbers; at 1 by one T×T matrix.
    """

    temporal_reduction: int = REDUCTION
    channel_reduction: int = REDUCTION
    spatial_kernel: int = SPATIAL_KERNEL
    mix_reduction: int = MIX_REDUCTION


PAPER_SIZES: Mapping[str, int] = MappingProxyType({})
"""The sizes of the papers."""


def sizes_of(given: Mapping[str, int]) -> AttentionSizes:
    """Sizes by name, the paper's where none is given.

    Raises:
        SnncError: BAD_OPTION for a name that is not in :class:`AttentionSizes`.
    """
    unknown = sorted(given.keys() - vars(AttentionSizes()).keys())
    if unknown:
        raise SnncError(
            BAD_OPTION,
            f"attention_sizes has no {', '.join(map(repr, unknown))}",
            hint=f"Choose among {', '.join(vars(AttentionSizes()))}.",
        )
    return AttentionSizes(**given)


def make_attention(
    name: str, time_steps: int, channels: int, sizes: Mapping[str, int] = PAPER_SIZES
) -> nn.Module | None:
    """The attention module called ``name``, for ``[time_steps, N, channels, H, W]``.

    Args:
        name: one of :data:`ATTENTION_NAMES`.
        time_steps, channels: T and C.
        sizes: names and values of :class:`AttentionSizes`.

    Returns:
        The module; None for ``none``.

    Raises:
        SnncError: BAD_OPTION for a name that is not in :data:`ATTENTION_NAMES`, and for sizes
            that cannot be.
    """
    size = sizes_of(sizes)
    match name:
        case "none":
            return None
        case "asa1":
            return ASA1(time_steps, size.mix_reduction)
        case "asa2":
            return ASA2()
    if name not in ATTENTION_NAMES:
        raise SnncError(
            BAD_OPTION,
            f"there is no attention module called {name!r}",
            hint=f"Choose one of {', '.join(ATTENTION_NAMES)}.",
        )
    letters = name.removesuffix("a")
    return GatesInTurn(
        TemporalGate(time_steps, size.temporal_reduction) if "t" in letters else None,
        ChannelGate(channels, size.channel_reduction) if "c" in letters else None,
        SpatialGate(size.spatial_kernel) if "s" in letters else None,
    )
