"""Readout: the sum over the window."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from snnc.compiler.ir.graph import Node
from snnc.compiler.ops.base import Params
from snnc.compiler.ops.readout.time_mean import TimeMean


class TimeSum(TimeMean):
    """y = sum over t of x[t]: a mean whose divisor is 1."""

    name = "time_sum"
    divisor = 1

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return inputs[0].sum(dim=0, keepdim=True)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        return inputs[0].shape[0] * super().error(node, params, inputs, errors, output)
