"""Mistakes in the compiler's Python: each must be found by the tests that its entry names.

``python -m tests.mutation python`` copies the project once for each process, plants one mistake
at a time and runs the tests until one fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("data") / "python_mutants.toml"

COPIED = ("snnc", "compiler", "estimator", "models", "runtime_c", "tests", "pyproject.toml")
FOUND, MISSED = 1, 0
"""pytest's exit status where a test failed, and where all passed."""


@dataclass(frozen=True)
class PythonMutant:
    """A mistake.

    Attributes:
        what: in words.
        file: the file's path in the project.
        old: text that stands once in it.
        new: what stands there instead.
        tests: the test files that must find it.
        select: of these the tests that bear on it, as pytest's -k says it; empty for all.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    select: str = ""

    def applied(self, text: str) -> str:
        """The file's text with the mistake in it."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands there {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def listed(path: Path = LIST) -> list[PythonMutant]:
    """The mistakes of python_mutants.toml."""
    entries = tomllib.loads(path.read_text("utf-8"))["mutant"]
    return [PythonMutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def missed(
    mutants: Sequence[PythonMutant], place: Path, jobs: int
) -> Iterator[tuple[PythonMutant, bool]]:
    """Each mutant and whether its tests missed it.

    Raises:
        RuntimeError: the tests fail without any mistake, or pytest itself did not run.
    """
    copies: Queue[Path] = Queue()
    for number in range(jobs):
        copies.put(_copied(place / str(number)))
    files = sorted({test for mutant in mutants for test in mutant.tests})
    if _tested(place / "0", files) != MISSED:
        raise RuntimeError("the tests fail without a mistake")

    def judge(mutant: PythonMutant) -> bool:
        copy = copies.get()
        path = copy / mutant.file
        right = path.read_text("utf-8")
        try:
            path.write_text(mutant.applied(right), encoding="utf-8")
            return _tested(copy, mutant.tests, mutant.select) == MISSED
        finally:
            path.write_text(right, encoding="utf-8")
            copies.put(copy)

    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(mutants, pool.map(judge, mutants), strict=True)


def _copied(folder: Path) -> Path:
    """What the tests need of the project, in a folder of its own."""
    folder.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def _tested(folder: Path, tests: Sequence[str], select: str = "") -> int:
    """Run tests in a copy until one fails; gives FOUND or MISSED."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    command += ["-k", select] if select else []
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 2 and "error" in done.stdout:
        return FOUND  # a module that cannot be imported any more
    if done.returncode not in (FOUND, MISSED):
        raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.returncode
