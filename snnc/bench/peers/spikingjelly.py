"""SpikingJelly's multi-step mode: its own neurons in the same network."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from snnc.bench.peers.plain import with_neurons
from snnc.bench.peers.pytorch import Run, _ours
from snnc.bench.peers.unavailable import Unavailable
from snnc.models.neurons import LIF, DecayLIF


def multi_step(module: nn.Module, x: torch.Tensor) -> Run:
    """The network with SpikingJelly's LIFNode (torch backend, step mode "m")."""
    try:
        from spikingjelly.activation_based import functional, neuron
    except ImportError as error:
        raise Unavailable(f"spikingjelly is not installed ({error})") from error

    def make(ours: LIF | DecayLIF) -> nn.Module:
        decays = isinstance(ours, DecayLIF)
        leak = float(ours.rate().detach()) if isinstance(ours, DecayLIF) else 1.0 - ours.beta
        if leak <= 0.0:
            raise Unavailable("SpikingJelly's LIFNode always leaks")
        node: Any = neuron.LIFNode(
            tau=1.0 / leak,
            decay_input=decays,
            v_threshold=ours.v_threshold,
            v_reset=ours.v_reset,
            step_mode="m",
        )
        return node  # type: ignore[no-any-return]

    network = with_neurons(_ours(module), make, channels_last=True)

    def run() -> torch.Tensor:
        functional.reset_net(network)
        with torch.inference_mode():
            scores: torch.Tensor = network(x)
        return scores

    return run
