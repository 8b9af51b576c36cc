"""What the tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from snnc import cli
from tests.support.networks.lively import lively_checkpoint, write_nmnist
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


@pytest.fixture(scope="session")
def vanilla(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint without attention for :func:`recordings`, called net."""
    return lively_checkpoint(tmp_path_factory.mktemp("vanilla") / "net.pt")


@pytest.fixture(scope="session")
def asa1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with ASA-1 for :func:`recordings`, called net."""
    return lively_checkpoint(tmp_path_factory.mktemp("asa1") / "net.pt", "asa1")


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set in the N-MNIST layout."""
    return write_nmnist(tmp_path_factory.mktemp("nmnist"))


@pytest.fixture(scope="session")
def data(recordings: Path) -> str:
    """The same as DATA of the command line."""
    return f"nmnist:{recordings}"


@pytest.fixture
def int8(data: str) -> tuple[object, ...]:
    """Options that compile to int8."""
    return ("--dtype", "int8", "--calibrate", data, "--calibrate-samples", 2)


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
