"""How things are timed: in turn, several rounds, one core, medians and spread."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from snnc.compiler.calibrate.kernel_costs import cpu_name
from snnc.threads import one_thread


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one contestant over the rounds: by the clock, and of processor time.

    On a machine of one's own the two agree; where others run too, processor time leaves out the
    waiting (not the caches that the others emptied).
    """

    rounds: tuple[float, ...]
    processor: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.rounds)

    @property
    def processor_median(self) -> float:
        """The same of processor time."""
        return statistics.median(self.processor)

    @property
    def spread(self) -> tuple[float, float]:
        """Fastest and slowest round."""
        return min(self.rounds), max(self.rounds)


def time_in_turn(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    round_done: Callable[[], None] = lambda: None,
) -> dict[str, Timing]:
    """Time each contestant once a round, in turn, after one round that does not count.

    Taking turns spreads the machine's drift over all of them alike.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    processor: dict[str, list[float]] = {name: [] for name in contestants}
    for counted in [False] + [True] * rounds:
        for name, run in contestants.items():
            start, worked = time.perf_counter(), time.process_time()
            run()
            took, work = time.perf_counter() - start, time.process_time() - worked
            if counted:
                times[name].append(1e3 * took)
                processor[name].append(1e3 * work)
            round_done()
    return {name: Timing(tuple(times[name]), tuple(processor[name])) for name in contestants}


def joined(parts: Sequence[Timing]) -> Timing:
    """The rounds of several timings of one contestant as one."""
    return Timing(
        tuple(time for part in parts for time in part.rounds),
        tuple(time for part in parts for time in part.processor),
    )


@contextmanager
def one_core() -> Iterator[int | None]:
    """Pin this process to one core and PyTorch to one thread.

    Gives the core, or None where the system cannot pin.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    core = max(cores) if cores else None
    try:
        if core is not None:
            os.sched_setaffinity(0, {core})
        with one_thread():
            yield core
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


FEATURES = ("avx2", "bmi2", "fma", "avx_vnni", "avx512bw", "avx512_vnni", "avx512_vbmi2", "asimd")
"""Instruction sets that decide how fast the kernels and their peers are, as Linux calls them."""


def cpu_flags() -> frozenset[str]:
    """Instruction sets of this processor, as Linux calls them; none on another system."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


def caches() -> str:
    """Sizes of the first processor's data caches, "L1 32K, L2 1024K"; empty where Linux does not
    say."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (index / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found[level] = f"L{level} {size}"
    return ", ".join(found.values())


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "cpu": cpu_name(),
        "features": " ".join(feature for feature in FEATURES if feature in cpu_flags()),
        "caches": caches(),
        "system": platform.platform(),
        "torch": str(torch.__version__),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }
