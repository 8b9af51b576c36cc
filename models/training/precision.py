"""Mixed precision: the stateless layers in bfloat16, attention and neurons in float32.

The neurons' arithmetic is part of the contract with the compiler, and a potential near Vth
decides a spike, so only the convolutions, linear layers and norms between them are cast.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snnc.models.networks import OverTime


def use_mixed_precision(model: nn.Module, device: torch.device) -> None:
    """Let the synapses of ``model`` compute in bfloat16 on ``device`` and give float32.

    Weights stay float32; PyTorch's autocast casts them for each use.
    """
    for module in model.modules():
        if isinstance(module, OverTime):
            layers = module.layers
            layers.forward = _in_bfloat16(layers.forward, device)  # type: ignore[method-assign]


def _in_bfloat16(
    forward: Callable[[Tensor], Tensor], device: torch.device
) -> Callable[..., Tensor]:
    def cast(x: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return forward(x).float()

    return cast
