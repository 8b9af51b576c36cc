"""What the tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from snnc import cli
from tests.support.places import SHARED


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tests run side by side in processes; threads would only fight over the cores."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def own_build_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither use nor fill the user's cache of compiled files."""
    os.environ["SNNC_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real recordings beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data: the real recordings are not on this machine")
    return SHARED


@pytest.fixture
def snnc(monkeypatch, capsys):
    """Run a command in this process: (exit status, standard output, standard error)."""

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["snnc", *map(str, args)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return run
