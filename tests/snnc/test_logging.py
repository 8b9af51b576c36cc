"""-v and SNNC_DEBUG: what is done, the C compiler's command, and temporary folders that stay."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

MODEL = ROOT / "models" / "zoo" / "nmnist_none.pt"


@pytest.fixture
def compiling(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    def run(*options: str) -> str:
        command = [sys.executable, "-m", "snnc", *options, "compile", MODEL, "-o", tmp_path / "out"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stderr

    return run


def test_nothing_is_said_unless_asked(compiling):
    assert compiling() == ""


def test_v_names_the_passes(compiling):
    said = compiling("-v")
    assert re.search(
        r"^snnc\.compiler\.passes\.pipeline: pass fold_batch_norm: \d+ nodes$", said, re.M
    )
    assert "running" not in said


def test_debug_shows_the_compilers_command_and_keeps_its_folder(compiling, monkeypatch):
    monkeypatch.setenv("SNNC_DEBUG", "1")
    said = compiling()
    commands = re.findall(r"running (\S+ .*nmnist_none\.c .*)$", said, re.M)
    assert commands
    assert all("-O3" in command for command in commands)
    kept = [Path(path) for path in re.findall(r"kept (.*)$", said, re.M)]
    assert kept
    assert all(path.is_dir() for path in kept)
