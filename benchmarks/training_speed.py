"""Training steps per second of snnc's loop and of SpikingJelly's torch backend: the same network,
weights, batch and machine, in one process and in turn.

    python benchmarks/training_speed.py [--time-steps 20] [--rounds 7]

A step is forward, backward and Adam. Both networks are checked to give the same loss and the same
gradients first. The network without attention is the one that both can build.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from snnc.bench.timing import machine, one_core, time_in_turn
from snnc.models.networks import Block, Network, build
from snnc.models.training.allocator import keep_freed_memory

try:
    from spikingjelly.activation_based import functional, layer, neuron, surrogate
except ImportError:
    sys.exit("training_speed.py needs the package spikingjelly (pip install spikingjelly)")

BETA, THRESHOLD, WIDTH = 0.5, 0.3, 0.25


class Theirs(nn.Module):
    """The three-layer network of SpikingJelly's parts, in multi-step mode."""

    def __init__(self, ours: Network) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for block in ours.children():
            if isinstance(block, Block):
                parts += [_theirs(entry) for entry in block.synapse.layers]
                parts.append(
                    neuron.LIFNode(
                        tau=1.0 / (1.0 - BETA),
                        decay_input=False,
                        v_threshold=THRESHOLD,
                        surrogate_function=surrogate.Rect(alpha=0.5 / WIDTH),
                    )
                )
        self.parts = nn.Sequential(*parts)
        functional.set_step_mode(self, "m")

    def forward(self, x: Tensor) -> Tensor:
        """Class scores [N, classes] for [T, N, 2, H, W]."""
        functional.reset_net(self)
        rates: Tensor = self.parts(x).mean(0)
        return rates


def _theirs(module: nn.Module) -> nn.Module:
    """SpikingJelly's twin of a layer, with the same parameters."""
    twin: nn.Module
    match module:
        case nn.Conv2d():
            twin = layer.Conv2d(module.in_channels, module.out_channels, 3, padding=1)
        case nn.BatchNorm2d():
            twin = layer.BatchNorm2d(module.num_features)
        case nn.AvgPool2d():
            twin = layer.AvgPool2d(module.kernel_size)
        case nn.Flatten():
            twin = layer.Flatten()
        case nn.Linear():
            twin = layer.Linear(module.in_features, module.out_features)
        case _:
            raise TypeError(f"no twin of {type(module).__name__}")
    twin.load_state_dict(module.state_dict())
    return twin


def training_step(model: nn.Module, frames: Tensor, target: Tensor) -> Callable[[], float]:
    """One step of training on one batch, as the loop does it."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step() -> float:
        loss = nn.functional.mse_loss(model(frames), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    return step


def check_alike(ours: nn.Module, theirs: nn.Module, frames: Tensor, target: Tensor) -> None:
    """Stop unless both give one loss and the same gradients.

    In float64: in float32 another order of summation flips a few spikes, and backpropagation
    through time enlarges what follows from them.
    """
    losses, gradients = [], []
    for model in (ours, theirs):
        exact = deepcopy(model).double()
        loss = nn.functional.mse_loss(exact(frames.double()), target.double())
        gradients.append(torch.autograd.grad(loss, list(exact.parameters())))
        losses.append(loss.item())
    far = max(
        ((a - b).norm() / a.norm()).item()
        for a, b in zip(*gradients, strict=True)
        if a.dim() > 1  # biases before a batch norm have no gradient but rounding
    )
    print(f"losses {losses[0]:.9f} and {losses[1]:.9f}; gradients differ by {far:.1e}")
    if abs(losses[0] - losses[1]) > 1e-9 or far > 1e-6:
        sys.exit("the two networks do not compute the same: nothing to compare")


def main() -> None:
    """Build both, check, time in turn, print steps a second and the ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--time-steps", type=int, default=20)
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--rounds", type=int, default=7)
    given = options.parse_args()
    keep_freed_memory()  # for both
    torch.manual_seed(0)
    ours = build(
        "three-layer-narrow",
        time_steps=given.time_steps,
        beta=BETA,
        v_threshold=THRESHOLD,
        surrogate_width=WIDTH,
    )
    theirs = Theirs(ours)
    frames = torch.poisson(torch.full((given.time_steps, given.batch, *ours.input_size), 0.1))
    labels = torch.arange(given.batch) % ours.classes
    target = nn.functional.one_hot(labels, ours.classes).float()
    check_alike(ours, theirs, frames[:, :2], target[:2])
    with one_core():
        steps = {
            "snnc": training_step(ours, frames, target),
            "spikingjelly torch": training_step(theirs, frames, target),
        }
        timings = time_in_turn(steps, given.rounds)
    result: dict[str, Any] = {
        "machine": machine(),
        "network": f"three-layer-narrow, T {given.time_steps}, 32x32, batch {given.batch}",
        "steps_per_second": {who: 1e3 / entry.median for who, entry in timings.items()},
        "steps_per_processor_second": {
            who: 1e3 / entry.processor_median for who, entry in timings.items()
        },
    }
    for key in ("steps_per_second", "steps_per_processor_second"):
        rates = result[key]
        result[f"ratio_of_{key}"] = rates["snnc"] / rates["spikingjelly torch"]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
