"""Small snnTorch networks with random weights, verified against themselves."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.verify.float_judge import Verifier

SHAPE, STEPS = (2, 8, 8), 6


def windows():
    """Three windows of event counts."""
    for seed in range(3):
        frames = np.random.default_rng(seed).poisson(0.3, (STEPS, *SHAPE))
        yield frames.astype(np.uint16)


def verified(model, tmp_path, weights, op, copies, **driving):
    """Draw the weights (mean, spread), compile, and verify :func:`windows`.

    The graph has ``copies`` of ``op``; spikes of both layers, 5×16 and 10, are compared. Gives the
    verifier.
    """
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, *weights)
    driven = Driven(model, **driving)
    compilation = compile_graph(import_module(driven, SHAPE, STEPS))
    assert [node.op.name for node in compilation.source.nodes].count(op) == copies
    verifier = Verifier(driven, compilation, tmp_path, ("-O1",))
    for frames in windows():
        verifier.verify(frames)
    result = verifier.result
    assert result.passed
    assert result.same_class == 3
    assert [layer.compared for layer in result.layers] == [3 * 6 * 5 * 16, 3 * 6 * 10]
    return verifier


def read_by_execution(model, shape=SHAPE, **driving):
    """The graph of a model that its modules do not say: read from what PyTorch executes, which was
    compared with what the model computes."""
    importing, outputs = survey(Driven(model, **driving), shape, STEPS)
    assert not importing.unsupported
    assert importing.observer is not None
    return importing.graph(outputs)
