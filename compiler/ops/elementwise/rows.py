"""Rows as a whole: brought to mean 0 and variance 1, or to shares of 1."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import real
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_rank
from snnc.compiler.ops.cells.cost import COSTS
from snnc.compiler.ops.rounding import SMALLEST, SMALLEST_NORMAL, UNIT, gamma_of
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

EXP_ULPS = 2.0
"""Error of an exponential in units in the last place, ours and PyTorch's (docs/numerics.md)."""


class _OfRows(Op):
    """A function of each row of (R, N), whose values are real."""

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        expect_rank(view.node, view.types[0], 2)
        return view.types[0].of(Kind.REAL)


class Standardize(_OfRows):
    """y = (x - mean) / sqrt(variance + eps) along each row of (R, N), with the variance of N:
    layer norm and group norm without their weights. attributes: ``eps``.
    """

    name = "standardize"
    roles = (Role.NORMALISATION,)
    eps: float = real()

    def reference(self, run: NodeRun) -> torch.Tensor:
        mean, variance = _moments(run.inputs[0])
        return (run.inputs[0] - mean) / torch.sqrt(variance + self.eps)

    def error(self, run: BoundedRun) -> torch.Tensor:
        # Whether the variance is that of differences, Welford's or a difference of squares, its
        # rounding is gamma of the terms times the mean square of |x| + |mean|. A source may also
        # write x r - mean r, with weights multiplied in: 8 roundings of terms of that size.
        (x,), (error,) = run.inputs, run.errors
        n = x.shape[-1]
        mean, variance = _moments(x)
        size = x.abs() + error
        mean_error = error.mean(-1, keepdim=True) + gamma_of(n + 2.0) * size.mean(-1, keepdim=True)
        mean_error = mean_error + n * SMALLEST
        apart, apart_error = (x - mean).abs(), error + mean_error
        whole = size + mean.abs() + mean_error
        spread = (2 * apart * apart_error + apart_error**2).mean(-1, keepdim=True)
        spread = spread + gamma_of(n + 10.0) * (whole**2).mean(-1, keepdim=True) + n * SMALLEST
        level = variance + self.eps
        scale = level.rsqrt()
        spread = spread + UNIT * level
        # No computed variance is less than 0: PyTorch takes the larger where it may be.
        least = torch.maximum(level - spread, torch.full_like(level, self.eps) / (1 + UNIT))
        most = least.rsqrt() * (1.0 + gamma_of(4.0))
        scale_error = torch.maximum(most - scale, scale - (level + spread).rsqrt())
        rounding = gamma_of(8.0) * whole * (scale + scale_error)
        total = apart_error * (scale + scale_error) + apart * scale_error + rounding
        bound: torch.Tensor = total + 8 * SMALLEST
        return torch.where(bound.isnan(), torch.inf, bound)  # rows of equal values without eps

    def count(self, run: NodeRun) -> Counts:
        rows, n = run.types[0].shape
        root = COSTS["sqrt"]
        return Counts.of(
            run.steps,
            mul=rows * (2 * n + 3 + root.mul),
            add=rows * (3 * n + 1 + root.add),
            cmp=rows * root.cmp,
        )

    def emit(self, node: Node, c: Emitter) -> None:
        eps = c.real(float(self.eps))
        c.call("snn_standardize_f32", *node.type.shape, eps, c.real_input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for shape in [(3, 40), (5, 7)]:
                yield Sample(cls(eps=0.125), (TensorType(shape, kind),))
        yield Sample(cls(eps=1e-5), (TensorType((2, 33), Kind.REAL, temporal=False),))


class Softmax(_OfRows):
    """y = exp(x) over the sum of these along each row of (R, N).

    attributes: ``exp_ulps``, the error of the source's exponential in units in the last place
    where it is not :data:`EXP_ULPS`.
    """

    name = "softmax"
    roles = (Role.STATISTIC,)
    exp_ulps: float = real(default=EXP_ULPS)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return torch.softmax(run.inputs[0], dim=-1)

    def error(self, run: BoundedRun) -> torch.Tensor:
        # x - max rounds once, which the exponential makes a part of its value; the largest error of
        # a row moves every value and their sum at most so much.
        (x,), (error,) = run.inputs, run.errors
        n = x.shape[-1]
        below = x.amax(-1, keepdim=True) - x + 2 * error
        moved = UNIT * below
        own = 2 * error.amax(-1, keepdim=True) + moved
        relative = own + (run.output * moved).sum(-1, keepdim=True)
        rounding = gamma_of(n + 4.0 * self.exp_ulps + 6.0)
        strays = run.output * torch.expm1(relative.clamp_max(1.0))
        far = torch.exp(torch.log_softmax(x, -1) + relative)  # of shares of about nothing
        strays = torch.where(relative < 1.0, strays, far)
        return strays * (1 + rounding) + run.output * rounding + SMALLEST_NORMAL

    def count(self, run: NodeRun) -> Counts:
        n, power = run.type.size, COSTS["exp"]
        return Counts.of(
            run.steps, mul=n * (1 + power.mul), add=n * (2 + power.add), cmp=n * (1 + power.cmp)
        )

    def emit(self, node: Node, c: Emitter) -> None:
        c.call("snn_softmax_f32", *node.type.shape, c.real_input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for shape in [(3, 40), (5, 7)]:
                yield Sample(cls(), (TensorType(shape, kind),))


def _moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of each row."""
    mean = x.mean(-1, keepdim=True)
    return mean, ((x - mean) ** 2).mean(-1, keepdim=True)
