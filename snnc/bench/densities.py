"""Making a network's hidden layers fire at a wanted rate, without touching the compiled code.

Spikes injected from outside would cost copies that no real run pays. Instead each neuron layer's
threshold is moved, layer by layer from the input on, until that layer fires at the wanted rate on
the given frames. What runs is then an ordinary network with ordinary thresholds, for the C and for
every peer alike; the spikes are its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from snnc.models.neurons import LIF, DecayLIF

NEURONS = (LIF, DecayLIF)
_HALVINGS = 30
_NEAR = 1e-3
"""A rate this near the wanted one, relative to it, is taken as it is."""


@dataclass(frozen=True)
class Forced:
    """A network with moved thresholds, and the density each neuron layer reached, by its path."""

    module: nn.Module
    reached: dict[str, float]


def fire_at(
    module: nn.Module, x: torch.Tensor, density: float, *, normalise: bool = False
) -> Forced:
    """A copy of ``module`` whose neuron layers each fire at ``density`` on ``x``.

    Args:
        module: a network of :mod:`snnc.models`, in evaluation mode.
        x: frames [T, N, 2, H, W].
        density: spikes per neuron and time step, 0 to 1. A layer whose membrane potentials are
            not all different reaches the nearest density that a threshold can give.
        normalise: take the statistics of each batch norm from ``x`` first, so that the
            channels of a network with random weights fire alike.
    """
    forced = copy.deepcopy(module).eval()
    reached: dict[str, float] = {}
    handles = []
    for path, part in forced.named_modules():
        if isinstance(part, NEURONS):
            handles.append(part.register_forward_pre_hook(_threshold(path, density, reached)))
        elif normalise and isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            handles.append(part.register_forward_pre_hook(_statistics))
    with torch.inference_mode():
        forced(x)
    for handle in handles:
        handle.remove()
    return Forced(forced, reached)


def _threshold(path: str, density: float, reached: dict[str, float]) -> Callable[..., None]:
    """A hook that moves a neuron's threshold before the neuron runs, by halving an interval."""

    def move(neuron: LIF | DecayLIF, args: tuple[torch.Tensor, ...]) -> None:
        (x,) = args
        most = 1.0 + float(x.abs().max()) * x.shape[0]
        low, high = -most, most  # fires always, fires never
        for _ in range(_HALVINGS):
            middle = _float32((low + high) / 2)
            rate = _rate(neuron, x, middle)
            if abs(rate - density) <= _NEAR * density:
                low = high = middle
                break
            low, high = (middle, high) if rate >= density else (low, middle)
        # of the two ends, the one that comes nearer
        chosen = min((low, high), key=lambda end: abs(_rate(neuron, x, end) - density))
        reached[path] = _rate(neuron, x, chosen)

    return move


def _rate(neuron: LIF | DecayLIF, x: torch.Tensor, threshold: float) -> float:
    neuron.v_threshold = threshold
    return float((neuron.membrane(x) >= threshold).float().mean())


def _float32(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float32))


def _statistics(norm: nn.BatchNorm2d, args: tuple[torch.Tensor, ...]) -> None:
    (x,) = args
    axes = [axis for axis in range(x.dim()) if axis != 1]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(x.mean(dim=axes))
    norm.running_var.copy_(x.var(dim=axes).clamp_min(1e-4))
