"""Each layer alone against PyTorch, on the very inputs that it has in the network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.bench.contest import Frames
from snnc.bench.timing import time_in_turn
from snnc.models.networks import OverTime


def layer_ratios(
    module: nn.Module, frames: Frames, layers: Sequence[dict[str, Any]], rounds: int
) -> dict[str, float]:
    """PyTorch's processor time over ours for each layer: convolution or matrix product, batch norm
    and average pool, all steps in one batch, in the layout that the model chooses.

    Args:
        module: a network of :mod:`snnc.models`.
        frames: counts [T, 2, H, W].
        layers: the profiled layers of the C, see :func:`snnc.bench.roofline.layer_entries`.
        rounds: timed rounds.
    """
    ours = {entry["name"]: entry["ms"] for entry in layers if "weights_gb_s" in entry}
    inputs: dict[str, torch.Tensor] = {}
    handles = [
        part.register_forward_pre_hook(
            lambda _m, args, path=path: inputs.__setitem__(path, args[0].clone())
        )
        for path, part in module.named_modules()
        if isinstance(part, OverTime)
    ]
    x = torch.from_numpy(frames.astype(np.float32))[:, None]
    ratios: dict[str, float] = {}
    with torch.inference_mode():
        module(x)
        for handle in handles:
            handle.remove()
        for path, given in inputs.items():
            part = module.get_submodule(path)
            name = path.split(".")[0]
            timed = time_in_turn({name: partial(part, given)}, rounds)
            for node, milliseconds in ours.items():
                if node in (f"{name}_conv", f"{name}_linear"):
                    ratios[node] = timed[name].processor_median / milliseconds
    return ratios
