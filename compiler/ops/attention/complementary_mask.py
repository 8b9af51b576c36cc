"""ASA's choice: where exactly one of two top-k selections holds."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_rank, shape_error
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class ComplementaryMask(Op):
    """M1[t, c] = 1 where exactly one holds: c is among the C//2 largest of step t; t is among the
    T//2 largest of channel c (ASA paper, Eq. 5). A tie goes to the lowest index.
    """

    name = "complementary_mask"
    roles = (Role.STATISTIC, Role.MASK)

    def time(self) -> Time:
        return Time.SEQUENCE

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_rank(view.node, given, 1)
        if given.kind is not Kind.REAL:
            raise shape_error(view.node, f"chooses among real values, got {given}")
        return given.of(Kind.SPIKE)

    def reference(self, run: NodeRun) -> torch.Tensor:
        (m,) = run.inputs
        of_step, of_channel = _largest(m, dim=1), _largest(m, dim=0)
        return (of_step != of_channel).to(m.dtype)

    def error(self, run: BoundedRun) -> torch.Tensor:
        (m,), (error,) = run.inputs, run.errors
        undecided = _undecided(m, error) | _undecided(m.T, error.T).T
        return undecided.to(torch.float64)

    def count(self, run: NodeRun) -> Counts:
        # Each value is compared with every value of its step and of its channel.
        steps, channels = run.inputs[0].shape
        return Counts.of(1, cmp=steps * channels * (steps + channels))

    def emit(self, node: Node, c: Emitter) -> None:
        scratch = c.scratch("keys", "snn_word", node.type.size * c.time_steps)
        sizes = c.time_steps, node.type.size
        kernel = "snn_complementary_mask" + ("_i32" if c.input_type(0).dtype else "")
        c.call(kernel, *sizes, c.input(0), scratch, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for channels, steps in [(7, 5), (33, 4), (64, 9), (1, 1)]:
            yield Sample(cls(), (TensorType((channels,), Kind.REAL),), time_steps=steps)


def _largest(m: torch.Tensor, dim: int) -> torch.Tensor:
    """The larger half (rounded down) along an axis, ties to the lowest index."""
    order = torch.sort(m, dim=dim, descending=True, stable=True).indices
    chosen = order.narrow(dim, 0, m.shape[dim] // 2)
    return torch.zeros_like(m, dtype=torch.bool).scatter_(dim, chosen, True)


def _undecided(m: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """Where a correct float32 run may choose either way among the values of a row.

    A value is surely in if fewer than k others can reach it, surely out if k others must beat it.
    """
    k = m.shape[1] // 2
    low, high = m - error, m + error
    others = ~torch.eye(m.shape[1], dtype=torch.bool)
    can_reach = ((high[:, None, :] >= low[:, :, None]) & others).sum(dim=2)
    must_beat = ((low[:, None, :] > high[:, :, None]) & others).sum(dim=2)
    return (can_reach >= k) & (must_beat < k)
