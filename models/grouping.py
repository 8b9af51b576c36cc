"""The two complementary groups of ASA: their statistics and their gates.

A 0/1 mask M1 ``[T, N, C]`` splits the currents X ``[T, N, C, H, W]`` into Y_1 = X·M1 and
Y_2 = X·(1 - M1) (Eq. 8 of Yao et al. 2023, ICCV). Y_1 and Y_2 are formed one time step at a
time and never stored whole, and the gradients are written by hand for the same reason: the
tensors are large, and autograd would make about ten passes over each where this makes two.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

LAMBDA = 0.5
"""The authors divide each group's mean over T·C by it, whatever the group's size."""


class GroupStatistics(nn.Module):
    """[mean / lambda; max] over T×C of Y_1 and of Y_2: two of ``[N, 2, H, W]`` (Eq. 9).

    The mean divides by T·C, not by the size of the group, and then by lambda = 0.5, that is,
    sum · (2 / (T·C)), summed over time first, then over channels. The zeros that stand for
    the other group's elements take part in the maximum.
    """

    def forward(self, x: Tensor, mask1: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics of group 1 and of group 2; no gradient reaches ``mask1``."""
        return _GroupStatistics.apply(x, mask1)  # type: ignore[no-any-return, no-untyped-call]


class GroupGate(nn.Module):
    """Y_1 · score_1 + Y_2 · score_2 = X · (the score of the element's group) (Eq. 10).

    One of the two terms is zero for every element, so the result is one rounded product.
    """

    def forward(self, x: Tensor, mask1: Tensor, score1: Tensor, score2: Tensor) -> Tensor:
        """Gated currents like ``x``; the scores are ``[N, 1, H, W]``."""
        return _GroupGate.apply(  # type: ignore[no-any-return, no-untyped-call]
            x, mask1, score1, score2
        )


# Elements of one time step that are handled together, so that they stay in a 1 MiB cache.
_BLOCK = 10000000


