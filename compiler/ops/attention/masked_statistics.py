"""ASA's pooled maps: mean and maximum over time and channels of two complementary groups."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import real
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_rank, shape_error
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MaskedStatistics(Op):
    """[mean1; max1; mean2; max2], each H x W, of Y_k = X M_k over all T*C values (Eq. 10).

    inputs: x (C, H, W), mask (C,) of spikes; group 1 is where the mask is 1. attributes:
    ``mean_scale`` (the authors divide the mean by lambda = 0.5). The zeros of the other group take
    part in the maximum.
    """

    name = "masked_statistics"
    roles = (Role.STATISTIC,)
    mean_scale: float = real()

    def time(self) -> Time:
        return Time.REDUCE

    def infer(self, view: NodeView) -> TensorType:
        given, mask = view.types
        expect_rank(view.node, given, 3)
        if mask.shape != (given.channels,) or mask.kind is not Kind.SPIKE:
            raise shape_error(view.node, f"{mask} cannot mask {given}")
        return TensorType((4, *given.shape[1:]), Kind.REAL, temporal=False)

    def reference(self, run: NodeRun) -> torch.Tensor:
        rows = []
        for group in groups(*run.inputs):
            rows += [group.mean(dim=(0, 1)) * self.mean_scale, group.amax(dim=(0, 1))]
        return torch.stack(rows)[None]

    def error(self, run: BoundedRun) -> torch.Tensor:
        x, mask = run.inputs
        scale = self.mean_scale
        terms = float(x.shape[0] * x.shape[1]) + 2
        rows = []
        for size, error in zip(
            groups(x.abs() + run.errors[0], mask), groups(run.errors[0], mask), strict=True
        ):
            rounding = gamma(terms) * size.mean(dim=(0, 1)) + terms * SMALLEST
            rows += [scale * (error.mean(dim=(0, 1)) + rounding), error.amax(dim=(0, 1))]
        return torch.stack(rows)[None]

    def count(self, run: NodeRun) -> Counts:
        given = run.types[0]
        counts = Counts.of(run.steps, add=2 * given.size, cmp=2 * given.size)
        counts.mul[-1] = 2 * given.pixels
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        sizes = given.pixels, given.channels
        name = "snn_masked_statistics"
        c.begin(f"{name}_begin_f32", given.pixels, c.output())
        c.call(f"{name}_accumulate_f32", *sizes, c.real_input(0), c.input(1), c.output())
        factor = c.real(self.mean_scale / (c.time_steps * given.channels))
        c.end(f"{name}_finish_f32", given.pixels, factor, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in [(5, 3, 4), (33, 5, 7), (64, 2, 2)]:
            mask = TensorType((shape[0],), Kind.SPIKE)
            yield Sample(cls(mean_scale=2.0), (TensorType(shape, Kind.REAL), mask))


def groups(x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The two groups X M and X (1 - M) of x [T, C, H, W] by mask [T, C]."""
    spread = mask[:, :, None, None]
    return x * spread, x * (1 - spread)
