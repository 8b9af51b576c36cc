"""T copies of a step become one body, wherever time stands; what differs is refused."""

from __future__ import annotations

import pytest
import torch

from tests.support.networks.captured_models import (
    Model,
    lif,
    neuron,
    ops,
    refused,
    same,
    same_or_refused,
)

PLAIN = ["linear", "neuron", "linear", "time_mean"]


def looped(take, steps=5):
    """A loop over time that takes each step its own way."""

    def forward(m, x):
        u, out = torch.zeros(3, 5), []
        for t in range(steps):
            u, s = lif(u, m.first(take(x, t)))
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    return forward


def batch_first(forward):
    return lambda m, x: forward(m, x.transpose(0, 1))


TAKES = {
    "x[t]": looped(lambda x, t: x[t]),
    "x[t, ...]": looped(lambda x, t: x[t, ...]),
    "x[t, :, :]": looped(lambda x, t: x[t, :, :]),
    "x[:, t]": batch_first(looped(lambda x, t: x[:, t])),
    "x[:, t, :]": batch_first(looped(lambda x, t: x[:, t, :])),
    "x[..., t]": lambda m, x: looped(lambda y, t: y[..., t])(m, x.permute(1, 2, 0)),
    "x[-T + t]": looped(lambda x, t: x[t - 5]),
    "unbind": looped(lambda x, t: x.unbind(0)[t]),
    "select": looped(lambda x, t: torch.select(x, 0, t)),
}


@pytest.mark.parametrize("forward", TAKES.values(), ids=TAKES)
def test_time_is_found_where_it_stands(forward):
    assert ops(same(Model(forward))) == PLAIN


def into_buffer(m, x):
    out = torch.zeros(x.shape[0], x.shape[1], 3)
    u = torch.zeros(3, 5)
    for t in range(5):
        u, s = lif(u, m.first(x[t]))
        out[t] = m.second(s)
    return out.mean(0)


def into_buffer_batch_first(m, x):
    out = torch.empty(x.shape[1], x.shape[0], 3)
    u = torch.zeros(3, 5)
    for t in range(5):
        u, s = lif(u, m.first(x[t]))
        out[:, t] = m.second(s)
    return out.mean(1)


def folded(m, x):
    """Layers on time folded into the batch, as multi-step layers are."""
    t, n = x.shape[:2]
    y = m.norm(m.first(x.flatten(0, 1))).view(t, n, -1)
    u, out = torch.zeros(3, 5), []
    for step in y:
        u, s = lif(u, step)
        out.append(s)
    return m.second(torch.stack(out)).mean(0)


def folded_batch_first(m, x):
    x = x.transpose(0, 1)
    y = m.first(x.reshape(15, 6)).view(3, 5, 5)
    u, out = torch.zeros(3, 5), []
    for t in range(5):
        u, s = lif(u, y[:, t])
        out.append(s)
    return m.second(torch.stack(out, 1).flatten(0, 1)).view(3, 5, 3).mean(1)


def running_sum(m, x):
    u, total = torch.zeros(3, 5), 0
    for step in x:
        u, s = lif(u, m.first(step))
        total = total + m.second(s)
    return total / 5


def python_sum(m, x):
    u, out = torch.zeros(3, 5), []
    for step in x:
        u, s = lif(u, m.first(step))
        out.append(m.second(s))
    return sum(out) / len(out)


def layer_by_layer(m, x):
    u, hidden = torch.zeros(3, 5), []
    for step in x:
        u, s = lif(u, m.first(step))
        hidden.append(s)
    out = [m.second(s) for s in hidden]
    return torch.stack(out).mean(0)


ASSEMBLED = {
    "out[t] =": into_buffer,
    "out[:, t] =": into_buffer_batch_first,
    "running sum": running_sum,
    "sum of a list": python_sum,
    "layer by layer": layer_by_layer,
    "folded batch first": folded_batch_first,
}


@pytest.mark.parametrize("forward", ASSEMBLED.values(), ids=ASSEMBLED)
def test_steps_are_put_together(forward):
    assert ops(same(Model(forward))) == PLAIN


