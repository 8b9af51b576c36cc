"""Mean and maximum of a value: the pooled inputs of attention modules."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.attributes import one_of, real
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import (
    Counts,
    Op,
    Rows,
    Sample,
    expect_rank,
    expect_time,
    unsupported,
)
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Statistics(Op):
    """Row 0 the mean, row 1 the maximum, over some axes.

    attributes: ``over`` names them, ``mean_scale`` multiplies the mean (1 but for time_channels).

    ============== ===================== =========================
    over           output                time
    ============== ===================== =========================
    pixels         (2, C) per step       STEP
    all            (2, 1) per step       STEP
    time_pixels    (2, C) per window     REDUCE
    time_channels  (2, H, W) per window  REDUCE
    ============== ===================== =========================
    """

    name = "statistics"
    roles = (Role.STATISTIC,)
    over: str = one_of("all", "pixels", "time_channels", "time_pixels")
    mean_scale: float = real()

    def time(self) -> Time:
        return Time.REDUCE if self.over.startswith("time") else Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        over = self.over
        if over != "all":  # which takes vectors too
            expect_rank(view.node, given, 3)
        rest = {"all": (1,), "time_channels": given.shape[1:]}.get(over, given.shape[:1])
        shape = (2, *rest)
        reduces = self.time() is Time.REDUCE
        if reduces:
            expect_time(view.node, given)
        if self.mean_scale != 1 and over != "time_channels":
            raise unsupported(view.node, "this mean cannot be scaled", "Use mean_scale 1.")
        return TensorType(shape, Kind.REAL, given.temporal and not reduces)

    def reference(self, run: NodeRun) -> torch.Tensor:
        mean, maximum = self._pooled(run.inputs[0], run.inputs[0])
        return torch.stack((mean * self.mean_scale, maximum), dim=1)

    def error(self, run: BoundedRun) -> torch.Tensor:
        (x,), (error,) = run.inputs, run.errors
        size, spread = self._pooled(x.abs() + error, error)
        mean_error, _ = self._pooled(error, error)
        terms = x.numel() / run.output[:, 0].numel() + 2
        scale = self.mean_scale
        mean_error = scale * (mean_error + gamma(terms) * size) + terms * SMALLEST
        return torch.stack((mean_error, spread), dim=1)

    def count(self, run: NodeRun) -> Counts:
        (given,) = run.types
        steps = run.steps
        counts = Counts.of(steps, add=given.size, cmp=given.size)
        means = run.type.size // 2
        if self.time() is Time.REDUCE:
            counts.mul[-1] = means
        else:
            counts.mul[:] = means
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        given, over = c.input_type(0), self.over
        sizes = given.pixels, given.channels
        of_channels = "snn_statistics_of_channels"
        if over == "all":
            c.call("snn_statistics_all_f32", *sizes, c.real_input(0), c.output())
        elif over == "pixels":
            x = c.row_input(0) if c.in_band else c.real_input(0)
            rows = c.row_pixels(given), given.channels
            c.first(f"{of_channels}_begin_f32", given.channels, c.output())
            c.call("snn_statistics_space_accumulate_f32", *rows, x, c.output())
            c.last(f"{of_channels}_finish_f32", given.channels, given.pixels, c.output())
        elif over == "time_pixels":
            values = c.time_steps * given.pixels
            c.begin(f"{of_channels}_begin_f32", given.channels, c.output())
            c.call("snn_statistics_time_accumulate_f32", *sizes, c.real_input(0), c.output())
            c.end(f"{of_channels}_finish_f32", given.channels, values, c.output())
        else:
            factor = c.real(self.mean_scale / (c.time_steps * given.channels))
            of_pixels = "snn_statistics_time_channels"
            c.begin(f"{of_pixels}_begin_f32", given.pixels, c.output())
            c.call(f"{of_pixels}_accumulate_f32", *sizes, c.real_input(0), c.output())
            c.end(f"{of_pixels}_finish_f32", given.pixels, factor, c.output())

    def rows_of(self, view: NodeView) -> Rows:
        """Over the pixels of a step, in the order of one sweep over the whole map."""
        real = view.types[0].kind is Kind.REAL and len(view.types[0].shape) == 3
        return Rows.REDUCE if real and self.over == "pixels" else Rows.NEVER

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for over in ["pixels", "all", "time_pixels", "time_channels"]:
            for shape in [(5, 3, 4), (33, 5, 7), (64, 2, 2)]:
                scale = 2.0 if over == "time_channels" else 1.0
                op = cls(over=over, mean_scale=scale)
                yield Sample(op, (TensorType(shape, Kind.REAL),))
        yield Sample(cls(over="all", mean_scale=1.0), (TensorType((37,), Kind.REAL),))

    def _pooled(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean of x and maximum of y over the axes, without the row axis."""
        axes, shape = self.axes(x)
        return x.mean(dim=axes).reshape(shape), y.amax(dim=axes).reshape(shape)

    def axes(self, x: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axes of x [T, C, H, W] that are reduced, and the shape of what is left."""
        if self.over == "all":
            return tuple(range(1, x.ndim)), (len(x), 1)
        steps, channels, height, width = x.shape
        return {
            "pixels": ((2, 3), (steps, channels)),
            "time_pixels": ((0, 2, 3), (1, channels)),
            "time_channels": ((0, 1), (1, height, width)),
        }[self.over]
