"""Readout: the sum over the window."""

from __future__ import annotations

import torch

from snnc.compiler.ops.readout.time_mean import Total, mean_error
from snnc.compiler.ops.view import BoundedRun, NodeRun


class TimeSum(Total):
    """y = sum over t of x[t]: a mean whose divisor is 1."""

    name = "time_sum"
    divisor = 1

    def reference(self, run: NodeRun) -> torch.Tensor:
        return run.inputs[0].sum(dim=0, keepdim=True)

    def error(self, run: BoundedRun) -> torch.Tensor:
        return run.steps * mean_error(run)