def test_layers_on_folded_time():
    expected = ["linear", "batch_norm", "neuron", "linear", "time_mean"]
    assert ops(same(Model(folded))) == expected


def without_state_at_first(m, x):
    """The usual `if state is None`."""
    u, out = None, []
    for step in x:
        current = m.first(step)
        u = current if u is None else 0.5 * torch.where(u >= 1.0, 0.0, u) + current
        out.append(m.second((u >= 1.0).float()))
    return torch.stack(out).mean(0)


def test_the_first_step_may_have_no_state():
    assert neuron(same(Model(without_state_at_first)))["initial"] == 0.0


def delayed(steps):
    def forward(m, x):
        u, out = torch.zeros(3, 5), []
        zeros = torch.zeros(3, 6)
        for t in range(5):
            past = x[t - steps] if t >= steps else zeros
            u, s = lif(u, m.first(x[t] + past))
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    return forward


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_step_of_the_past_is_a_delay(steps):
    graph = same(Model(delayed(steps)))
    assert ops(graph) == ["delay", "add", *PLAIN]
    assert graph.nodes[1].op.steps == steps


def test_a_two_layer_loop_is_two_neurons():
    def forward(m, x):
        u, v, out = torch.zeros(3, 5), torch.zeros(3, 5), []
        for step in x:
            u, s = lif(u, m.first(step))
            v, r = lif(v, m.third(s))
            out.append(m.second(r))
        return torch.stack(out).mean(0)

    assert ops(same(Model(forward))) == ["linear", "neuron"] * 2 + ["linear", "time_mean"]


def test_a_recurrent_connection_is_fed_back():
    def forward(m, x):
        u, s, out = torch.zeros(3, 5), torch.zeros(3, 5), []
        for step in x:
            u, s = lif(u, m.first(step) + m.third(s))
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    graph = same(Model(forward))
    assert sorted(ops(graph)) == sorted(
        ["feedback", "feedback_write", "linear", "linear", "add", "neuron", "linear", "time_mean"]
    )


def odd_step(change):
    """A loop whose step 3 does something else."""

    def forward(m, x):
        u, out = torch.zeros(3, 5), []
        for t, step in enumerate(x):
            current = m.first(step)
            u, s = lif(u, change(m, current) if t == 3 else current)
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    return forward


ODD = {
    "another weight": odd_step(lambda m, y: m.third(y)),
    "a factor": odd_step(lambda m, y: 0.5 * y),
    "nothing": odd_step(lambda m, y: torch.zeros_like(y)),
    "relu": odd_step(lambda m, y: y.relu()),
    "a view": odd_step(lambda m, y: y.flip(1)),
}


@pytest.mark.parametrize("forward", ODD.values(), ids=ODD)
def test_a_step_that_differs_is_refused_with_its_line(forward):
    refused(Model(forward), "step")


def shuffled(order):
    def forward(m, x):
        u, out = torch.zeros(3, 5), []
        for t in order:
            u, s = lif(u, m.first(x[t]))
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    return forward


def every_other_reset(m, x):
    u, out = torch.zeros(3, 5), []
    for t, step in enumerate(x):
        u, s = lif(u if t % 2 else torch.zeros(3, 5), m.first(step))
        out.append(m.second(s))
    return torch.stack(out).mean(0)


def reversed_outputs(m, x):
    u, out = torch.zeros(3, 5), []
    for step in x:
        u, s = lif(u, m.first(step))
        out.append(m.second(s))
    weights = torch.arange(5.0).view(5, 1, 1)
    return (torch.stack(out[::-1]) * weights).mean(0)


def some_steps(m, x):
    u, out = torch.zeros(3, 5), []
    for step in x[1:]:
        u, s = lif(u, m.first(step))
        out.append(m.second(s))
    return torch.stack(out).mean(0)


def mixed_samples(m, x):
    return m.second(m.first(x) - m.first(x).mean(1, keepdim=True)).mean(0)


def sample_constants(m, x):
    return (m.second(m.first(x)) * torch.arange(3.0).view(3, 1)).mean(0)


