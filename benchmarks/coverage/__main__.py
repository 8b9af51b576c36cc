"""Measure the rows of one framework, with the packages of this Python.

    python -m benchmarks.coverage spikingjelly -o build/coverage/spikingjelly.json [-k LIF]

The framework's version is part of the result; ``make coverage`` runs them all and writes
docs/measured/coverage.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.coverage.judge import judged
from snnc.atomic import write_atomically

FRAMEWORKS = ("spikingjelly", "snntorch", "norse", "sinabs")


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("framework", choices=FRAMEWORKS)
    options.add_argument("-o", "--out", type=Path)
    options.add_argument("-k", "--only", default="", help="rows whose name holds this")
    given = options.parse_args()
    torch.set_num_threads(1)
    module = importlib.import_module(f"benchmarks.coverage.{given.framework}")
    found = []
    for row in module.rows():
        if given.only in row.name:
            found.append(judged(row))
            print("{outcome:9} {seconds:5} s  {part} {name}: {why}".format(**found[-1]), flush=True)
    result = {"package": module.PACKAGE, "version": version(module.PACKAGE), "rows": found}
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(given.out, json.dumps(result, indent=1).encode())


if __name__ == "__main__":
    main()
