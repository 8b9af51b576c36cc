"""Small work runs on one thread, and what PyTorch had is given back."""

from __future__ import annotations

import pytest
import torch

from snnc.compiler.calibrate import ranges
from snnc.threads import one_thread
from tests.compiler.deploy.test_firmware import compiled


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_threads_are_given_back(three_threads):
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with pytest.raises(ValueError, match="no"), one_thread():
        raise ValueError("no")
    assert torch.get_num_threads() == 3


def test_calibration_runs_on_one(three_threads, monkeypatch):
    seen = []
    largest = ranges._largest_by_channel
    monkeypatch.setattr(
        ranges,
        "_largest_by_channel",
        lambda steps: seen.append(torch.get_num_threads()) or largest(steps),
    )
    compiled("none", 10, channels=(4, 4, 4), hidden=8)
    assert seen
    assert set(seen) == {1}
    assert torch.get_num_threads() == 3
