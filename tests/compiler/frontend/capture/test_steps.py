"""Models that are called once for each step: what they remember is found."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnc.compiler.frontend.capture import capture, compare
from snnc.errors import BAD_SHAPE, SnncError
from tests.support.networks.capturing import Function, drawn, held, refused

T, N = 5, 2


class Remembers(nn.Module):
    """v as an attribute that the first call makes, mem as a buffer, a counter, a history."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.v = None
        self.register_buffer("mem", torch.full((4,), 0.5))
        self.other = {"trace": torch.zeros(4)}
        self.history = []
        self.calls = 0

    def reset(self):
        self.v = None
        self.mem.fill_(0.5)
        self.calls = 0
        self.history.clear()

    def forward(self, x):
        y = self.fc(x)
        self.v = y if self.v is None else 0.5 * self.v + y
        spikes = (self.v >= 0.4).to(y.dtype)
        self.v = self.v - spikes
        self.mem.mul_(0.9).add_(spikes.mean(0))
        self.other["trace"] = self.other["trace"] * 0.8 + self.mem
        self.history.append(spikes)
        self.calls += 1
        return spikes * self.other["trace"] * (2 if self.calls > 3 else 1)


def test_state_between_calls_is_found():
    net = Remembers()
    captured = held(net, (T, N, 3), per_step=True)
    states = {state.name: state for state in captured.states}
    assert set(states) == {"v", "mem", "other.trace"}
    assert states["v"].initial is None
    assert torch.equal(captured.tensors[states["mem"].initial.target], torch.full((4,), 0.5))
    assert states["other.trace"].initial.meta["kind"] == "attribute"
    assert [len(state.values) for state in states.values()] == [T] * 3
    for state in states.values():
        assert [node.meta["call"] for node in state.values] == list(range(T))
        assert state.final in captured.graph.output_node().args[0]
    assert captured.steps == T
    assert captured.outputs[0].node.meta["shape"] == (T, N, 4)
    assert net.v is None
    assert net.calls == 0
    assert net.history == []
    assert torch.equal(net.mem, torch.full((4,), 0.5))


def test_state_starts_from_rest_whatever_was_left():
    net = Remembers()
    net(drawn(7, 3))
    left = net.v
    captured = capture(net, drawn(T, N, 3), per_step=True)
    assert compare(net, captured, drawn(T, N, 3, seed=4)).holds
    assert net.v is left
    assert net.calls == 1


def test_a_model_that_resets_itself_in_every_call_has_no_state():
    class Forgets(nn.Module):
        def forward(self, x):
            self.v = torch.zeros_like(x)
            self.v = self.v * 0.9 + x
            return self.v

    assert held(Forgets(), (T, N, 3), per_step=True).states == ()


def test_a_constant_that_the_first_call_makes_is_no_state():
    class Caches(nn.Module):
        def __init__(self):
            super().__init__()
            self.mask = None

        def forward(self, x):
            if self.mask is None:
                self.mask = torch.ones(3)
            return x * self.mask

    assert held(Caches(), (T, N, 3), per_step=True).states == ()


def test_reset_may_be_given():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.u = None

        def forward(self, x):
            self.u = x if self.u is None else self.u + x
            return self.u

    net = Odd()
    net(drawn(9, 9))
    assert "forward fails" in refused(net, (T, N, 3), per_step=True)
    held(net, (T, N, 3), per_step=True, reset=lambda: setattr(net, "u", None))


def test_dicts_of_steps_are_stacked():
    captured = held(Function(lambda x: {"a": x, "b": (x.sum(1), 3)}), (T, N, 3), per_step=True)
    assert [output.name for output in captured.outputs] == ["['a']", "['b'][0]", "['b'][1]"]
    assert captured.outputs[1].node.meta["shape"] == (T, N)


def test_steps_that_give_different_things_are_refused():
    calls = []

    def changing(x):
        calls.append(1)
        return x if len(calls) < 3 else (x, x)

    with pytest.raises(SnncError, match="call 2 gives") as error:
        capture(Function(changing), drawn(T, N, 3), per_step=True)
    assert error.value.code is BAD_SHAPE


def test_one_step_keeps_what_it_leaves():
    captured = held(Remembers(), (1, N, 3), per_step=True)
    assert {state.name for state in captured.states} >= {"v", "mem", "other.trace"}
