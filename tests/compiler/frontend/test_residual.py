"""Res-SNN-18: its size, the kinds of its values, and the C against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind
from snnc.compiler.verify.float_judge import Verifier
from snnc.models.attention import ATTENTION_NAMES
from snnc.models.networks import build


def test_number_of_parameters():
    model = build("res-18")
    own = sum(p.numel() for p in model.parameters())
    # torchvision's ResNet-18 has 11,689,512 with 3 input channels and 1000 classes
    assert own == 11_689_512 - 64 * 49 - 700 * 513 == 11_327_276


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
def test_narrow_network_verifies(attention, tmp_path):
    torch.manual_seed(2)
    size = {"input_size": (2, 40, 36), "time_steps": 3, "classes": 7, "channels": (6, 8, 10, 12)}
    model = build("res-18", attention=attention, **size).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.1, 0.4)
            module.bias.data.normal_(0, 0.4)
    compilation = compile_graph(import_module(model, (2, 40, 36), 3))
    flags = ("-O1", "-DSNN_KERNEL=static __attribute__((unused))")
    verifier = Verifier(model, compilation, tmp_path, flags)
    for seed in range(2):
        frames = np.random.default_rng(seed).poisson(0.3, (3, 2, 40, 36))
        verifier.verify(frames.astype(np.uint16))
    assert verifier.result.passed
    assert verifier.result.same_class == 2
    graph = compilation.graph
    neurons = [node for node in graph.nodes if node.op.name == "neuron"]
    assert len(neurons) == 1 + 16 + 3
    sums = [node for node in graph.nodes if node.op.name == "add"]
    assert len(sums) == 8
    assert all(node.type.kind is Kind.COUNT for node in sums)
    readers = [node for node in graph.nodes if node.op.name == "conv2d"]
    assert sum(graph[node.inputs[0]].op.name == "add" for node in readers) >= 7
