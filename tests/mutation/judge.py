"""The judge: plant a mistake in a compiled folder, verify the folder, and see what is said.

The folder that is verified is what ``snnc compile`` would have written had it made the mistake
itself: the library is built again, and the manifest holds the digests of the files as they are.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.host.build import compile_object, compile_sizes, link_shared
from snnc.errors import C_COMPILER_FAILED, SnncError
from tests.mutation.mutator import Mutation
from tests.mutation.subjects import NAME, Bench, command, own_cache

KILLED, SURVIVED, IDENTICAL, UNCOMPILED = "killed", "survived", "identical", "not compiled"

CPU_SECONDS = 30
"""Of one process: many times what a verification takes, so that only an endless loop meets it."""

WALL_SECONDS = 300


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        state: killed, survived, identical (the same machine code), or not compiled.
        how: what killed it: the links or layers that differ, a status, a signal.
    """

    state: str
    how: str = ""


@dataclass(frozen=True)
class Judge:
    """Judges mutants of one subject.

    Attributes:
        bench: the subject.
        objects: digests of its machine code as it ships, and with its operations counted.
    """

    bench: Bench
    objects: tuple[str, ...]

    @classmethod
    def of(cls, bench: Bench, scratch: Path) -> Judge:
        """The judge of a subject; fails where the subject itself is not proven."""
        objects = tuple(_objects(bench, bench.folder, scratch))
        answer = scratch / "answer.json"
        if command(bench.verification(bench.folder, answer)):
            raise RuntimeError(f"{bench.subject.name} is not proven as it is: {answer.read_text()}")
        return cls(bench, objects)

    def outcome(self, mutation: Mutation, scratch: Path) -> Outcome:
        """Plant a mistake in a copy of the folder and verify that."""
        folder = scratch / "out"
        shutil.copytree(self.bench.folder, folder)
        path = folder / mutation.file
        path.write_text(mutation.applied(path.read_text("utf-8")), encoding="utf-8")
        try:
            # lazily: where the first differs the second is not needed
            same = all(map(str.__eq__, _objects(self.bench, folder, scratch), self.objects))
        except SnncError as error:
            if error.code is not C_COMPILER_FAILED:
                raise
            return Outcome(UNCOMPILED, error.what)
        if same:
            return Outcome(IDENTICAL)
        _seal(self.bench, folder, scratch)
        answer = scratch / "answer.json"
        status = command(self.bench.verification(folder, answer))
        return Outcome(SURVIVED) if status == 0 else Outcome(KILLED, _how(status, answer, scratch))


def _objects(bench: Bench, folder: Path, scratch: Path) -> Iterator[str]:
    """Digests of a folder's machine code: what ships, and the build that counts operations."""
    if bench.subject.on_board:
        _make(folder, "build/library.o")
        yield _digest(folder / "build" / "library.o")
        shutil.rmtree(folder / "build")
        return
    for name, defines in (("plain", []), ("counted", ["SNN_INSTRUMENT"])):
        target = scratch / f"{name}.o"
        compile_object(folder / f"{NAME}.c", target, defines=defines)
        yield _digest(target)


def _make(folder: Path, goal: str) -> None:
    done = subprocess.run(
        ["make", "-s", goal], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SnncError(C_COMPILER_FAILED, done.stderr.strip()[-200:], where=str(folder))


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _seal(bench: Bench, folder: Path, scratch: Path) -> None:
    """Build the library from the folder's C, and record the files as they are."""
    if not bench.subject.on_board:
        sizes = compile_sizes(folder, scratch, Interface.of(bench.manifest))
        link_shared([scratch / "plain.o", sizes], folder / str(bench.manifest["library"]))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["files"] = {name: _digest(folder / name) for name in manifest["files"]}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _how(status: int, answer: Path, scratch: Path) -> str:
    """What a verification that said no, or ended otherwise, found."""
    if status == 1 and answer.exists():
        result = json.loads(answer.read_text("utf-8"))
        return "; ".join(_found(result)) or "exit status 1"
    said = (scratch / "said.txt").read_text("utf-8").strip().splitlines() or [""]
    return f"exit status {status}: {said[-1][:160]}"


def _found(result: dict[str, Any]) -> Iterator[str]:
    for group in ("links", "layers", "outputs"):
        names = [entry["name"] for entry in result.get(group, []) if entry.get("unexplained")]
        if names:
            yield f"{group} {', '.join(names[:3])}" + (" and more" if len(names) > 3 else "")
    if result.get("counts", {}).get("mismatches"):
        yield "counts"
    if result.get("score_mismatches"):
        yield "scores"
    if isinstance(result.get("first_divergence"), str):
        yield result["first_divergence"]


def judged(
    tasks: Iterable[tuple[Judge, Mutation]], place: Path, jobs: int
) -> Generator[tuple[Judge, Mutation, Outcome], None, None]:
    """Judge mutants, each in a process of its own, ``jobs`` at a time; in order of the tasks."""
    waiting = iter(enumerate(tasks))
    running: dict[int, tuple[int, float]] = {}
    given: dict[int, tuple[Judge, Mutation]] = {}
    done: dict[int, Outcome] = {}
    following = 0
    try:
        while True:
            while len(running) < jobs and (task := next(waiting, None)):
                number, given[task[0]] = task[0], task[1]
                running[_started(*task[1], place / str(number))] = (number, time.monotonic())
            if not running:
                return
            process, status, number = _ended(running)
            running.pop(process)
            done[number] = _outcome(status, place / str(number))
            shutil.rmtree(place / str(number))
            while following in done:
                yield (*given.pop(following), done.pop(following))
                following += 1
    finally:
        for process in running:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _started(judge: Judge, mutation: Mutation, scratch: Path) -> int:
    scratch.mkdir(parents=True)
    process = os.fork()
    if process == 0:
        _child(judge, mutation, scratch)
    os.setpgid(process, process)  # so that a hanging compiler or emulator can be ended with it
    return process


def _child(judge: Judge, mutation: Mutation, scratch: Path) -> None:
    """Judge one mutant and leave the outcome in ``scratch``. Does not return."""
    status = 1
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        said = os.open(scratch / "said.txt", os.O_CREAT | os.O_WRONLY)
        os.dup2(said, 1)
        os.dup2(said, 2)
        own_cache(scratch / "cache")
        outcome = judge.outcome(mutation, scratch)
        (scratch / "outcome.json").write_text(json.dumps(asdict(outcome)), encoding="utf-8")
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _ended(running: dict[int, tuple[int, float]]) -> tuple[int, int, int]:
    """Wait for one of the processes: its id, status and number. One that takes too long ends."""
    while True:
        for process, (number, begun) in running.items():
            found, status = os.waitpid(process, os.WNOHANG)
            if not found and time.monotonic() - begun > WALL_SECONDS:
                os.killpg(process, signal.SIGKILL)
                found, status = os.waitpid(process, 0)
            if found:
                return process, status, number
        time.sleep(0.01)


def _outcome(status: int, scratch: Path) -> Outcome:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Outcome(KILLED, signal.Signals(number).name)
    if status:
        said = (scratch / "said.txt").read_text("utf-8")
        raise RuntimeError(f"the judge itself failed:\n{said[-3000:]}")
    return Outcome(**json.loads((scratch / "outcome.json").read_text("utf-8")))
