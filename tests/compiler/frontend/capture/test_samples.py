"""PyTorch's own samples of operators: captured and replayed they are eager, or refused.

All 700 operators: ``python -m tests.support.samples.torch_samples``.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from tests.support.samples.torch_samples import EQUAL, REFUSED, outcomes

pytest.importorskip("expecttest", reason="expecttest is not here: make setup")
from torch.testing._internal.common_methods_invocations import op_db

ELEMENTWISE = [
    *("abs", "add", "sub", "rsub", "mul", "div", "addcmul", "clamp", "copysign", "exp", "floor"),
    *("float_power", "fmod", "ge", "heaviside", "lerp", "logical_and", "maximum", "neg", "pow"),
    *("remainder", "round", "sigmoid", "sign", "where", "masked_fill", "nn.functional.relu"),
    *("nn.functional.leaky_relu", "nn.functional.hardtanh", "nn.functional.silu"),
]
VIEWS = [
    *("T", "as_strided", "broadcast_to", "chunk", "diagonal", "expand", "flatten", "movedim"),
    *("permute", "reshape", "select", "split", "squeeze", "transpose", "unbind"),
    *(
        "unflatten",
        "unfold",
        "unsqueeze",
        "view",
        "view_as",
        "hsplit",
        "tril",
        "ravel",
        "atleast_2d",
    ),
]
INDEXING = [
    *("__getitem__", "cat", "flip", "gather", "index_add", "index_copy", "index_fill", "index_put"),
    *("index_select", "masked_scatter", "narrow", "put", "roll", "scatter", "scatter_add"),
    *("select_scatter", "slice_scatter", "stack", "take", "tile", "repeat", "constant_pad_nd"),
]
LAYERS = [
    *("matmul", "bmm", "addmm", "mean", "sum", "amax", "cumsum", "softmax", "native_layer_norm"),
    *("nn.functional.linear", "nn.functional.conv2d", "nn.functional.conv_transpose2d"),
    *("nn.functional.max_pool2d", "nn.functional.avg_pool2d", "nn.functional.batch_norm"),
    *("nn.functional.group_norm", "nn.functional.interpolate", "nn.functional.embedding"),
    *("nn.functional.adaptive_avg_pool2d", "nn.functional.pad", "nn.functional.unfold"),
]
DEPEND_ON_DATA = {"narrow", "__getitem__"}
"""Some of whose samples take their position from a tensor among the inputs."""


@pytest.mark.parametrize("name", [*ELEMENTWISE, *VIEWS, *INDEXING, *LAYERS])
def test_samples_are_equal_or_refused(name):
    ops = [op for op in op_db if op.name == name and torch.float32 in op.dtypes]
    assert ops
    found = [pair for op in ops for pair in outcomes(op, at_most=3)]
    kinds = Counter(outcome for outcome, _ in found)
    assert kinds[EQUAL] > 0
    wrong = [what for outcome, what in found if outcome not in (EQUAL, REFUSED)]
    assert wrong == []
    if name not in DEPEND_ON_DATA:
        assert kinds[REFUSED] == 0, [what for outcome, what in found if outcome == REFUSED]


@pytest.mark.parametrize("name", ["nn.functional.dropout", "bernoulli", "nonzero", "masked_select"])
def test_samples_that_are_refused(name):
    (op,) = (op for op in op_db if op.name == name)
    kinds = {outcome for outcome, _ in outcomes(op, at_most=4)}
    assert kinds - {EQUAL} == {REFUSED}  # dropout of nothing, or none at all, is a value
