"""snnTorch's neurons, step by step and in loops of the user's, bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.support.networks.capturing import Step, held

pytest.importorskip("snntorch", reason="snntorch is not here: make test-environments")
import snntorch

T, N, F = 6, 2, 16


def _snntorch() -> dict[str, tuple[nn.Module, int]]:
    """Neurons with what they give: spikes and so many states."""
    hidden = {"init_hidden": True}
    torch.manual_seed(0)
    return {
        "Leaky": snntorch.Leaky(0.9, **hidden),
        "Leaky zero": snntorch.Leaky(0.9, reset_mechanism="zero", **hidden),
        "Leaky none": snntorch.Leaky(0.9, reset_mechanism="none", **hidden),
        "Leaky learned": snntorch.Leaky(0.9, learn_beta=True, learn_threshold=True, **hidden),
        "Leaky at once": snntorch.Leaky(0.9, reset_delay=False, **hidden),
        "Leaky inhibited": snntorch.Leaky(0.9, inhibition=True, **hidden),
        "Synaptic": snntorch.Synaptic(0.8, 0.9, **hidden),
        "Lapicque": snntorch.Lapicque(0.5, **hidden),
        "Alpha": snntorch.Alpha(0.9, 0.8, **hidden),
        "RLeaky": snntorch.RLeaky(0.9, linear_features=8, **hidden),
        "RSynaptic": snntorch.RSynaptic(0.8, 0.9, linear_features=8, **hidden),
        "SLSTM": snntorch.SLSTM(8, 8, **hidden),
    }


@pytest.mark.parametrize("name", list(_snntorch()))
def test_snntorch_neurons_step_by_step(name):
    captured = held(Step(F, _snntorch()[name]), (T, N, F), per_step=True)
    assert all(state.name.startswith("l.") for state in captured.states)
    assert captured.states


def test_snntorch_keeps_the_reset_that_was_chosen_at_construction():
    node = snntorch.Leaky(beta=0.8, init_hidden=True)
    node.reset_mechanism = "zero"
    held(Step(F, node), (T, N, F), per_step=True)


def test_snntorch_in_a_loop_of_the_users():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.c, self.l = nn.Conv2d(2, 4, 3), snntorch.Leaky(0.9)
            self.f, self.l2 = nn.Linear(144, 10), snntorch.Synaptic(0.8, 0.9)

        def forward(self, x):
            m = self.l.init_leaky()
            synapse, m2 = self.l2.init_synaptic()
            spikes, potentials = [], []
            for t in range(x.shape[1]):
                s, m = self.l(self.c(x[:, t]), m)
                s, synapse, m2 = self.l2(self.f(s.flatten(1)), synapse, m2)
                spikes.append(s)
                potentials.append(m2)
            return torch.stack(spikes), torch.stack(potentials)

    captured = held(Net(), (N, T, 2, 8, 8), steps=T)
    lines = {
        node.meta["source"].split(":")[0]
        for node in captured.graph.nodes
        if node.op == "call_function"
    }
    assert lines == {__file__}


def test_snntorch_that_forgets_in_every_call_has_no_state():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.f, self.l, self.o = nn.Linear(F, 8), snntorch.Leaky(0.9), nn.Linear(8, 3)

        def forward(self, x):
            spikes, _ = self.l(self.f(x), self.l.init_leaky())
            return self.o(spikes)

    assert held(Net(), (T, N, F), per_step=True).states == ()
