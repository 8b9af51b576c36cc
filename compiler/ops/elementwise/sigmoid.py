"""Logistic sigmoid."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample
from snnc.compiler.ops.rounding import SMALLEST_NORMAL, rounded
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

MULS, ADDS, COMPARISONS = 13, 12, 2
"""Arithmetic of one sigmoid in the C (runtime_c/include/snn/elementwise/elementwise.h)."""

EXP_ULPS = 4.0
"""No exponential in use is worse: Sleef's (PyTorch) is documented at 1 ulp, ours is tested."""


class Sigmoid(Op):
    """y = 1 / (1 + exp(-x)), per element."""

    name = "sigmoid"
    layout = Layout.ALIKE
    roles = (Role.STATISTIC,)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return view.types[0].of(Kind.REAL)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return torch.sigmoid(run.inputs[0])

    def error(self, run: BoundedRun) -> torch.Tensor:
        # The slope is at most 1/4. Then: an exponential good to EXP_ULPS units in the last place,
        # an addition and a division. PyTorch gives 0 where exp(-x) overflows: below 2^-126.
        return rounded(run.output, run.errors[0] / 4, 2 * EXP_ULPS + 2) + SMALLEST_NORMAL

    def count(self, run: NodeRun) -> Counts:
        n = run.type.size
        return Counts.of(run.steps, mul=MULS * n, add=ADDS * n, cmp=COMPARISONS * n)

    def emit(self, node: Node, c: Emitter) -> None:
        c.call("snn_sigmoid_f32", node.type.size, c.real_input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), (TensorType((7, 3, 5), Kind.REAL),))
        yield Sample(cls(), (TensorType((35,), Kind.REAL, temporal=False),))
