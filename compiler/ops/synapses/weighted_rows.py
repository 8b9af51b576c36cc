"""A weighted sum of the rows of a small matrix: attention's mix of mean and maximum."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import arrays
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_rank, shape_error
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class WeightedRows(Op):
    """y[n] = sum over r of weights[r] x[r, n]. params: ``weights`` [R]."""

    name = "weighted_rows"
    roles = (Role.STATISTIC,)
    parameters = arrays("weights")

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_rank(view.node, given, 2)
        if given.kind is not Kind.REAL:
            raise shape_error(view.node, f"mixes rows of real values, got {given}")
        if view.params["weights"].shape != given.shape[:1]:
            raise shape_error(
                view.node, f"{view.params['weights'].size} weights cannot mix the rows of {given}"
            )
        return TensorType(given.shape[1:], Kind.REAL, given.temporal)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return torch.einsum("r,trn->tn", run.params["weights"], run.inputs[0])

    def error(self, run: BoundedRun) -> torch.Tensor:
        # PyTorch writes (mean + max)/2 + alpha mean + gamma max: the weights carry one rounding
        # more, the sum at most 6 in all.
        weights = run.params["weights"].abs()
        size = torch.einsum("r,trn->tn", weights + 1, run.inputs[0].abs() + run.errors[0])
        carried = torch.einsum("r,trn->tn", weights, run.errors[0])
        return carried + gamma(len(weights) + 6.0) * size + 8 * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, mac=run.types[0].size)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        weights = c.constant("weights", c.param("weights"), "[row]")
        c.call("snn_weighted_rows_f32", *given.shape, weights, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(
            cls(), (TensorType((2, 33), Kind.REAL),), params={"weights": np.array([1.0, 0.75])}
        )
        yield Sample(
            cls(), (TensorType((3, 5), Kind.REAL),), params={"weights": np.array([1.0, -2.0, 0.3])}
        )
