"""The two complementary groups of ASA: their statistics and their gates.

A 0/1 mask M1 ``[T, N, C]`` splits the currents X ``[T, N, C, H, W]`` into Y_1 = X·M1 and
Y_2 = X·(1 - M1) (Eq. 5 of Yao et al. 2023, ICCV). Y_1 and Y_2 are formed one time step at a
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
    """[mean / lambda; max] over T×C of Y_1 and of Y_2: two of ``[N, 2, H, W]`` (what the
    scores of Eq. 10 are made of).

    The mean divides by T·C, not by the size of the group, and then by lambda = 0.5, that is,
    sum · (2 / (T·C)), summed over time first, then over channels. The zeros that stand for
    the other group's elements take part in the maximum.
    """

    def forward(self, x: Tensor, mask1: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics of group 1 and of group 2; no gradient reaches ``mask1``."""
        return _GroupStatistics.apply(x, mask1)  # type: ignore[no-any-return, no-untyped-call]


class GroupGate(nn.Module):
    """Y_1 · score_1 + Y_2 · score_2 = X · (the score of the element's group) (Eq. 6).

    One of the two terms is zero for every element, so the result is one rounded product.
    """

    def forward(self, x: Tensor, mask1: Tensor, score1: Tensor, score2: Tensor) -> Tensor:
        """Gated currents like ``x``; the scores are ``[N, 1, H, W]``."""
        return _GroupGate.apply(  # type: ignore[no-any-return, no-untyped-call]
            x, mask1, score1, score2
        )


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
        sums = [torch.zeros_like(x[0]) for _ in range(2)]
        largest = [torch.full_like(x[0], -torch.inf) for _ in range(2)]
        y = [torch.empty_like(x[0]) for _ in range(2)]
        for t in range(x.shape[0]):
            torch.mul(x[t], _of_step(mask1, t), out=y[0])
            torch.sub(x[t], y[0], out=y[1])
            for group in range(2):
                sums[group].add_(y[group])
                torch.maximum(largest[group], y[group], out=largest[group])
        scale = 1.0 / (LAMBDA * x.shape[0] * x.shape[2])
        stats = [
            torch.stack((sums[group].sum(dim=1).mul_(scale), largest[group].amax(dim=1)), dim=1)
            for group in range(2)
        ]
        ctx.save_for_backward(x, mask1, stats[0][:, 1:], stats[1][:, 1:])
        ctx.scale = scale
        return stats[0], stats[1]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        x, mask1, max1, max2 = ctx.saved_tensors
        grad_x = torch.empty_like(x)
        scratch = torch.empty_like(x[0])
        ties = [torch.zeros_like(x[0]) for _ in range(2)]
        for t in range(x.shape[0]):
            mask = _of_step(mask1, t)
            _select(scratch, mask, max1, max2)
            torch.eq(x[t], scratch, out=grad_x[t])  # 1 where the element is its group's maximum
            torch.mul(grad_x[t], mask, out=scratch)
            ties[0].add_(scratch)
            ties[1].add_(grad_x[t].sub(scratch))
        members = mask1.sum(dim=(0, 2))[:, None, None, None]
        total = x.shape[0] * x.shape[2]
        share1 = grads[0][:, 1:] / _all_ties(ties[0], max1, total - members)
        share2 = grads[1][:, 1:] / _all_ties(ties[1], max2, members)
        mean1, mean2 = grads[0][:, :1] * ctx.scale, grads[1][:, :1] * ctx.scale
        for t in range(x.shape[0]):
            mask = _of_step(mask1, t)
            grad_x[t].mul_(_select(scratch, mask, share1, share2))
            grad_x[t].add_(_select(scratch, mask, mean1, mean2))
        return grad_x, None


def _all_ties(inside: Tensor, largest: Tensor, outside: Tensor) -> Tensor:
    """How many of a group's T·C values equal its maximum, ``[N, 1, H, W]``.

    Args:
        inside: ties among its own elements, ``[N, C, H, W]``.
        largest: the maximum, ``[N, 1, H, W]``.
        outside: how many zeros stand for the other group's elements, ``[N, 1, 1, 1]``.
    """
    return inside.sum(dim=1, keepdim=True) + (largest == 0.0) * outside


class _GroupGate(torch.autograd.Function):
    """See :class:`GroupGate`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask1: Tensor, score1: Tensor, score2: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for t in range(x.shape[0]):
            _select(out[t], _of_step(mask1, t), score1, score2).mul_(x[t])
        ctx.save_for_backward(x, mask1, score1, score2)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        x, mask1, score1, score2 = ctx.saved_tensors
        grad_x = torch.empty_like(x)
        product = torch.empty_like(x[0])
        of_group = torch.empty_like(x[0])
        sums = [torch.zeros_like(x[0]) for _ in range(2)]
        for t in range(x.shape[0]):
            mask = _of_step(mask1, t)
            torch.mul(grads[0][t], x[t], out=product)
            torch.mul(product, mask, out=of_group)
            sums[0].add_(of_group)
            sums[1].add_(product.sub_(of_group))
            _select(grad_x[t], mask, score1, score2).mul_(grads[0][t])
        return grad_x, None, sums[0].sum(dim=1, keepdim=True), sums[1].sum(dim=1, keepdim=True)
