"""Small networks in which every layer fires, and recordings to feed them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from snnc.models.checkpoints import InputDescription, save
from snnc.models.networks import Network, build


def lively_network(attention: str = "none", name: str = "three-layer-narrow", **hyper) -> Network:
    """A network with random weights whose batch norms keep all layers firing."""
    hyper = {"input_size": (2, 34, 34), "time_steps": 6, "classes": 10, "hidden": 24} | hyper
    if name.startswith("three"):
        hyper = {"channels": (8, 8, 8)} | hyper
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = build(name, attention=attention, **hyper)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.05, 0.2)
                module.weight.data.uniform_(0.5, 2)
                module.bias.data.normal_(0, 0.6)
            if isinstance(module, nn.Linear):
                module.weight.data.mul_(3)
    return model.eval()


def with_large_weights(make: Callable[[], nn.Module], factor: float) -> nn.Module:
    """A network of random weights, ``factor`` times as large, so that its layers fire."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = make().eval()
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.data.mul_(factor)
        return model


def lively_checkpoint(path: Path, attention: str = "none") -> Path:
    """A checkpoint for N-MNIST recordings: 34x34, 6 steps of 50 ms."""
    save(lively_network(attention), path, input=InputDescription(34, 34, 6, 50_000))
    return path


def write_nmnist(folder: Path, per_digit: int = 1) -> Path:
    """A small data set in the N-MNIST layout, of random events."""
    rng = np.random.default_rng(3)
    for split in ("Train", "Test"):
        for digit in range(10):
            directory = folder / split / str(digit)
            directory.mkdir(parents=True)
            for number in range(per_digit):
                (directory / f"{digit}{number:04d}.bin").write_bytes(nmnist_bytes(rng, 3000))
    return folder


def nmnist_bytes(rng: np.random.Generator, events: int) -> bytes:
    """Random events in N-MNIST's format: x, y, then polarity and 23 bits of microseconds."""
    times = np.sort(rng.integers(0, 300_000, events)).astype(np.uint32)
    packed = (rng.integers(0, 2, events).astype(np.uint32) << 23) | times
    columns = [
        rng.integers(0, 34, events),
        rng.integers(0, 34, events),
        packed >> 16 & 0xFF,
        packed >> 8 & 0xFF,
        packed & 0xFF,
    ]
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()
