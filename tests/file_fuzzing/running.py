"""Runs damaged files in processes of their own, and judges what came of each.

A case must end in a result or in a SnncError of one printable sentence, within two seconds of
processor time and one GiB of memory. Anything else is a fault of the reader.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import random
import resource
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from snnc.errors import InternalError, SnncError
from tests.file_fuzzing.kinds import Kind

SECONDS = 2.0
"""Processor time of a case, with that of the processes that it starts."""

WAIT_S = 60.0
"""Time on the wall after which a case hangs; machines are shared."""

GROWTH = 1 << 30
"""Bytes by which the process may grow."""

LONGEST_MESSAGE = 3000

Case = tuple[str, int]
"""Kind and number."""


@dataclass(frozen=True)
class Failure:
    """A case that ended in something else, and the file that did it."""

    kind: str
    number: int
    what: str
    name: str
    content: bytes


@dataclass
class Report:
    """How many cases of each kind were read or refused, the failures, and the worst figures."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    most_seconds: float = 0.0
    most_bytes: int = 0

    def add(self, kind: str, outcome: str, seconds: float, grown: int) -> None:
        """A case that ended as it should."""
        self.outcomes[kind, outcome] += 1
        self.most_seconds = max(self.most_seconds, seconds)
        self.most_bytes = max(self.most_bytes, grown)


def damaged_file(kinds: Mapping[str, Kind], case: Case, seed: int) -> tuple[str, bytes]:
    """The damaged file of a case: always the same."""
    kind, number = case
    return kinds[kind].case(random.Random(f"{seed} {kind} {number}"))


def fuzz(kinds: Mapping[str, Kind], cases: Sequence[Case], seed: int = 0) -> Report:
    """Run all cases, in one process for as long as it lives."""
    report = Report()
    left = list(cases)
    while left:
        done, what = _Worker(kinds, left, seed).watch(report)
        if what:
            kind, number = left[done]
            report.failures.append(
                Failure(kind, number, what, *damaged_file(kinds, (kind, number), seed))
            )
            done += 1
        left = left[done:]
    return report


class _Worker:
    """A forked process that runs cases one after another and says how each ended."""

    def __init__(self, kinds: Mapping[str, Kind], cases: Sequence[Case], seed: int) -> None:
        self.cases = cases
        reading, writing = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(reading)
            _work(kinds, cases, seed, writing)
        os.close(writing)
        self.pipe = reading

    def watch(self, report: Report) -> tuple[int, str]:
        """How many cases ended well, and how the next one did not; "" where all did."""
        done = 0
        try:
            with os.fdopen(self.pipe, "rb", buffering=0) as lines:
                while done < len(self.cases):
                    if not select.select([lines], [], [], WAIT_S)[0]:
                        return done, f"no end after {WAIT_S} s"
                    line = lines.readline().decode()
                    if not line:
                        return done, f"the process ended ({os.waitpid(self.process, 0)[1]})"
                    outcome, seconds, grown = line.rstrip("\n").split("\t")
                    if outcome not in ("read", "refused"):
                        return done, outcome.replace("\r", "\n")
                    report.add(self.cases[done][0], outcome, float(seconds), int(grown))
                    done += 1
            return done, ""
        finally:
            self.end()

    def end(self) -> None:
        """Leave no process behind."""
        try:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def _work(kinds: Mapping[str, Kind], cases: Sequence[Case], seed: int, pipe: int) -> None:
    """Run the cases and never return."""
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    # What the parent left for the collector would be freed in the midst of a case, and hide as
    # much of what the case takes.
    gc.collect()
    gc.freeze()
    with os.fdopen(pipe, "w", buffering=1) as lines:
        for case in cases:
            name, content = damaged_file(kinds, case, seed)
            outcome, seconds, grown = attempt(kinds[case[0]], name, content)
            lines.write(f"{outcome.translate({9: 32, 10: 13})}\t{seconds}\t{grown}\n")
    os._exit(0)


def attempt(kind: Kind, name: str, content: bytes) -> tuple[str, float, int]:
    """How reading a file ended ("read", "refused", or a fault), its seconds, and bytes grown."""
    folder = Path(tempfile.mkdtemp(prefix="snnc-fuzz-"))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, held, started = resident("VmRSS"), _anonymous(), _processor_time()
    child = _largest_child()
    try:
        outcome = _outcome(kind, folder, name, content)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = _processor_time() - started
    # A busy machine takes pages of files away meanwhile, which hides as much of the peak.
    grown = max(resident("VmHWM") - before, _anonymous() - held, _largest_child_since(child))
    if outcome in ("read", "refused") and seconds > SECONDS:
        outcome = f"{seconds:.1f} s of processor time"
    if outcome in ("read", "refused") and grown > GROWTH:
        outcome = f"{grown} bytes of memory"
    return outcome, seconds, grown


def _outcome(kind: Kind, folder: Path, name: str, content: bytes) -> str:
    try:
        kind.run(folder, name, content)
    except InternalError:
        return traceback.format_exc()
    except SnncError as error:
        message = str(error)
        fits = (
            message.translate({9: None, 10: None}).isprintable() and len(message) < LONGEST_MESSAGE
        )
        return "refused" if fits else f"a message of {len(message)}: {message[:300]!r}"
    except BaseException:  # whatever else is what is looked for
        return traceback.format_exc()
    return "read"


def _processor_time() -> float:
    """Seconds of this process, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _anonymous() -> int:
    """Bytes that this process wrote and holds, in memory or swapped out."""
    return resident("RssAnon") + resident("VmSwap")


def _largest_child() -> int:
    """Bytes of the largest child so far."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _largest_child_since(before: int) -> int:
    """Bytes of the largest child if it came since; 0 also where it is what it had of us when it was
    forked."""
    peak = _largest_child()
    return peak if peak > max(before, resident("VmHWM")) else 0


def resident(entry: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(entry):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {entry} in /proc/self/status")
