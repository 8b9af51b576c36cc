"""PyTorch's own samples of operators, in a network: the graph gives the same, or they are refused.

All operators: ``python -m tests.support.samples.understood_samples``.
"""

from __future__ import annotations

import pytest
import torch

from tests.support.samples.torch_samples import EQUAL, REFUSED
from tests.support.samples.understood_samples import outcomes

pytest.importorskip("expecttest", reason="expecttest is not here: make setup")
from torch.testing._internal.common_methods_invocations import op_db

UNDERSTOOD = [
    *("abs", "add", "sub", "rsub", "mul", "div", "neg", "exp", "tanh", "sigmoid", "erf", "floor"),
    *("ceil", "trunc", "round", "sign", "maximum", "minimum", "ge", "lt", "ne", "logical_not"),
    *("logical_and", "reciprocal", "nn.functional.relu", "nn.functional.conv2d", "flatten", "mm"),
    *("nn.functional.max_pool2d", "nn.functional.avg_pool2d", "clamp", "clamp_min", "lerp"),
    *("addcmul", "addcdiv", "fmod", "remainder", "floor_divide", "heaviside", "logaddexp", "expm1"),
    *(f"nn.functional.{name}" for name in ("silu", "gelu", "elu", "selu", "celu", "leaky_relu")),
    *(f"nn.functional.{name}" for name in ("prelu", "hardtanh", "hardsigmoid", "hardswish")),
    *(f"nn.functional.{name}" for name in ("softplus", "mish", "hardshrink", "softshrink")),
]
OTHERS = [
    *("sqrt", "pow", "clamp_min", "clamp_max", "nn.functional.adaptive_avg_pool2d", "unsqueeze"),
    *("squeeze", "permute", "transpose", "mean", "sum", "amax", "split", "chunk", "select"),
    *("var", "std_mean", "amin", "cumsum", "roll", "tril", "log_softmax", "tile", "matmul"),
    *(f"nn.functional.{name}" for name in ("layer_norm", "instance_norm", "group_norm", "glu")),
    *(f"nn.functional.{name}" for name in ("pad", "interpolate", "normalize", "pixel_shuffle")),
]
"""Some of whose samples, or all, are refused."""


@pytest.mark.parametrize("name", [*UNDERSTOOD, *OTHERS])
def test_samples_are_equal_or_refused(name):
    ops = [op for op in op_db if op.name == name and torch.float32 in op.dtypes]
    assert ops
    found = [pair for op in ops for pair in outcomes(op, at_most=2)]
    wrong = [what for outcome, what in found if outcome not in (EQUAL, REFUSED)]
    assert wrong == []
    equal = [what for outcome, what in found if outcome == EQUAL]
    assert equal or name not in UNDERSTOOD
