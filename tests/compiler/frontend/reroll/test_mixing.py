"""A matrix product over time, as parallel neurons have, is one operator; it needs all steps."""

from __future__ import annotations

import torch

from tests.support.networks.captured_models import STEPS, Model, ops, refused, same

WEIGHT = torch.linspace(-1, 1, STEPS * STEPS).reshape(STEPS, STEPS).cos()


def charged(make):
    """A layer, a matrix over time, a threshold, a layer."""

    def forward(m, x):
        current = m.first(x)
        charge = make(m, current.flatten(1)).view(current.shape)
        return m.second((charge >= 0.5).float()).mean(0)

    return forward


PARALLEL = ["linear", "time_mix", "neuron", "linear", "time_mean"]


def test_every_step_a_weighted_sum_of_all():
    bias = torch.linspace(0, 1, STEPS)[:, None]
    graph = same(Model(charged(lambda m, x: torch.addmm(bias, WEIGHT, x))))
    assert ops(graph) == PARALLEL


def test_without_offset():
    assert ops(same(Model(charged(lambda m, x: WEIGHT @ x)))) == PARALLEL


def test_a_matrix_that_is_written_row_by_row():
    def sliding(m, x):
        weight = torch.zeros(STEPS, STEPS)
        for step in range(STEPS):
            weight[step][max(0, step - 1) : step + 1] = torch.tensor([0.5, 1.0])[-step - 1 :]
        return weight @ x

    graph = same(Model(charged(sliding)))
    assert ops(graph) == PARALLEL
    (mix,) = (node for node in graph if node.op.name == "time_mix")
    assert graph.params_of(mix)["weight"].nonzero()[0].size == 2 * STEPS - 1


def test_spikes_are_mixed_as_numbers():
    def forward(m, x):
        spikes = (m.first(x) >= 0.5).float()
        return m.second((WEIGHT @ spikes.flatten(1)).view(spikes.shape)).mean(0)

    assert ops(same(Model(forward)))[:4] == ["linear", "neuron", "affine", "time_mix"]


def test_a_matrix_of_the_network_is_refused():
    def forward(m, x):
        attention = x.flatten(1) @ x.flatten(1).t()
        return m.second((attention @ m.first(x).flatten(1)).view(STEPS, -1, 5)).mean(0)

    refused(Model(forward), "several steps|more than one step|mixes time|time stands")
