"""Batch norm goes into the layer before it, also through what only moves numbers about."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.ops import BatchNorm
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier
from tests.support.networks.captured_models import STEPS, lif, same

TOKENS = (5, 6)


class Net(nn.Module):
    """A layer on tokens, batch norm of its features, neurons, and a mean."""

    def __init__(self, function, layer, norm):
        super().__init__()
        torch.manual_seed(4)
        self.function, self.layer, self.norm = function, layer, norm
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias)
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
        self.eval()

    def forward(self, x):
        """[T, N, tokens, features] to [N, numbers]."""
        y = self.function(self, x.flatten(0, 1)).unflatten(0, x.shape[:2])
        u, spikes = torch.zeros_like(y[0]), []
        for step in y:
            u, s = lif(u, step)
            spikes.append(s)
        return torch.stack(spikes).mean(0).flatten(1)


def tokens(m, x):
    return m.norm(m.layer(x).transpose(-1, -2)).transpose(-1, -2)


def one_axis(m, x):
    return m.norm(m.layer(x.transpose(-1, -2)))


def heads(m, x):
    """The features of two heads apart, as maps."""
    return m.norm(m.layer(x).unflatten(-1, (2, 4)).permute(0, 2, 3, 1).flatten(1, 2))


def norm_of_tokens(m, x):
    return m.norm(m.layer(x))


FOLDED = {
    "a linear layer on tokens": (tokens, nn.Linear(6, 8), 8),
    "a convolution along one axis": (one_axis, nn.Conv1d(6, 4, 1), 4),
    "a linear layer in heads": (heads, nn.Linear(6, 8, bias=False), 8),
}


@pytest.mark.parametrize("name", FOLDED)
def test_it_is_folded_and_computes_the_same(name, tmp_path):
    function, layer, channels = FOLDED[name]
    model = Net(function, layer, nn.BatchNorm1d(channels))
    graph = same(model, TOKENS)
    optimised = pipeline.optimised(graph)
    assert any(isinstance(node.op, BatchNorm) for node in graph)
    assert not any(isinstance(node.op, BatchNorm) for node in optimised)
    frames = np.random.default_rng(2).poisson(0.8, (STEPS, *TOKENS))
    exact = {"input": torch.from_numpy(frames.astype(np.float64))}
    one, other = (reference.run(given, exact)[given.outputs[0]]
                  for given in (pipeline.lowered(graph), optimised))  # fmt: skip
    assert torch.equal(one, other)
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    verifier.verify(frames.astype(np.uint16))
    assert verifier.result.passed


def test_batch_norm_of_tokens_stays_behind_a_layer_of_features():
    model = Net(norm_of_tokens, nn.Linear(6, 8), nn.BatchNorm1d(5))
    assert any(isinstance(node.op, BatchNorm) for node in pipeline.optimised(same(model, TOKENS)))


def test_what_somebody_else_reads_stays_as_it_is():
    def twice(m, x):
        y = m.layer(x).transpose(-1, -2)
        return m.norm(y) + y

    model = Net(twice, nn.Linear(6, 8), nn.BatchNorm1d(8))
    assert any(isinstance(node.op, BatchNorm) for node in pipeline.optimised(same(model, TOKENS)))
