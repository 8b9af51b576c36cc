"""ASA's gate: each element times the score of its own group."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Rows, Sample, expect_rank, shape_error
from snnc.compiler.ops.rounding import rounded
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class MaskedGate(Op):
    """Y = X * (M ? score_1 : score_2), which is Y_1 score_1 + Y_2 score_2 (ASA paper, Eq. 6).

    inputs: x (C, H, W), mask (C,) of spikes, scores (2, H, W).
    """

    name = "masked_gate"
    roles = (Role.GATE,)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        given, mask, scores = view.types
        expect_rank(view.node, given, 3)
        fits = mask.shape == (given.channels,) and scores.shape == (2, *given.shape[1:])
        if not fits or mask.kind is not Kind.SPIKE:
            raise shape_error(view.node, f"{mask} and {scores} cannot gate {given}")
        return TensorType(given.shape, Kind.REAL, given.temporal or mask.temporal)

    def reference(self, run: NodeRun) -> torch.Tensor:
        x, mask, scores = run.inputs
        return x * _chosen(mask, scores)

    def error(self, run: BoundedRun) -> torch.Tensor:
        x, mask, scores = run.inputs
        score, score_error = _chosen(mask, scores.abs()), _chosen(mask, run.errors[2])
        error = run.errors[0] * (score + score_error) + x.abs() * score_error
        return rounded(run.output, error)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, mul=run.type.size)

    def rows_of(self, view: NodeView) -> Rows:
        """Inputs that are not REAL are converted as a whole."""
        real = view.types[0].kind is view.types[2].kind is Kind.REAL
        return Rows.MAP if real else Rows.NEVER

    def emit(self, node: Node, c: Emitter) -> None:
        sizes = c.row_pixels(node.type), node.type.channels
        real = c.row_input if c.in_band else c.real_input
        c.call("snn_masked_gate_f32", *sizes, real(0), c.input(1), real(2), c.row_output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in [(5, 3, 4), (33, 5, 7), (64, 2, 2)]:
            mask = TensorType((shape[0],), Kind.SPIKE)
            scores = TensorType((2, *shape[1:]), Kind.REAL, temporal=False)
            yield Sample(cls(), (TensorType(shape, Kind.REAL), mask, scores))


def _chosen(mask: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    spread = mask[:, :, None, None]
    return torch.where(spread != 0, scores[:, :1], scores[:, 1:])
