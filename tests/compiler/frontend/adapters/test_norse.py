"""norse's neurons and networks, read by what PyTorch executes: docs/measured/coverage.md."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind
from snnc.compiler.verify.float_judge import Verifier

pytest.importorskip("norse", reason="norse is not here: make test-environments")
import norse.torch as norse

STEPS, FAST = 5, 0.005


def strong(inputs, outputs):
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 2.0, 3.0)
    return layer


class Scores(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = norse.SequentialState(*layers)

    def forward(self, x):
        return self.layers(x)[0].flatten(2).mean(0)


SEQUENCES = {
    "LIF": (lambda: norse.LIF(dt=FAST), {"integrator", "neuron"}),
    "LIFAdEx": (lambda: norse.LIFAdEx(dt=FAST), {"integrator", "cell"}),
    "LI": (lambda: norse.LI(dt=FAST), {"integrator"}),
    "LSNN": (lambda: norse.LSNN(dt=FAST), {"integrator", "cell"}),
    "LSNNRecurrent": (lambda: norse.LSNNRecurrent(8, 8, dt=FAST), {"cell", "feedback", "delay"}),
    "LIFRefracRecurrent": (lambda: norse.LIFRefracRecurrent(8, 8, dt=FAST), {"cell", "feedback"}),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_means_what_norse_computes(name):
    """Reading compares the graph with the model."""
    torch.manual_seed(0)
    make, wanted = SEQUENCES[name]
    graph = import_module(Scores(strong(6, 8), make(), strong(8, 3)).eval(), (6,), STEPS)
    assert wanted <= {node.op.name for node in graph}
    assert all(n.type.kind is Kind.SPIKE for n in graph if n.op.name == "feedback_write")


class Refractory(nn.Module):
    """A cell in a loop over time, and the integrator's largest potential."""

    def __init__(self):
        super().__init__()
        self.first, self.cell = strong(6, 8), norse.LIFRefracCell(dt=FAST)
        self.last = norse.LILinearCell(8, 3, dt=FAST)

    def forward(self, x):
        state, voltage, given = None, None, []
        for step in x:
            spikes, state = self.cell(self.first(step), state)
            v, voltage = self.last(spikes, voltage)
            given.append(v)
        return torch.stack(given).max(0).values


def test_a_network_of_cells_is_proven(tmp_path):
    torch.manual_seed(0)
    model = Refractory().eval()
    graph = import_module(model, (6,), STEPS)
    assert "time_max" in {node.op.name for node in graph}
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    rng = np.random.default_rng(0)
    for _ in range(3):
        verifier.verify(rng.poisson(0.8, (STEPS, 6)).astype(np.uint16))
    assert verifier.result.passed
