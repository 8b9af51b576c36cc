"""Kills commands at random moments and looks at what they leave behind.

``python -m tests.kills --kills 200`` shares the kills among compile, replace, verify and train.
After each kill whatever lies there must be whole, the old or the new; after the next run that ends,
the right files must be there and no others. Commands run in children of one process that has
imported everything, so that a kill costs the time of the work alone.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from snnc import atomic, cli
from snnc.compiler.deploy.manifest import changed_files, digests, own_files
from snnc.models import checkpoints
from tests.support.networks.lively import lively_checkpoint, write_nmnist

NOTES = "mine"

PRELOADED = (
    *("commands.compile", "commands.verify", "commands.training.train"),
    *("api.kernels", "api.data.windows"),
    *("compiler.compilation", "compiler.deploy.folder", "compiler.frontend.source"),
    *("compiler.verify.float_judge", "compiler.verify.integer", "models.training"),
)
"""What the commands import when they are used."""


@dataclass
class Job:
    """A command, and what it may leave.

    Attributes:
        name: for messages.
        folder: everything it writes lies here, its temporary files too.
        arguments: of ``snnc``.
        faults: what is wrong with what lies there now, in words.
        prepare: puts the folder in the state before the command.
        result: what a run that ended must leave, in a form to compare.
    """

    name: str
    folder: Path
    arguments: list[str]
    faults: Callable[[Path], Iterator[str]]
    prepare: Callable[[Path], object]
    result: Callable[[Path], object]
    expected: object = None
    seconds: float = 0.0
    found: list[str] = field(default_factory=list)


def start(job: Job) -> int:
    """Run a job's command in a child of its own process group; gives its number."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    silent = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(silent, number)
    os.chdir(job.folder)
    (job.folder / "tmp").mkdir(exist_ok=True)
    os.environ |= {"TMPDIR": str(job.folder / "tmp"), "SNNC_CACHE": str(job.folder / "cache")}
    tempfile.tempdir = None
    sys.argv = ["snnc", *job.arguments]
    try:
        cli.main()
    except SystemExit as end:
        os._exit(int(end.code or 0))
    os._exit(99)


def finish(job: Job) -> None:
    """Run a job to its end, and note whether it went well."""
    began = time.monotonic()
    status = os.waitstatus_to_exitcode(os.waitpid(start(job), 0)[1])
    job.seconds = time.monotonic() - began
    if status:
        job.found.append(f"{job.name}: exit status {status}")


def kill(job: Job, after: float) -> bool:
    """Start a job and kill it; whether it was still running. Returns once its compiler is gone."""
    child = start(job)
    time.sleep(after)
    killed = os.waitpid(child, os.WNOHANG)[0] == 0
    if killed:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):
        while True:  # a compiler that it had started
            os.kill(-child, 0)
            time.sleep(0.01)
    return killed


def leftovers(folder: Path) -> Iterator[str]:
    """Names of temporary files and folders, ours or of a compiler (/tmp/cc…); torch has its own."""
    for path in folder.rglob("*"):
        temporary = path.parent == folder / "tmp" and not path.name.startswith("torch")
        if atomic.OWN_NAME.fullmatch(path.name) or temporary:
            yield path.name


def work(job: Job, kills: int, chance: random.Random) -> int:
    """Kill a job so many times, and add what is wrong to its ``found``; gives how often it was
    still running."""
    job.prepare(job.folder)
    for _ in range(2):  # the second one has a cache, as those that are killed
        finish(job)
        job.prepare(job.folder)
    finish(job)
    job.expected = job.result(job.folder)
    hit = 0
    for number in range(kills):
        job.prepare(job.folder)
        hit += kill(job, chance.uniform(0.0, job.seconds))
        job.found += [f"{job.name} {number}: {what}" for what in job.faults(job.folder)]
        if number % 10 == 9 or number == kills - 1:
            finish(job)
            job.found += [f"{job.name} {number}: left {name}" for name in leftovers(job.folder)]
            if job.result(job.folder) != job.expected:
                job.found.append(f"{job.name} {number}: another result")
    return hit


