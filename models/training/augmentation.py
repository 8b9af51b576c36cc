"""Random changes to training frames: spatial shifts and dropped events.

Frames are integer event counts ``[N, T, 2, H, W]``; randomness comes from PyTorch's global
generator.
"""

from __future__ import annotations

from collections.abc import Callable

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


def drop_mixed(frames: Tensor, most: float) -> Tensor:
    """EventDrop (Gu et al. 2021, IJCAI): each sample, by chance, loses one of four things.

    With a share uniform in [0, ``most``): nothing; all events in that share of the steps from
    a random one on; all events in a rectangle of that share of both sides around a random
    pixel (as in the code of Yao et al. 2023); or that share of its events, each on its own.
    A sample that would lose everything loses nothing.
    """
    if most == 0.0:
        return frames
    kept = frames.clone()
    kinds = torch.randint(0, 4, (len(frames),)).tolist()
    places = torch.rand(len(frames), 4)
    for sample, kind, place in zip(kept, kinds, places.tolist(), strict=True):
        share = place[0] * most
        if kind == 1:
            _drop_steps(sample, place[1], share)
        elif kind == 2:
            _drop_area(sample, place[2:], share)
        elif kind == 3:
            sample.copy_(torch.binomial(sample.float(), torch.full(sample.shape, 1.0 - share)))
    lost = kept.flatten(1).sum(dim=1) == 0
    kept[lost] = frames[lost]
    return kept


def _drop_steps(sample: Tensor, start: float, share: float) -> None:
    steps = len(sample)
    sample[int(start * steps) : int((start + share) * steps)] = 0


def _drop_area(sample: Tensor, centre: list[float], share: float) -> None:
    rows, columns = (
        slice(max(0, int((place - share / 2) * side)), int((place + share / 2) * side))
        for place, side in zip(centre, sample.shape[-2:], strict=True)
    )
    sample[..., rows, columns] = 0


DROPS: dict[str, Callable[[Tensor, float], Tensor]] = {"event": drop_events, "mixed": drop_mixed}
"""Ways to lose events, by name: each on its own, or by one of EventDrop's four."""


def _span(size: int, offset: int) -> slice:
    return slice(max(0, offset), max(0, min(size, size + offset)))