def _parts(x: Tensor) -> list[slice]:
    """Slices of the samples of ``x`` whose single time steps fit the cache."""
    samples = x.shape[1]
    each = max(1, _BLOCK // max(1, x[0, 0].numel()))
    return [slice(start, start + each) for start in range(0, samples, each)]


def _of_step(mask: Tensor, t: int) -> Tensor:
    """``mask[t]`` as ``[N, C, 1, 1]``."""
    return mask[t, :, :, None, None]


def _select(out: Tensor, mask1: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Per element of ``out`` ``[N, C, H, W]``: ``first`` in group 1, ``second`` in group 2.

    ``mask1`` is ``[N, C, 1, 1]``, the maps are ``[N, 1, H, W]``. Exact: one term is zero.
    """
    return torch.mul(mask1, first, out=out).addcmul_(1.0 - mask1, second)


class _GroupStatistics(torch.autograd.Function):
    """See :class:`GroupStatistics`. The gradient of a maximum is shared equally by ties."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask1: Tensor) -> tuple[Tensor, Tensor]:
        scale = 1.0 / (LAMBDA * x.shape[0] * x.shape[2])
        parts = [_statistics(x[:, part], mask1[:, part], scale) for part in _parts(x)]
        stats1 = torch.cat([first for first, _ in parts])
        stats2 = torch.cat([second for _, second in parts])
        ctx.save_for_backward(x, mask1, stats1, stats2)
        ctx.scale = scale
        return stats1, stats2

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        x, mask1, stats1, stats2 = ctx.saved_tensors
        grad_x = torch.empty_like(x)
        for part in _parts(x):
            _statistics_gradient(
                x[:, part],
                mask1[:, part],
                (stats1[part, 1:], stats2[part, 1:]),
                (grads[0][part], grads[1][part]),
                ctx.scale,
                out=grad_x[:, part],
            )
        return grad_x, None


def _statistics(x: Tensor, mask1: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Statistics of both groups, ``[N, 2, H, W]`` each."""
    sums = (torch.zeros_like(x[0]), torch.zeros_like(x[0]))
    largest = (torch.full_like(x[0], -torch.inf), torch.full_like(x[0], -torch.inf))
    y1, y2 = torch.empty_like(x[0]), torch.empty_like(x[0])
    for t in range(x.shape[0]):
        torch.mul(x[t], _of_step(mask1, t), out=y1)
        torch.sub(x[t], y1, out=y2)
        for group, y in enumerate((y1, y2)):
            sums[group].add_(y)
            torch.maximum(largest[group], y, out=largest[group])
    first, second = (
        torch.stack((total.sum(dim=1).mul_(scale), high.amax(dim=1)), dim=1)
        for total, high in zip(sums, largest, strict=True)
    )
    return first, second


def _statistics_gradient(
    x: Tensor,
    mask1: Tensor,
    maxima: tuple[Tensor, Tensor],
    grads: tuple[Tensor, Tensor],
    scale: float,
    out: Tensor,
) -> None:
    """Gradient at ``x`` from those at the two groups' statistics, into ``out``."""
    scratch = torch.empty_like(x[0])
    ties = (torch.zeros_like(x[0]), torch.zeros_like(x[0]))
    for t in range(x.shape[0]):
        mask = _of_step(mask1, t)
        torch.eq(x[t], _select(scratch, mask, *maxima), out=out[t])  # its group's maximum?
        torch.mul(out[t], mask, out=scratch)
        ties[0].add_(scratch)
        ties[1].add_(torch.sub(out[t], scratch, out=scratch))
    members = mask1.sum(dim=(0, 2))[:, None, None, None]
    strangers = (x.shape[0] * x.shape[2] - members, members)
    shares = [
        grads[group][:, 1:] / _all_ties(ties[group], maxima[group], strangers[group])
        for group in range(2)
    ]
    means = [grads[group][:, :1] * scale for group in range(2)]
    for t in range(x.shape[0]):
        mask = _of_step(mask1, t)
        out[t].mul_(_select(scratch, mask, *shares))
        out[t].add_(_select(scratch, mask, *means))


def _all_ties(inside: Tensor, largest: Tensor, strangers: Tensor) -> Tensor:
    """How many of a group's T·C values equal its maximum, ``[N, 1, H, W]``.

    Args:
        inside: ties among its own elements, ``[N, C, H, W]``.
        largest: the maximum, ``[N, 1, H, W]``.
        strangers: how many zeros stand for the other group's elements, ``[N, 1, 1, 1]``.
    """
    return inside.sum(dim=1, keepdim=True) + (largest == 0.0) * strangers


class _GroupGate(torch.autograd.Function):
    """See :class:`GroupGate`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask1: Tensor, score1: Tensor, score2: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for part in _parts(x):
            for t in range(x.shape[0]):
                mask = _of_step(mask1[:, part], t)
                _select(out[t, part], mask, score1[part], score2[part]).mul_(x[t, part])
        ctx.save_for_backward(x, mask1, score1, score2)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        x, mask1, score1, score2 = ctx.saved_tensors
        grad_x = torch.empty_like(x)
        grad_scores = (torch.empty_like(score1), torch.empty_like(score2))
        for part in _parts(x):
            product = torch.empty_like(x[0, part])
            of_group1 = torch.empty_like(product)
            sums = (torch.zeros_like(product), torch.zeros_like(product))
            for t in range(x.shape[0]):
                mask = _of_step(mask1[:, part], t)
                torch.mul(grads[0][t, part], x[t, part], out=product)
                torch.mul(product, mask, out=of_group1)
                sums[0].add_(of_group1)
                sums[1].add_(product.sub_(of_group1))
                grad = _select(grad_x[t, part], mask, score1[part], score2[part])
                grad.mul_(grads[0][t, part])
            for grad_score, total in zip(grad_scores, sums, strict=True):
                torch.sum(total, dim=1, keepdim=True, out=grad_score[part])
        return grad_x, None, *grad_scores
