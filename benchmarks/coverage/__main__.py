"""Measure the rows of one framework, with the packages of this Python.

    python -m benchmarks.coverage spikingjelly -o build/coverage/spikingjelly.json [-k LIF,Conv2d]

The framework's version is part of the result, and each row says at which commit it was measured:
with -k, rows are measured again in a file that holds all. ``make coverage`` runs them all and
writes docs/measured/coverage.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.coverage.judge import judged
from snnc.atomic import write_atomically

FRAMEWORKS = ("spikingjelly", "snntorch", "norse", "sinabs")


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("framework", choices=FRAMEWORKS)
    options.add_argument("-o", "--out", type=Path)
    options.add_argument("-k", "--only", default="", help="names of rows, with commas between them")
    given = options.parse_args()
    torch.set_num_threads(1)
    module = importlib.import_module(f"benchmarks.coverage.{given.framework}")
    rows, only = list(module.rows()), set(filter(None, given.only.split(",")))
    if unknown := only - {row.name for row in rows}:
        options.error(f"there are no rows {', '.join(sorted(unknown))}")
    found = _kept(given.out, version(module.PACKAGE)) if only else {}
    commit = _commit()
    for row in rows:
        if not only or row.name in only:
            found[row.part, row.name] = {**judged(row), "commit": commit}
            said = found[row.part, row.name]
            print("{outcome:9} {seconds:5} s  {part} {name}: {why}".format(**said), flush=True)
            if given.out is not None:
                ordered = [found[at.part, at.name] for at in rows if (at.part, at.name) in found]
                _write(given.out, module.PACKAGE, ordered)


def _kept(path: Path | None, release: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of a file, if they are of this release."""
    if path is None or not path.exists():
        return {}
    before = json.loads(path.read_text("utf-8"))
    rows = before["rows"] if before["version"] == release else []
    return {(row["part"], row["name"]): row for row in rows}


def _write(path: Path, package: str, rows: list[dict[str, Any]]) -> None:
    result = {"package": package, "version": version(package), "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(result, indent=1).encode())


def _commit() -> str:
    """The commit of this checkout, with a + where files have changed since."""
    given = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(given, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
