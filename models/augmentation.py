"""Random changes to training frames: spatial shifts and dropped events.

Frames are integer event counts ``[N, T, 2, H, W]``; randomness comes from PyTorch's global
generator.
"""

from __future__ import annotations

import torch
from torch import Tensor


def shift(frames: Tensor, pixels: int) -> Tensor:
    """Move each sample by up to ``pixels`` in x and y; events that leave the frame are lost.

    Every whole displacement in the square is equally likely.
    """
    if pixels == 0:
        return frames
    height, width = frames.shape[-2:]
    moved = torch.zeros_like(frames)
    offsets = torch.randint(-pixels, pixels + 1, (len(frames), 2)).tolist()
    for index, (down, right) in enumerate(offsets):
        into = (_span(height, down), _span(width, right))
        out_of = (_span(height, -down), _span(width, -right))
        moved[index, :, :, into[0], into[1]] = frames[index, :, :, out_of[0], out_of[1]]
    return moved


def drop_events(frames: Tensor, most: float) -> Tensor:
    """Lose a random share of each sample's events, the share uniform in [0, ``most``).

    Each event is kept or lost on its own (random drop of Gu et al. 2021, "EventDrop").
    """
    if most == 0.0:
        return frames
    kept = 1.0 - torch.rand(len(frames)) * most
    cells = frames.nonzero(as_tuple=True)
    counts = frames[cells].float()
    thinned = torch.zeros_like(frames)
    thinned[cells] = torch.binomial(counts, kept[cells[0]]).to(frames.dtype)
    return thinned


def _span(size: int, offset: int) -> slice:
    return slice(max(0, offset), max(0, min(size, size + offset)))
