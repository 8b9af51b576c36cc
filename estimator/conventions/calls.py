"""What tools that hook modules see of a node: the calls of nn.Conv2d and nn.Linear behind it.

Such tools look at values: a tensor of zeros and ones is spikes to them, whatever it means. One
node can stand for several calls (ASA's grouped convolution is two modules, a shared perceptron
runs once for the means and once for the maxima), and each call is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Array
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import Conv2d, Mlp
from snnc.compiler.ops.base import as_op
from snnc.estimator.conventions.base import Visit


@dataclass(frozen=True)
class Call:
    """One call of a weighted module on one sample.

    Attributes:
        x: its input, [N, ...]; for a layer that runs at every step N is T.
        weight: [O, I/groups, KH, KW] or [O, I].
        bias: whether it adds a bias.
        conv: the convolution; None if linear.
    """

    x: torch.Tensor
    weight: Array
    bias: bool
    conv: Conv2d | None = None

    @property
    def groups(self) -> int:
        """Groups of the convolution; 1 if linear."""
        return self.conv.groups if self.conv else 1

    @property
    def output_elements(self) -> int:
        """Elements of the output for one entry of the first axis."""
        return int(self._apply(self.x[:1], torch.ones(self.weight.shape))[0].numel())

    @property
    def dense(self) -> int:
        """Multiply-accumulates for one entry of the first axis, padding included."""
        return self.output_elements * int(self.weight[0].size)

    def uses(self, kept: torch.Tensor) -> list[int]:
        """How many (input, weight, output) triples meet, for each entry of the first axis.

        Args:
            kept: 1 for every weight that counts, 0 for the others.

        Inputs that are zero and taps that fall outside the image do not count. All outputs are
        summed at once, so the kernels of a group are added up first; float64 keeps it exact.
        """
        groups = self.groups
        summed = kept.reshape(groups, -1, *kept.shape[1:]).sum(dim=1)
        active = (self.x != 0).to(torch.float64)
        return [int(n) for n in self._apply(active, summed).flatten(1).sum(dim=1)]

    def _apply(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        if self.conv is None:
            return F.linear(x.flatten(1), weight.to(x.dtype))
        top, left, bottom, right = self.conv.padding
        return F.conv2d(
            F.pad(x, (left, right, top, bottom)),
            weight.to(x.dtype),
            stride=self.conv.stride,
            dilation=self.conv.dilation,
            groups=self.conv.groups,
        )


_ONE_BY_ONE = Conv2d(stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1)


def weighted_calls(visit: Visit) -> list[Call]:
    """The calls behind a convolution, a linear layer (whose weight is a matrix) or a perceptron."""
    (x,) = visit.inputs
    params = visit.params
    if visit.node.plays(Role.PERCEPTRON):
        return list(_perceptron(visit, x))
    bias = "bias" in params
    if params["weight"].ndim == 2 and len(visit.node.type.shape) > 1:
        given = x.movedim(visit.node.type.packed + 1, 1)  # a 1x1 convolution to a tool
        given = given.reshape(*given.shape[:2], -1, 1)
        return [Call(given, params["weight"][:, :, None, None], bias, _ONE_BY_ONE)]
    if params["weight"].ndim == 2:
        return [Call(x, params["weight"], bias)]
    conv = as_op(visit.node, Conv2d)
    if not visit.in_attention:
        return [Call(x, params["weight"], bias, conv)]
    groups, weight = conv.groups, params["weight"]
    alone = replace(conv, groups=1)
    return [
        Call(part, kernels, bias, alone)
        for part, kernels in zip(x.chunk(groups, dim=1), np.split(weight, groups), strict=True)
    ]


def _perceptron(visit: Visit, x: torch.Tensor) -> Iterator[Call]:
    """The linear layers, once for each row of statistics where there are two."""
    params = visit.params
    op = as_op(visit.node, Mlp)
    rows = x.unbind(dim=1) if x.ndim == 3 else (x,)
    for row in rows:
        given = row.T if op.along == "time" else row
        if op.one_matrix:
            yield Call(given, params["reduce"][: given.shape[-1]], False)
            continue
        yield Call(given, params["reduce"], False)
        hidden = torch.relu(F.linear(given, torch.from_numpy(params["reduce"]).to(given.dtype)))
        yield Call(hidden, params["expand"], False)
