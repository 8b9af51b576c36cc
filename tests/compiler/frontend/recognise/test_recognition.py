"""Which recurrences of a user's own loop are the linear neuron, decided by algebra."""

from __future__ import annotations

import pytest
import torch

from tests.support.networks.captured_models import (
    Model,
    neuron,
    ops,
    refused,
    same,
    same_or_refused,
)


def loop(step, start=0.0):
    """A loop over ``step(u, spikes of the step before, x) -> (u, spikes)``."""

    def forward(m, x):
        u, s, out = torch.full((x.shape[1], 5), start), torch.zeros(x.shape[1], 5), []
        for t in range(x.shape[0]):
            u, s = step(u, s, m.first(x[t]))
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    return Model(forward)


def fired(u, threshold=1.0):
    return (u >= threshold).float()


def hard(u, s, x):
    u = 0.5 * u * (1 - s) + x
    return u, fired(u)


def hard_at_once(u, s, x):
    u = 0.5 * u + x
    s = fired(u)
    return torch.where(s.bool(), torch.full_like(u, 0.25), u), s


def masked(u, s, x):
    u = 0.5 * u + x
    return u.masked_fill(u >= 1.0, 0.25), fired(u)


def soft(u, s, x):
    u = 0.5 * u + x - s
    return u, fired(u)


def soft_at_once(u, s, x):
    u = 0.5 * u + x
    s = fired(u)
    return u - 0.75 * s, s


def none(u, s, x):
    u = 0.5 * u + x
    return u, fired(u)


def clear(u, s, x):
    u = (1 - s) * (0.5 * u + x)
    return u, fired(u)


def strict(u, s, x):
    u = 0.5 * u * (1 - s) + x
    return u, (u - 1.0 > 0).float()


def below(u, s, x):
    """The spike as what is not below the threshold."""
    u = 0.5 * u * (1 - s) + x
    return u, 1 - (u < 1.0).float()


def turned(u, s, x):
    u = 0.5 * u * (1 - s) + x
    return u, (u >= 1.0).float()


def decayed_input(u, s, x):
    """SpikingJelly's: towards x, with a rest of 0.25."""
    u = u + (x - (u - 0.25)) / 2.0
    s = fired(u)
    return (1 - s) * u + s * 0.25, s


def lerped(u, s, x):
    u = torch.lerp(u * (1 - s), x, 0.5)
    return u, fired(u)


LINEAR = {
    hard: {"reset_mode": "hard", "reset": 0.0, "beta": 0.5, "gain": 1.0, "strict": False},
    hard_at_once: {"reset_mode": "hard", "reset": 0.125, "beta": 0.5},
    masked: {"reset_mode": "hard", "reset": 0.125},
    soft: {"reset_mode": "soft", "reset": 1.0},
    soft_at_once: {"reset_mode": "soft", "reset": 0.375},
    none: {"reset_mode": "none"},
    clear: {"reset_mode": "clear", "reset": 0.0},
    strict: {"strict": True, "threshold": 1.0},
    below: {"strict": False, "threshold": 1.0},
    turned: {"strict": False, "threshold": 1.0},
    decayed_input: {"beta": 0.5, "gain": 0.5, "drift": 0.125, "difference": True},
    lerped: {"beta": 0.5, "gain": 0.5, "reset_mode": "hard"},
}


@pytest.mark.parametrize(
    ("step", "expected"), LINEAR.items(), ids=lambda v: getattr(v, "__name__", "")
)
def test_linear_neurons_are_recognised(step, expected):
    found = neuron(same(loop(step)))
    assert {role: found.get(role) for role in expected} == expected


@pytest.mark.parametrize("step", [hard, soft_at_once, none, decayed_input])
def test_the_initial_potential_is_kept(step):
    assert neuron(same(loop(step, start=0.75)))["initial"] == pytest.approx(0.75)


def test_constants_may_differ_from_neuron_to_neuron():
    beta, threshold = torch.linspace(0.1, 0.9, 5), torch.linspace(0.5, 1.5, 5)

    def step(u, s, x):
        u = beta * u * (1 - s) + x
        return u, (u >= threshold).float()

    found = neuron(same(loop(step)))
    assert found["beta"] == beta.double().tolist()
    assert found["threshold"] == threshold.double().tolist()


def test_an_infinite_threshold_never_fires():
    def step(u, s, x):
        u = 0.5 * u * (1 - s) + x
        return u, (u >= float("inf")).float()

    assert neuron(same(loop(step)))["strict"]


def test_a_synapse_in_front_is_an_integrator():
    def forward(m, x):
        i, u, s = torch.zeros(3, 5), torch.zeros(3, 5), torch.zeros(3, 5)
        out = []
        for step in x:
            i = 0.8 * i + m.first(step)
            u = 0.5 * u * (1 - s) + i
            s = fired(u)
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    assert ops(same(Model(forward))) == ["linear", "integrator", "neuron", "linear", "time_mean"]


def test_a_threshold_without_memory():
    def forward(m, x):
        return torch.stack([m.second(fired(m.first(step))) for step in x]).mean(0)

    found = neuron(same(Model(forward)))
    assert found["beta"] == 0
    assert found["reset_mode"] == "none"


def squared(u, s, x):
    u = 0.5 * u * u + x
    return u, fired(u)


def exponential(u, s, x):
    u = 0.5 * u * (1 - s) + x.exp()
    return u, fired(u)


def half_reset(u, s, x):
    u = 0.5 * u * (1 - 0.5 * s) + x
    return u, fired(u)


def reset_by_input(u, s, x):
    u = 0.5 * u - s * x + x * 0.5
    return u, fired(u)


def two_thresholds(u, s, x):
    u = 0.5 * u * (1 - fired(u, 2.0)) + x
    return u, fired(u)


def acts_at_once(u, s, x):
    u = 0.5 * u + x
    s = fired(u)
    return u - s, fired(u - s)


def adaptive(u, s, x):
    u = 0.5 * u - s + x
    return u, (u >= 1 + s).float()


def graded(u, s, x):
    u = 0.5 * u + x
    return u - fired(u), torch.relu(u)


ODD = [squared, half_reset, reset_by_input, two_thresholds, acts_at_once, adaptive, graded]


@pytest.mark.parametrize("step", ODD)
def test_others_are_never_taken_for_one(step):
    model = loop(step)
    same_or_refused(model)


def test_another_first_step_is_refused():
    def forward(m, x):
        u, out = None, []
        for step in x:
            current = m.first(step)
            u = 2 * current if u is None else 0.5 * torch.where(u >= 1.0, 0.0, u) + current
            out.append(m.second(fired(u)))
        return torch.stack(out).mean(0)

    refused(Model(forward), "first step has another gain")
