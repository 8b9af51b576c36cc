"""PyTorch on the CPU: eager and compiled, both layouts, all steps at once or one by one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from snnc.bench.peers.plain import PlainNeuron, StepByStep, with_neurons
from snnc.bench.peers.unavailable import Unavailable
from snnc.models.networks import Network

Run = Callable[[], torch.Tensor]


def eager(module: nn.Module, x: torch.Tensor) -> Run:
    """The model as it is written: all time steps in one batch. x: [T, 1, C, H, W]."""

    def run() -> torch.Tensor:
        with torch.inference_mode():
            scores: torch.Tensor = module(x)
        return scores

    return run


def eager_channels_first(module: nn.Module, x: torch.Tensor) -> Run:
    """PyTorch's default layout."""
    return eager(with_neurons(_ours(module), lambda n: n, channels_last=False), x)


def step_by_step(module: nn.Module, x: torch.Tensor) -> Run:
    """One time step after the other through the whole network."""
    network = _ours(module)
    if network.hyper["attention"] != "none":
        raise Unavailable("attention needs the whole window")
    return eager(StepByStep(network), x)


def compiled(module: nn.Module, x: torch.Tensor) -> Run:
    """torch.compile (inductor, C++), the loop of the neurons unrolled and fused."""
    plain = with_neurons(_ours(module), PlainNeuron, channels_last=True)
    return eager(torch.compile(plain), x)  # type: ignore[arg-type]


def compiled_and_tuned(module: nn.Module, x: torch.Tensor) -> Run:
    """The same with weights frozen into the code and every choice of kernels by measurement."""
    from torch._inductor import config

    plain = with_neurons(_ours(module), PlainNeuron, channels_last=True)
    run = eager(torch.compile(plain, mode="max-autotune"), x)  # type: ignore[arg-type]
    with config.patch(freezing=True):
        run()  # compiles
    return run


def _ours(module: nn.Module) -> Network:
    if not isinstance(module, Network):
        raise Unavailable("only written for the networks of snnc.models")
    return module
