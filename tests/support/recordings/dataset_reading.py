"""What tests of data sets ask of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from snnc.errors import ErrorCode, SnncError
from snnc.models.datasets.dataset import EventDataset, Sample


def table(sample: Sample) -> list[list[int]]:
    """Rows t, x, y, p of a sample's events, times from its first event on."""
    events = sample.recording.events
    rows = np.stack([events[name].astype(np.int64) for name in ("t", "x", "y", "p")], axis=1)
    rows[:, 0] -= rows[0, 0]
    return rows.tolist()


def samples(dataset: EventDataset) -> list[Sample]:
    return [dataset[index] for index in range(len(dataset))]


def refused(code: ErrorCode, act: Callable[[], object]) -> str:
    with pytest.raises(SnncError) as caught:
        act()
    assert caught.value.code is code
    return str(caught.value)
