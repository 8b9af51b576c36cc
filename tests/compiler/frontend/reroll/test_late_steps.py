"""States that are read before they change: spikes that come a step or two after their input, layers
that begin with something else, states whose range says what they hold."""

from __future__ import annotations

import torch

from snnc.compiler.ir.graph import Kind
from tests.support.networks.captured_models import Model, ops, same


def fired(u):
    return (u >= 1.0).float()


def reads_before(recurrent, steps=5):
    """The potential takes the current of the step before, as norse's and sinabs' cells do."""

    def forward(m, x):
        u, i, s = torch.zeros(x.shape[1], 5), torch.zeros(x.shape[1], 5), torch.zeros(x.shape[1], 5)
        given = []
        for step in x:
            u = 0.5 * u + i
            s_new = fired(u)
            u = u - s_new
            back = recurrent(m, s)
            i, s = 0.6 * i + m.first(step) + back, s_new
            given.append(m.second(s))
        return torch.stack(given).mean(0)

    return forward


def test_the_output_of_a_first_step_is_a_constant():
    graph = same(Model(reads_before(lambda m, s: 0.0 * s)))
    assert "cell" in ops(graph)  # the second layer's output, a step later, which begins with a bias


def test_a_recurrent_connection_over_two_steps():
    graph = same(Model(reads_before(lambda m, s: s @ m.third.weight.t())))
    assert "delay" in ops(graph)
    assert "feedback" in ops(graph)


def test_a_recurrent_layer_that_does_not_begin_with_its_bias():
    def forward(m, x):
        u, back, given = torch.zeros(x.shape[1], 5), torch.zeros(x.shape[1], 5), []
        for step in x:
            u = 0.5 * u + m.first(step) + back
            s = fired(u)
            u = u - s
            back = m.third(s)  # 0 at step 0, not the bias
            given.append(m.second(s))
        return torch.stack(given).mean(0)

    assert "feedback" in ops(same(Model(forward)))


def test_a_counter_of_steps_to_come_keeps_spikes_spikes():
    def forward(m, x):
        u, rest, given = torch.zeros(x.shape[1], 5), torch.zeros(x.shape[1], 5), []
        for step in x:
            u = 0.5 * u + m.first(step)
            s = fired(u) * (1 - fired(rest))
            u = u - s
            rest = torch.relu(rest - 1) + 3 * s
            given.append(m.second(s))
        return torch.stack(given).mean(0)

    graph = same(Model(forward))
    (cell,) = (node for node in graph if node.op.name == "cell")
    assert cell.type.kind is Kind.SPIKE


def test_the_last_potential_of_a_readout_that_lags():
    def forward(m, x):
        u, i, v, j = (torch.zeros(x.shape[1], size) for size in (5, 5, 3, 3))
        for step in x:
            u = 0.5 * u + i
            s = fired(u)
            u, i = u - s, 0.6 * i + m.first(step)
            v, j = 0.9 * v + j, 0.5 * j + m.second(s)
        return v

    assert ops(same(Model(forward)))[-1] == "time_last"
