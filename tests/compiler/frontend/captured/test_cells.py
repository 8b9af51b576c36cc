"""Recurrences that are not linear are read as cells, and give what the model gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnc.compiler.compilation import compile_graph
from snnc.compiler.ir.graph import Kind
from snnc.compiler.verify.float_judge import Verifier
from tests.support.networks.captured_models import Model, ops, read, refused, same

PLAIN = ["linear", "cell", "linear", "time_mean"]


def loop(step, states=1):
    """A loop over ``step(states, x) -> (states, output)``."""

    def forward(m, x):
        kept, out = [torch.zeros(x.shape[1], 5) for _ in range(states)], []
        for t in range(x.shape[0]):
            kept, given = step(kept, m.first(x[t]))
            out.append(m.second(given))
        return torch.stack(out).mean(0)

    return Model(forward)


def quadratic(kept, x):
    (u,) = kept
    u = u + 0.2 * (u * (u - 0.5)) + 0.3 * x
    s = (u >= 1.0).float()
    return [torch.where(s > 0, -0.1, u)], s


def exponential(kept, x):
    (u,) = kept
    u = 0.8 * u + 0.1 * torch.exp((u - 1.0).clamp(max=2.0)) + x
    s = (u > 1.0).float()
    return [u * (1 - s)], s


def adaptive(kept, x):
    u, a = kept
    u = 0.7 * u + x
    s = (u >= 1.0 + 0.5 * a).float()
    return [u - s * (1.0 + 0.5 * a), 0.9 * a + s], s


def refractory(kept, x):
    u, rest = kept
    u = torch.where(rest > 0, torch.zeros_like(u), 0.7 * u + x)
    s = (u >= 1.0).float()
    return [u * (1 - s), torch.where(s.bool(), 2.0, (rest - 1).clamp(min=0.0))], s


def two_states(kept, x):
    u, w = kept
    u = 0.7 * u + x - w
    s = (u >= 1.0).float()
    return [u - s, 0.8 * w + 0.1 * u + 0.3 * s], s


def graded(kept, x):
    (u,) = kept
    u = 0.5 * u + x
    fired = (u >= 1.0).float()
    return [u - fired], fired * torch.tanh(u)


def several_spikes(kept, x):
    """As many spikes as thresholds fit into the potential."""
    (u,) = kept
    u = (0.7 * u + x).clamp(-1.0, 5.0)
    s = torch.floor(u).clamp(min=0.0)
    return [u - s], s


CELLS = [
    (quadratic, 1, Kind.SPIKE),
    (exponential, 1, Kind.SPIKE),
    (adaptive, 2, Kind.SPIKE),
    (refractory, 2, Kind.SPIKE),
    (two_states, 2, Kind.SPIKE),
    (graded, 1, Kind.REAL),
    (several_spikes, 1, Kind.COUNT),
]


@pytest.mark.parametrize(("step", "states", "kind"), CELLS)
def test_a_neuron_nobody_has_seen(step, states, kind):
    graph = same(loop(step, states))
    cells = [node for node in graph if node.op.name == "cell"]
    assert ops(graph)[0] == "linear"
    assert cells[-1].type.kind is kind


def test_a_cell_is_proven(tmp_path):
    model = loop(adaptive, 2)
    verifier = Verifier(model, compile_graph(read(model)), tmp_path, ("-O1",))
    for seed in range(2):
        frames = np.random.default_rng(seed).poisson(1.0, (5, 6))
        verifier.verify(frames.astype(np.uint16))
    assert verifier.result.passed
    assert [layer.compared for layer in verifier.result.layers] == [2 * 5 * 5]


def norm(seed):
    """Batch norm with stored statistics that change something."""
    made = torch.nn.BatchNorm1d(5).eval()
    generator = torch.Generator().manual_seed(seed)
    for tensor, low in zip(
        (made.running_mean, made.running_var, made.weight.data, made.bias.data),
        (-0.3, 0.5, 0.7, -0.2),
        strict=True,
    ):
        tensor.uniform_(low, low + 0.8, generator=generator)
    return made


NORMS = [norm(seed) for seed in range(5)]


def normed_potential(kept, x):
    """The potential is normalised before it is compared, and goes on as it was."""
    (u,) = kept
    u = 0.7 * u + x
    s = (NORMS[0](u) >= 0.8).float()
    return [u - s], s


def normed_memory(kept, x):
    """What goes on is normalised."""
    (u,) = kept
    u = NORMS[1](0.7 * u + x)
    s = (u >= 0.8).float()
    return [u * (1 - s)], s


@pytest.mark.parametrize("step", [normed_potential, normed_memory])
def test_batch_norm_within_a_recurrence(step, tmp_path):
    model = loop(step)
    assert "cell" in ops(same(model))
    verifier = Verifier(model, compile_graph(read(model)), tmp_path, ("-O1",))
    verifier.verify(np.random.default_rng(0).poisson(1.0, (5, 6)).astype(np.uint16))
    assert verifier.result.passed


@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_with_statistics_of_each_step(affine, tmp_path):
    norms = [norm(t) for t in range(5)]
    if not affine:
        for made in norms:
            made.weight = made.bias = None

    def forward(m, x):
        u, out = torch.zeros(x.shape[1], 5), []
        for made, step in zip(norms, x, strict=True):
            u = 0.7 * u + made(m.first(step))
            s = (u >= 0.5).float()
            u = u - s
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    model = Model(forward)
    cells = [node for node in same(model) if node.op.name == "cell"]
    assert len(cells) == 1
    assert cells[0].params
    verifier = Verifier(model, compile_graph(read(model)), tmp_path, ("-O1",))
    verifier.verify(np.random.default_rng(0).poisson(1.0, (5, 6)).astype(np.uint16))
    assert verifier.result.passed


def test_functions_without_memory_are_cells():
    def forward(m, x):
        return torch.stack([m.second(torch.tanh(m.first(step)) * 2.0) for step in x]).mean(0)

    assert "cell" in ops(same(Model(forward)))


def test_constants_that_differ_from_step_to_step_are_a_table():
    table = torch.linspace(0.5, 1.5, 5)

    def forward(m, x):
        u, out = torch.zeros(x.shape[1], 5), []
        for t, step in enumerate(x):
            u = 0.5 * u + m.first(step)
            s = (u >= table[t].expand(5)).float()
            u = u - s
            out.append(m.second(s))
        return torch.stack(out).mean(0)

    graph = same(Model(forward))
    (cell,) = (node for node in graph if node.op.name == "cell")
    assert len(cell.op.program.tables) == 1


def test_what_no_cell_computes_is_refused_with_its_line():
    def cumulative(kept, x):
        u = 0.5 * kept[0] + torch.cumprod(x, 1)
        s = (u >= 1.0).float()
        return [u * u * (1 - s)], s

    refused(loop(cumulative), "cumprod")
