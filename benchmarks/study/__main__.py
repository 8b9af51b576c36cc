"""``python -m benchmarks.study``: run what is missing, gather the rows."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.study import page
from benchmarks.study.data import ROOT, parts
from benchmarks.study.plan import CONDITIONS, Run, runs
from benchmarks.study.runs import perform
from snnc.atomic import write_atomically

FOLDER = ROOT / "runs" / "study"
ROWS = ROOT / "docs" / "study" / "rows.jsonl"


def main() -> None:
    """Read the command line."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.study", description=__doc__)
    options.add_argument("--folder", type=Path, default=FOLDER)
    commands = options.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run what is missing, in the plan's order")
    run.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    run.add_argument("--until", type=datetime.fromisoformat, help="begin no run after that time")
    run.add_argument("--only", default="*", help="runs with such names: nmnist-2-asa1-*")
    one = commands.add_parser("one", help="one run, in this process")
    one.add_argument("name")
    commands.add_parser("rows", help=f"gather the rows in {ROWS.relative_to(ROOT)}")
    commands.add_parser("page", help="write docs/study.md from them")
    given = options.parse_args()
    if given.command == "run":
        restore(ROWS, given.folder)
        run_missing(given.folder, given.jobs, given.until, given.only)
    elif given.command == "one":
        perform({run.name: run for run in runs()}[given.name], given.folder)
    elif given.command == "rows":
        print(f"{gather(given.folder, ROWS)} rows in {ROWS.relative_to(ROOT)}")
    else:
        page.write(ROWS)


def run_missing(folder: Path, jobs: int, until: datetime | None, only: str) -> None:
    """Run what is not there yet; a final run waits for all that choose its setting."""
    wanted = [run for run in runs() if fnmatch(run.name, only)]
    for condition in dict.fromkeys(run.condition for run in wanted):
        parts(CONDITIONS[condition], folder)
        own = [run for run in wanted if run.condition == condition]
        for phase in ("choose", "final"):
            left = [run for run in own if run.phase == phase and not path_of(run, folder).exists()]
            with ThreadPoolExecutor(jobs) as pool:
                codes = list(pool.map(lambda run: in_a_process(run, folder, until), left))
            failed = [run.name for run, code in zip(left, codes, strict=True) if code]
            if failed:
                sys.exit(f"{len(failed)} runs failed: {', '.join(failed)}")
            if until is not None and datetime.now() >= until:
                return


def restore(rows_file: Path, folder: Path) -> None:
    """Write the files of the runs that the repository has rows of, so that none is run again."""
    folder.mkdir(parents=True, exist_ok=True)
    for line in rows_file.read_text().splitlines() if rows_file.exists() else []:
        row = json.loads(line)
        run = Run(row["condition"], row["arm"], row["phase"], row["number"])
        if not path_of(run, folder).exists():
            write_atomically(path_of(run, folder), f"{line}\n".encode())


def path_of(run: Run, folder: Path) -> Path:
    """The file of a run's row."""
    return folder / f"{run.name}.json"


def in_a_process(run: Run, folder: Path, until: datetime | None) -> int:
    """Perform a run in a process of its own; gives its exit code, 0 for one that is too late."""
    if until is not None and datetime.now() >= until:
        return 0
    print(f"{time.strftime('%H:%M:%S')} {run.name}", flush=True)
    command = [sys.executable, "-m", "benchmarks.study", "--folder", str(folder), "one", run.name]
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.run(command, env=os.environ | threads, check=False, cwd=ROOT).returncode


def gather(folder: Path, target: Path) -> int:
    """Write the rows of all finished runs into one file, in the plan's order; gives how many."""
    files = [path_of(run, folder) for run in runs()]
    rows = [path.read_text() for path in files if path.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, "".join(rows).encode())
    return len(rows)


if __name__ == "__main__":
    main()
