"""Random shifts and dropped events."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnc.models.augmentation import drop_events, shift


def frames(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 9, shape, generator=generator, dtype=torch.uint8)


def moved(image: Tensor, down: int, right: int) -> Tensor:
    """``image`` moved pixel by pixel; what leaves is lost."""
    height, width = image.shape[-2:]
    result = torch.zeros_like(image)
    for y in range(height):
        for x in range(width):
            if 0 <= y + down < height and 0 <= x + right < width:
                result[..., y + down, x + right] = image[..., y, x]
    return result


def test_each_sample_moves_as_a_whole_and_every_offset_occurs() -> None:
    torch.manual_seed(1)
    original = frames(400, 3, 2, 5, 4)
    offsets = set()
    for before, after in zip(original, shift(original, 1), strict=True):
        matching = [
            (down, right)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if torch.equal(after, moved(before, down, right))
        ]
        assert len(matching) == 1
        offsets.add(matching[0])
    assert len(offsets) == 9


def test_shifts_beyond_the_frame_leave_it_empty() -> None:
    torch.manual_seed(2)
    original = frames(200, 1, 2, 2, 3) + 1
    sums = shift(original, 5).sum(dim=(1, 2, 3, 4))
    assert (sums == 0).any()
    assert (sums > 0).any()


def test_dropping_keeps_whole_events_and_the_stated_share() -> None:
    torch.manual_seed(3)
    original = frames(300, 4, 2, 6, 6)
    thinned = drop_events(original, 0.5)
    assert thinned.dtype == original.dtype
    assert (thinned <= original).all()
    kept = thinned.sum(dim=(1, 2, 3, 4)) / original.sum(dim=(1, 2, 3, 4))
    # Uniform in (0.5, 1]: mean 0.75, standard deviation 0.5/sqrt(12); 300 samples, 5 sigma.
    assert kept.mean().item() == pytest.approx(0.75, abs=5 * 0.5 / 12**0.5 / 300**0.5)
    assert kept.min() < 0.55
    assert kept.max() > 0.95


def test_zero_changes_nothing_and_draws_nothing() -> None:
    original = frames(2, 3, 2, 4, 4)
    state = torch.get_rng_state()
    assert shift(original, 0) is original
    assert drop_events(original, 0.0) is original
    assert torch.equal(torch.get_rng_state(), state)


def test_the_input_is_not_changed() -> None:
    original = frames(4, 3, 2, 4, 4)
    copy = original.clone()
    shift(original, 2)
    drop_events(original, 0.9)
    assert torch.equal(original, copy)
