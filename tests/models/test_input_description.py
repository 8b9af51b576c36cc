"""What a checkpoint says of its network's input."""

from __future__ import annotations

from typing import Any

import pytest

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.checkpoints import InputDescription

INPUT = InputDescription(height=16, width=24, time_steps=3, dt_us=500, downsample=2)


@pytest.mark.parametrize(
    "fields",
    [
        {"height": 0},
        {"time_steps": 2.0},
        {"dt_us": None},
        {"dt_us": -1},
        {"framing": "count"},
        {"framing": "dt-us"},
        {"downsample": 3},
    ],
)
def test_input_descriptions_that_make_no_sense(fields: dict[str, Any]) -> None:
    valid: dict[str, Any] = {"height": 16, "width": 24, "time_steps": 3, "dt_us": 10}
    with pytest.raises(SnncError) as raised:
        InputDescription(**{**valid, **fields})
    assert raised.value.code is BAD_OPTION


def test_frame_size_is_after_downsampling() -> None:
    assert INPUT.frame_size == (2, 8, 12)
    by_count = InputDescription(16, 24, 3, framing="count")
    assert by_count.frame_size == (2, 16, 24)