def time_contracted(m, x):
    return m.second(m.third(m.first(x).permute(1, 2, 0)).mean(2))


def last_of_all(m, x):
    return looped(lambda y, t: y[t] - y[4])(m, x)


def normalised_over_time(m, x):
    return looped(lambda y, t: (y - y.mean(0))[t])(m, x)


def swapped_states(m, x):
    u, v, out = torch.zeros(3, 5), torch.zeros(3, 5), []
    for step in x:
        u, s = lif(u, m.first(step))
        v, r = lif(v, m.third(m.first(step)))
        u, v = v, u
        out.append(m.second(s + r))
    return torch.stack(out).mean(0)


STRANGE = {
    "backwards": shuffled([4, 3, 2, 1, 0]),
    "shuffled": shuffled([0, 2, 1, 3, 4]),
    "one step twice": shuffled([0, 1, 1, 3, 4]),
    "every other reset": every_other_reset,
    "reversed outputs": reversed_outputs,
    "some steps": some_steps,
    "samples mixed": mixed_samples,
    "constants by sample": sample_constants,
    "time contracted": time_contracted,
    "the last step is read before": last_of_all,
    "normalised over time": normalised_over_time,
}


@pytest.mark.parametrize("forward", STRANGE.values(), ids=STRANGE)
def test_what_is_no_loop_over_time_is_never_read_as_one(forward):
    assert not same_or_refused(Model(forward))


def test_states_may_change_places():
    assert "cell" in ops(same(Model(swapped_states)))


def test_the_declared_number_of_steps_counts():
    """A decision that a shorter trace would not see."""

    def forward(m, x):
        u, out = torch.zeros(3, 5), []
        for t, step in enumerate(x):
            u, s = lif(u, m.first(step) if t < 11 else m.third(m.first(step)))
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    assert same_or_refused(Model(forward), steps=11)
    assert not same_or_refused(Model(forward), steps=12)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_windows(steps):
    same(Model(looped(lambda x, t: x[t], steps)), steps=steps)


def charged(m, x):
    """A neuron whose first potential is its input itself, in a loop that writes a buffer."""
    memory, spikes, given = 0, torch.zeros_like(x[0]), torch.zeros_like(x)
    for step in range(len(x)):
        potential = memory * 0.25 * (1 - spikes) + x[step] if step else x[step]
        spikes = (potential > 0.5).float()
        memory = potential.clone()
        given[step] = spikes
    return given


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: charged(m, m.first(x)).mean(0),
        lambda m, x: charged(m, m.third(charged(m, m.first(x))) + m.first(x)).mean(0),
        lambda m, x: charged(m, m.third(charged(m, m.first(x))) - m.first(x)).mean(0),
    ],
)
def test_a_first_step_that_is_the_input_itself_is_told_from_the_sum(function):
    """The input of a residual block is a sum, as the potential of later steps is one."""
    graph = same(Model(function))
    assert "neuron" in ops(graph)
    assert "cell" not in ops(graph)


def integrated(m, x):
    """Spike-FlowNet's style: what a layer is given, summed up beside the potential that is reset,
    and read after the loop. Both sums begin as one."""
    memory = total = below = all_below = torch.zeros(x.shape[1], 5)
    for step in x:
        current = m.first(step)
        memory, total = memory + current, total + current
        over = torch.nn.functional.threshold(memory, 0.75, 0.0)
        memory, spikes = memory - over, (over > 1e-5).float()
        current = m.third(spikes)
        below, all_below = below + current, all_below + current
        over = torch.nn.functional.threshold(below, 0.75, 0.0)
        below = below - over
    return all_below, total


@pytest.mark.parametrize(
    "read",
    [
        lambda m, below, total: torch.nn.functional.leaky_relu(m.third(below) + total, 0.1),
        lambda m, below, total: below + total,
    ],
)
def test_sums_of_the_same_terms_are_told_apart(read):
    graph = same(Model(lambda m, x: read(m, *integrated(m, x))))
    assert ops(graph).count("time_sum") == 2
