"""What is mutated: small networks of each kind, compiled as a user would, with recordings."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from snnc import cli
from snnc.compiler.host.build import c_compiler
from snnc.models.checkpoints import InputDescription, save
from tests.support.networks.lively import lively_network, write_nmnist

NAME = "net"
"""The C name of every subject, so that a mistake has the same place in all of them."""

STEPS, STEP_US = 4, 70_000
"""The recordings of lively.py last 300 ms: some events come after the last step."""


@dataclass(frozen=True)
class Subject:
    """A network and the way it is compiled.

    Attributes:
        name: what the pages call it.
        attention: of the network.
        dtype: f32 or int8.
        target: host or a microcontroller.
    """

    name: str
    attention: str
    dtype: str
    target: str = "host"

    @property
    def samples(self) -> int:
        """Recordings: more on a board, where nothing but recordings is run."""
        return 10 if self.on_board else 2

    @property
    def on_board(self) -> bool:
        """Whether the C runs on an emulated board."""
        return self.target != "host"


SUBJECTS = (
    Subject("f32", "none", "f32"),
    Subject("asa1", "asa1", "f32"),
    Subject("asa1-int8", "asa1", "int8"),
    Subject("cortex-m4", "none", "int8", "cortex-m4"),
)


@dataclass(frozen=True)
class Bench:
    """A subject compiled into a folder, and the command that verifies such a folder.

    Attributes:
        subject: what it is.
        place: a scratch folder with the model, its recordings, and the compiled folder.
    """

    subject: Subject
    place: Path

    @property
    def folder(self) -> Path:
        """The compiled folder, as ``snnc compile`` wrote it."""
        return self.place / "out"

    @property
    def model(self) -> Path:
        """The network."""
        return self.place / f"{NAME}.pt"

    @property
    def data(self) -> str:
        """DATA of the command line."""
        return f"nmnist:{self.place / 'data'}"

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was written with the C."""
        manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return manifest

    def options(self) -> list[str]:
        """How the network is compiled, for compile and verify alike."""
        options = ["--target", self.subject.target] if self.subject.on_board else []
        if self.subject.dtype == "int8":
            options += ["--dtype", "int8", "--calibrate", self.data, "--calibrate-samples", "2"]
        return options

    def verification(self, folder: Path, answer: Path) -> list[str]:
        """The arguments of the command that verifies a folder and writes JSON to ``answer``."""
        samples = str(self.subject.samples)
        asked = ["--data", self.data, "--samples", samples, "--compiled", str(folder)]
        if self.subject.dtype == "int8":  # a network that learned nothing has no classes to keep
            asked += ["--min-agreement", "0"]
        return ["verify", str(self.model), *asked, *self.options(), "--json", str(answer)]


def prepared(subject: Subject, place: Path) -> Bench:
    """Write a subject's network and recordings to ``place``, and compile it there."""
    bench = Bench(subject, place)
    size: dict[str, Any] = {
        "input_size": (2, 17, 17),
        "channels": (4, 4, 4),
        "hidden": 12,
        "time_steps": STEPS,
    }
    network = lively_network(subject.attention, **size)
    save(network, bench.model, input=InputDescription(34, 34, STEPS, STEP_US, downsample=2))
    write_nmnist(place / "data")
    status = command(["compile", str(bench.model), "-o", str(bench.folder), *bench.options()])
    if status:
        raise RuntimeError(f"{subject.name}: snnc compile ended with {status}")
    return bench


def command(arguments: Sequence[str]) -> int:
    """Run ``snnc`` in this process; gives its exit status."""
    with _arguments(["snnc", *arguments]), redirect_stdout(StringIO()):
        try:
            cli.main()
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


@contextmanager
def _arguments(given: list[str]) -> Any:
    before, sys.argv = sys.argv, given
    try:
        yield
    finally:
        sys.argv = before


def quick_compiler(place: Path) -> None:
    """Compile for this machine at -O1, whatever the flags say: a mistake in the C is the same
    mistake at any level, and a mutant costs half the time."""
    compiler = place / "cc"
    compiler.write_text(
        f'#!/bin/sh\nexec {shlex.join(c_compiler())} "$@" -O1 -w\n', encoding="utf-8"
    )
    compiler.chmod(0o755)
    os.environ["CC"] = str(compiler)


def own_cache(place: Path) -> None:
    """Keep compiled objects in ``place``, and neither use nor fill the user's cache."""
    os.environ["SNNC_CACHE"] = str(place)
