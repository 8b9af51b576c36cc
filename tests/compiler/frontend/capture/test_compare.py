"""What was captured against the model itself: every difference is found and placed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.frontend.capture import capture, compare
from snnc.errors import BAD_OPTION, SnncError
from tests.support.networks.capturing import Function, drawn


def test_a_difference_is_found_and_placed():
    state = {"scale": 1.0}
    net = Function(lambda x: {"same": x * 2, "other": x * state["scale"]})
    captured = capture(net, drawn(4, 3))
    state["scale"] = 3.0
    found = compare(net, captured, drawn(4, 3))
    assert not found.holds
    assert found.compared == 24
    assert found.differ == 12
    other = found.outputs[1]
    assert other.name == "['other']"
    assert other.first[0] == (0, 0)
    assert "12 of 12 numbers differ, the first at [0, 0]" in str(found)
    assert str(found.outputs[0]) == "output ['same']: 12 numbers, all equal"


def test_bits_are_compared_and_nan_is_nan():
    state = {"zero": 0.0}
    net = Function(lambda x: (x * 0 + state["zero"], x * float("nan")))
    captured = capture(net, torch.ones(2))
    assert compare(net, captured, torch.ones(2)).holds
    state["zero"] = -0.0
    net = Function(lambda x: (torch.full((2,), state["zero"]), x * float("nan")))
    captured = capture(net, torch.ones(2))
    state["zero"] = 0.0
    found = compare(net, captured, torch.ones(2))
    assert found.differ == 2
    assert found.outputs[1].holds


def test_other_structures_differ():
    state = {"more": False}
    net = Function(lambda x: (x, x) if state["more"] else (x,))
    captured = capture(net, torch.ones(2))
    state["more"] = True
    assert "items" in str(compare(net, captured, torch.ones(2)))


def test_constants_from_outside_of_pytorch_are_found_by_the_proof():
    random = np.random.default_rng(0)
    net = Function(lambda x: x * random.random())
    captured = capture(net, drawn(4, 3))
    assert not compare(net, captured, drawn(4, 3)).holds


def test_inputs_of_steps_must_have_one_length():
    with pytest.raises(SnncError) as error:
        capture(nn.Linear(3, 2), (drawn(4, 2, 3),), per_step=True, steps=5)
    assert error.value.code is BAD_OPTION
