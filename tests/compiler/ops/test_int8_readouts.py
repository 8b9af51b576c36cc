"""int8 networks that are read at the last step, at the largest value, or at every step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.verify.integer import IntegerVerifier
from tests.support.networks.captured_models import STEPS, lif, ops, read

FEATURES = 12


class Net(nn.Module):
    """Two layers, neurons between, and behind them where ``spiking``; read by ``readout``."""

    def __init__(self, readout, spiking):
        super().__init__()
        torch.manual_seed(6)
        self.readout, self.spiking = readout, spiking
        self.first, self.second = nn.Linear(FEATURES, 20), nn.Linear(20, 4)
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, 0.0, 0.5)
        self.eval()

    def forward(self, x):
        """[T, N, 12] to scores [N, 4], or [N, T, 4]."""
        states, given = [torch.zeros(x.shape[1], 20), torch.zeros(x.shape[1], 4)], []
        for step in x:
            states[0], spikes = lif(states[0], self.first(step))
            y = self.second(spikes)
            if self.spiking:
                states[1], y = lif(states[1], y)
            given.append(y)
        return self.readout(torch.stack(given))


READOUTS = {
    "time_last_i8": lambda y: y[-1],
    "time_max_i8": lambda y: y.amax(0),
    "time_stack_i8": lambda y: y.transpose(0, 1),
}


@pytest.mark.parametrize("spiking", [False, True])
@pytest.mark.parametrize("op", READOUTS)
def test_the_c_gives_the_integer_references_readout(op, spiking, tmp_path):
    model = Net(READOUTS[op], spiking)
    drawn = np.random.default_rng(7)
    frames = [drawn.poisson(1.5, (STEPS, FEATURES)).astype(np.uint16) for _ in range(4)]
    compilation = compile_graph(read(model, (FEATURES,)), calibration=frames[2:])
    assert op in ops(compilation.graph)
    verifier = IntegerVerifier(model, compilation, tmp_path, ("-O1",))
    found = [verifier.verify(window).scores for window in frames[:2]]
    assert len(np.unique(found)) > 1
    verifier.finish(min_agreement=0.0)
    assert verifier.result.passed
    assert verifier.result.score_mismatches == 0


def test_the_class_of_scores_for_each_step_is_that_of_their_sum(tmp_path):
    model = Net(READOUTS["time_stack_i8"], spiking=False)
    frames = np.random.default_rng(8).poisson(1.5, (6, STEPS, FEATURES)).astype(np.uint16)
    compilation = compile_graph(read(model, (FEATURES,)), calibration=list(frames))
    verifier = IntegerVerifier(model, compilation, tmp_path, ("-O1",))
    with torch.no_grad():
        for window in frames:
            scores = model(torch.from_numpy(window[:, None].astype(np.float32)))[0].sum(0)
            verifier.verify(window, label=int(scores.argmax()))
    assert verifier.result.right["pytorch"] == len(frames)
