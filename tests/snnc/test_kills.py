"""Commands that are killed leave whole files, and nothing after the next run (``make kills``)."""

from __future__ import annotations

from tests import kills


def test_kills_leave_nothing_half_written(tmp_path):
    found, hit = kills.stress(tmp_path, 8)
    assert not found
    assert hit
