"""A short run of the fuzzer that ``make fuzz`` runs for ten minutes, and proof that it can fail."""

from __future__ import annotations

import dataclasses

import pytest

from tests import fuzzing

pytestmark = pytest.mark.skipif(
    bool(fuzzing.missing()), reason=fuzzing.missing() or "clang is here"
)


@pytest.mark.parametrize("name", fuzzing.MODELS)
def test_hostile_calls_break_nothing(name, tmp_path):
    result = fuzzing.run(fuzzing.build(name, tmp_path), executions=1000)
    assert result.clean, result.output[-3000:]
    assert result.executions >= 1000


def test_a_missing_check_is_found(tmp_path, monkeypatch):
    """Without the check of coordinates an event is counted outside of the arena."""
    compilation = fuzzing.MODELS["ring-i8"]()
    files = dict(compilation.generated.files)
    broken = files["model.c"].replace("!snn_event_inside(&framing, event)", "0")
    assert broken != files["model.c"]
    files["model.c"] = broken
    generated = dataclasses.replace(compilation.generated, files=files)
    changed = dataclasses.replace(compilation, generated=generated)
    monkeypatch.setitem(fuzzing.MODELS, "broken", lambda: changed)
    result = fuzzing.run(fuzzing.build("broken", tmp_path), executions=20_000)
    assert not result.clean
    assert "AddressSanitizer" in result.output or "does not hold" in result.output
