"""Random shifts and dropped events."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnc.models.training.augmentation import DROPS, drop_events, drop_mixed, shift


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


def kind_of_loss(before: Tensor, after: Tensor) -> str:
    """What happened to a sample whose every cell held 200 events."""
    lost = after < before
    if not lost.any():
        return "nothing"
    if not ((after == 0) | (after == before)).all():
        return "events"
    steps, area = lost.flatten(1).all(dim=1), lost.flatten(0, 1).all(dim=0)
    if torch.equal(lost, steps[:, None, None, None].expand_as(lost)):
        kind, cells = "steps", [steps]
    else:
        assert torch.equal(lost, area.expand_as(lost))
        kind, cells = "area", [area.any(dim=1), area.any(dim=0)]
        assert int(area.sum()) == int(cells[0].sum()) * int(cells[1].sum())
    for cell in cells:  # in one piece
        places = cell.nonzero().flatten()
        assert int(places[-1] - places[0]) + 1 == len(places)
    return kind


def test_mixed_loss_is_nothing_steps_an_area_or_events() -> None:
    torch.manual_seed(4)
    original = torch.full((600, 10, 2, 8, 9), 200, dtype=torch.uint8)
    thinned = drop_mixed(original, 0.9)
    kinds = [kind_of_loss(*pair) for pair in zip(original, thinned, strict=True)]
    assert set(kinds) == {"nothing", "steps", "area", "events"}
    # A quarter each; a short stretch or a small rectangle may round to nothing.
    assert 0.17 < kinds.count("events") / 600 < 0.33
    assert 0.10 < kinds.count("steps") / 600 < 0.33
    assert 0.10 < kinds.count("area") / 600 < 0.33


def test_mixed_loss_never_takes_everything() -> None:
    torch.manual_seed(5)
    original = torch.zeros(300, 4, 2, 3, 3, dtype=torch.int32)
    original[:, 1, 0, 1, 1] = 1
    thinned = drop_mixed(original, 1.0)
    assert (thinned.flatten(1).sum(dim=1) == 1).all()


def test_zero_changes_nothing_and_draws_nothing() -> None:
    original = frames(2, 3, 2, 4, 4)
    state = torch.get_rng_state()
    assert shift(original, 0) is original
    for drop in DROPS.values():
        assert drop(original, 0.0) is original
    assert torch.equal(torch.get_rng_state(), state)


def test_the_input_is_not_changed() -> None:
    original = frames(4, 3, 2, 4, 4)
    copy = original.clone()
    shift(original, 2)
    for drop in DROPS.values():
        drop(original, 0.9)
    assert torch.equal(original, copy)
