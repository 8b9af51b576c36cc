"""The paper's networks, tiny and at odd sizes, with statistics that make every layer fire."""

from __future__ import annotations

import torch
from torch import nn

from snnc.models.attention import ATTENTION_NAMES
from snnc.models.networks import Network, build

SIZES = {
    "three-layer-narrow": ((2, 9, 11), 5),
    "five-layer": ((2, 33, 32), 3),
    "five-layer-avg": ((2, 32, 35), 3),
}
"""Input size and time steps of each network."""

GATES = {"none": 1.0, "tcsa": 8.0}
"""What gates take away from the currents, roughly: a sigmoid halves, three make an eighth."""


def frames_for(name: str) -> torch.Tensor:
    """Event counts [T, 2, H, W] for a network."""
    size, steps = SIZES[name]
    rate = torch.full((steps, *size), 0.4)
    return torch.poisson(rate, generator=torch.Generator().manual_seed(3))


def firing_network(name: str, attention: str = "none") -> Network:
    """A network whose batch norms have the statistics of :func:`frames_for`, and lively ones."""
    assert attention in ATTENTION_NAMES
    size, steps = SIZES[name]
    narrow = {"channels": (5, 33, 17), "hidden": 24}
    five = {"channels": (6, 33, 8, 9, 7), "hidden": 18, "votes": 2}
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = build(
            name,
            input_size=size,
            time_steps=steps,
            classes=5,
            attention=attention,
            **(narrow if name.startswith("three") else five),
        )
        threshold = 0.3 if name.startswith("three") else 1.0
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
                module.weight.data.uniform_(1, 2).mul_(4 * threshold * GATES.get(attention, 2.0))
                module.bias.data.normal_(0, threshold)
            if isinstance(module, nn.Linear) and module.bias is None:  # keep gates off their ends
                module.weight.data.mul_(0.3)
        for block in (model.fc1, model.fc2):
            block.synapse.layers.linear.weight.data.mul_(4)
            block.synapse.layers.linear.bias.data.uniform_(0, 2 * threshold)
        with torch.no_grad():
            model.train()(frames_for(name)[:, None])
    return model.eval()
