"""Resetting what foreign neurons remember between calls: each window starts from rest."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from snnc.compiler.frontend.adapters.asa_snn import is_cell


def reset_states(model: nn.Module) -> None:
    """Reset every module that keeps a state between calls.

    SpikingJelly's have ``reset()`` and a table of memories; snnTorch's have ``reset_mem()`` or
    buffers called ``mem``, ``syn`` and the like; the ASA-SNN authors' cell has ``reset()``. Modules
    of this project keep nothing.
    """
    module: Any
    for module in model.modules():
        package = type(module).__module__.split(".")[0]
        if (package == "spikingjelly" and hasattr(module, "reset")) or is_cell(module):
            module.reset()
        elif package == "snntorch":
            _reset_snntorch(module)


def _reset_snntorch(module: Any) -> None:
    for name in ("mem", "syn", "syn_exc", "syn_inh", "spk"):
        if isinstance(getattr(module, name, None), torch.Tensor):
            setattr(module, name, torch.zeros(0))
