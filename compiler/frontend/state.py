"""Resetting what foreign neurons remember between calls: each window starts from rest."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

_SINABS = "sinabs.layers.stateful_layer"


def reset_states(model: nn.Module) -> None:
    """Reset every module that keeps a state between calls.

    SpikingJelly's have ``reset()`` and a table of memories; snnTorch's have ``reset_mem()`` or
    buffers called ``mem``, ``syn`` and the like; sinabs' states are buffers of its layers;
    the ASA-SNN authors' cell has ``reset()``, and so has a user's own module that keeps a state.
    Modules of this project and of PyTorch keep nothing.
    """
    module: Any
    for module in model.modules():
        package = type(module).__module__.split(".")[0]
        if package == "snntorch":
            _reset_snntorch(module)
        elif any(cls.__module__ == _SINABS for cls in type(module).__mro__):
            _reset_sinabs(module)
        elif package not in ("snnc", "torch") and _has_reset(module):
            module.reset()


def _has_reset(module: Any) -> bool:
    """Whether a module has a ``reset()`` that needs no argument."""
    function = getattr(module, "reset", None)
    if not callable(function):
        return False
    given = inspect.signature(function).parameters.values()
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(p.default is not p.empty or p.kind in optional for p in given)


def _reset_sinabs(module: Any) -> None:
    """Its buffers are its states; empty ones are made anew for whatever batch comes."""
    for name, _ in list(module.named_buffers(recurse=False)):
        setattr(module, name, torch.zeros(0))


def _reset_snntorch(module: Any) -> None:
    for name in ("mem", "syn", "syn_exc", "syn_inh", "spk"):
        if isinstance(getattr(module, name, None), torch.Tensor):
            setattr(module, name, torch.zeros(0))