def jobs(root: Path) -> list[Job]:
    """Compile into a new folder, replace one that holds notes, verify to a file, train."""
    data = write_nmnist(root / "data")
    model, other = root / "net.pt", root / "other.pt"
    lively_checkpoint(model)
    shutil.copy(model, other)
    verifying = ["--data", f"nmnist:{data}", "--samples", "1", "--json", "verified.json"]
    shape = ["--time-steps", "2", "--dt-us", "100000", "--downsample", "2", "--epochs", "2"]
    training = [*shape, "--data", f"nmnist:{data}", "--resume", "state.pt", "--batch-size", "5"]
    kinds = {
        "compile": (["compile", str(model), "-o", "out"], _folder_faults, _empty, _folder),
        "replace": (["compile", str(model), "-o", "out"], _replace_faults, _older, _folder),
        "verify": (["verify", str(model), *verifying], _json_faults, _nothing, _verified),
        "train": (["train", "three-layer-narrow", *training, "-o", "net.pt"],
                  _training_faults, _untrained, _trained),
    }  # fmt: skip
    found = []
    for name, (arguments, faults, prepare, result) in kinds.items():
        (root / name).mkdir()
        found.append(Job(name, root / name, arguments, faults, prepare, result))
    older = Job("older", root / "replace", ["compile", str(other), "-o", "out"], _folder_faults,
                _empty, _folder)  # fmt: skip
    finish(older)
    (root / "replace" / "out").rename(root / "older")
    (root / "older" / "notes.txt").write_text(NOTES)
    return found


def _empty(folder: Path) -> None:
    shutil.rmtree(folder / "out", ignore_errors=True)


def _older(folder: Path) -> None:
    _empty(folder)
    shutil.copytree(folder.parent / "older", folder / "out")


def _nothing(folder: Path) -> None:
    pass


def _folder_faults(folder: Path) -> Iterator[str]:
    out = folder / "out"
    if not out.exists():
        return
    files = own_files(out)
    if files is None:
        yield "out/ has no manifest"
    elif changed_files(out, files) or not all((out / name).is_file() for name in files):
        yield "out/ is not what its manifest says"


def _replace_faults(folder: Path) -> Iterator[str]:
    yield from _folder_faults(folder)
    notes = folder / "out" / "notes.txt"
    if not notes.is_file() or notes.read_text() != NOTES:
        yield "the notes are gone"
    if len(list((folder / "out").glob("lib*.so"))) != 1:
        yield "out/ is neither the old one nor the new one"


def _folder(folder: Path) -> object:
    return digests(folder / "out")


def _json_faults(folder: Path) -> Iterator[str]:
    path = folder / "verified.json"
    try:
        if path.exists():
            json.loads(path.read_text())
    except ValueError:
        yield "half a file of JSON"


def _verified(folder: Path) -> object:
    return json.loads((folder / "verified.json").read_text())["unexplained"]


def _untrained(folder: Path) -> None:
    for name in ("net.pt", "net.csv", "state.pt"):
        (folder / name).unlink(missing_ok=True)


def _training_faults(folder: Path) -> Iterator[str]:
    for name in ("net.pt", "state.pt"):
        try:
            if (folder / name).exists():
                torch.load(folder / name, weights_only=True)
        except Exception as error:  # torch raises anything for a damaged file
            yield f"{name} is damaged ({type(error).__name__})"
    csv = folder / "net.csv"
    if csv.exists() and not csv.read_text().endswith("\n"):
        yield "half a line of metrics"


def _trained(folder: Path) -> object:
    state = checkpoints.load(folder / "net.pt").model.state_dict()
    return {name: value.tolist() for name, value in state.items()}


def stress(root: Path, kills: int, seed: int = 0) -> tuple[list[str], int]:
    """What was wrong, in words, and how many of the kills met a running command."""
    torch.set_num_threads(1)
    for module in PRELOADED:
        importlib.import_module(f"snnc.{module}")
    chance, found, hit = random.Random(seed), [], 0
    every = jobs(root)
    for index, job in enumerate(every):
        share = kills // len(every) + (index < kills % len(every))
        hit += work(job, share, chance)
        found += job.found
    return found, hit


def main() -> int:
    """Exit status 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        found, hit = stress(Path(folder), given.kills, given.seed)
    print("\n".join(found))
    print(
        f"{given.kills} kills, {hit} of a running command, in {time.monotonic() - began:.0f} s: "
        f"{len(found)} faults"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
