"""A share of ``make fuzz-readers``, every file that once broke a reader, proof that it can fail."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from snnc.errors import BAD_RECORDING, SnncError
from tests.file_fuzzing import corpus, running
from tests.file_fuzzing.__main__ import run
from tests.file_fuzzing.kinds import AEDAT4, RECORDINGS, Kind
from tests.file_fuzzing.models import MODELS
from tests.file_fuzzing.running import attempt, damaged_file, fuzz

KINDS = RECORDINGS | MODELS | AEDAT4


@pytest.mark.parametrize("name", [*RECORDINGS, *MODELS])
def test_sound_files_are_read(name: str) -> None:
    kind = KINDS[name]
    for file, content in kind.files().items():
        assert attempt(kind, file, content)[0] == "read", file


@pytest.mark.parametrize("entry", corpus.kept(), ids=lambda entry: entry.file.name)
def test_files_that_broke_a_reader_do_not_any_more(entry: corpus.Kept) -> None:
    if entry.kind not in KINDS:
        pytest.skip("its sound files are not on this machine")
    outcome = attempt(KINDS[entry.kind], entry.name, entry.file.read_bytes())[0]
    assert outcome in ("read", "refused"), outcome


@pytest.mark.parametrize(
    ("kinds", "count"), [(RECORDINGS, 500), (MODELS, 180)], ids=["recordings", "models"]
)
def test_damaged_files_are_read_or_refused(kinds: dict[str, Kind], count: int) -> None:
    report = run(kinds, count, seed=1)
    assert not report.failures, report.failures[0].what
    assert report.outcomes.total() == count
    for name in kinds:
        assert report.outcomes[name, "refused"] > 0


SPIN = "import time\nuntil = time.process_time() + 1.2\nwhile time.process_time() < until: pass"


HELD: list[np.ndarray] = []
"""What a fault leaves in memory; each runs in a process of its own."""


class _Circle:
    """Garbage that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self
        self.memory = np.ones(1 << 25)


def test_memory_is_found_behind_garbage_of_the_parent(monkeypatch) -> None:
    """What the collector frees in the midst of a case does not hide what the case takes."""
    monkeypatch.setattr(running, "GROWTH", 1 << 25)

    def read(folder) -> None:
        gc.collect()
        HELD.append(np.ones(1 << 24))

    gc.disable()
    try:
        _Circle()
        kind = Kind(lambda: {"a": b""}, read, (lambda rng, content: rng.randbytes(8),))
        report = fuzz({"k": kind}, [("k", 0)])
    finally:
        gc.enable()
    (failure,) = report.failures
    assert "bytes of memory" in failure.what


def _in_child(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "the process ended"),
        (lambda: exec(SPIN, {}), "s of processor time"),
        (lambda: HELD.append(np.ones(1 << 24)), "bytes of memory"),
        (lambda: _in_child(SPIN), "s of processor time"),
        (lambda: _in_child(f"b'x' * {running.resident('VmRSS') + (1 << 28)}"), "bytes of memory"),
    ],
    ids=["another exception", "a crash", "slow", "large", "slow child", "large child"],
)
def test_a_broken_reader_is_found(fault, what: str, monkeypatch) -> None:
    """The third case breaks it; those around it are read or refused, and counted."""

    def read(folder) -> None:
        content = (folder / "a").read_bytes()
        if content == contents[2]:
            fault()
        elif content == contents[1]:
            raise SnncError(BAD_RECORDING, "no")

    # To fill memory takes time too, which is not what those cases are about.
    monkeypatch.setattr(running, "SECONDS", 1.0 if "processor time" in what else 60.0)
    monkeypatch.setattr(running, "GROWTH", 1 << 25)
    kind = Kind(lambda: {"a": b""}, read, (lambda rng, content: rng.randbytes(8),))
    cases = [("k", number) for number in range(4)]
    contents = [damaged_file({"k": kind}, case, 0)[1] for case in cases]
    report = fuzz({"k": kind}, cases)
    (failure,) = report.failures
    assert (failure.kind, failure.number) == ("k", 2)
    assert what in failure.what
    assert report.outcomes.total() == 3
