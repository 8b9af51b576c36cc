"""Choosing by measurement: kernels, steps at once and threads, timed on this machine and data.

First every layer is timed with each of its kernels, inside the whole network. Then whole networks
are timed in turn, with and without what that gave, with other numbers of steps at once and of
threads; the fastest stays. What would be compiled without tuning is always among them, and the bits
are the same for all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnc.atomic import scratch_folder
from snnc.bench.contest import build
from snnc.bench.profile import Clock
from snnc.bench.timing import machine
from snnc.compiler.compilation import Compilation, varied
from snnc.compiler.host.build import NATIVE_ONLY
from snnc.compiler.host.model import HostModel
from snnc.compiler.ir import layout
from snnc.compiler.ops.synapses.synapse import DENSE, EVENT
from snnc.compiler.passes.choose_kernels import choosable
from snnc.compiler.plan.batches import MOST_STEPS

if TYPE_CHECKING:
    from snnc.models.encoders import Numbers

WINDOWS = 4
"""Recordings that everything is timed on."""
ROUNDS = 15
"""Most timed rounds; fewer where the time is up."""
FEWEST_ROUNDS = 3
KERNELS_SHARE = 0.4
"""Part of the budget for the kernels of single layers."""
STEPS_AT_ONCE = (MOST_STEPS, 16, 1)

Kernels = Mapping[str, str]


@dataclass(frozen=True)
class Variant:
    """A way to compile a network: the kernel of each layer that has two, the most steps that a
    layer takes at once, threads."""

    kernels: Kernels
    batch: int
    threads: int

    def __str__(self) -> str:
        dense = [name for name, kernel in self.kernels.items() if kernel == DENSE]
        return (
            f"{', '.join(dense) or 'no layer'} dense, {self.batch} steps at once, "
            f"{self.threads} threads"
        )


@dataclass
class Timed:
    """A built variant, and the milliseconds of the windows in each round."""

    variant: Variant
    host: HostModel
    rounds: list[float] = field(default_factory=list)

    @property
    def least(self) -> float:
        """Its fastest round: what waiting for other processes adds is not the code's."""
        return min(self.rounds)


@dataclass(frozen=True)
class Tuned:
    """The fastest variant, and what was measured, for the manifest."""

    variant: Variant
    report: dict[str, Any]


class Budget:
    """Seconds, and whether another build fits into them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._longest = 0.0

    def share(self, part: float) -> Budget:
        """A part of what is left."""
        return Budget(part * (self._end - time.monotonic()))

    @property
    def is_spent(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    @property
    def has_room(self) -> bool:
        """Whether there is time to build once more, as far as earlier builds tell."""
        return time.monotonic() + self._longest < self._end

    def built(self, seconds: float) -> None:
        """Note what a build took."""
        self._longest = max(self._longest, seconds)


def tuned(
    compilation: Compilation, windows: Sequence[Numbers], seconds: float, most_threads: int
) -> Tuned:
    """Find the fastest variant of a network within a budget.

    Args:
        compilation: the network, event-driven, for this machine.
        windows: recordings that it is timed on.
        seconds: the budget. The first variant is always built and timed.
        most_threads: threads that may share each convolution.
    """
    budget = Budget(seconds)
    graph = compilation.graph
    plain = {node.name: EVENT for node in graph.nodes if choosable(graph, node)}
    left_out: list[str] = []
    with scratch_folder() as folder:
        layers = _layers(compilation, windows, plain, folder, budget.share(KERNELS_SHARE), left_out)
        chosen = {**plain, **{entry["name"]: entry["kernel"] for entry in layers}}
        variants = _variants(compilation, plain, chosen, most_threads)
        timed = _timed(compilation, windows, variants, folder, budget, left_out)
    best = min(timed, key=lambda each: each.least)
    return Tuned(best.variant, _report(best, timed, layers, left_out, seconds, len(windows)))


def _layers(
    compilation: Compilation,
    windows: Sequence[Numbers],
    plain: Kernels,
    folder: Path,
    budget: Budget,
    left_out: list[str],
) -> list[dict[str, Any]]:
    """Each layer with two kernels: the milliseconds of both, and the faster one."""
    clocks: dict[str, Clock] = {}
    for kernel in (EVENT, DENSE) if plain else ():
        if kernel == DENSE and not budget.has_room:
            left_out.append("dense kernels, layer by layer")
            return []
        started, home = time.monotonic(), folder / kernel
        home.mkdir()
        made = varied(compilation, dict.fromkeys(plain, kernel), MOST_STEPS, 1)
        clocks[kernel] = Clock(made, home)
        budget.built(time.monotonic() - started)
    least = {kernel: dict.fromkeys(plain, float("inf")) for kernel in clocks}
    for number in range(ROUNDS + 1 if clocks else 0):
        if number > FEWEST_ROUNDS and budget.is_spent:
            break
        for kernel, clock in clocks.items():
            rows = [clock.run(window) for window in windows]
            for name in plain if number else ():  # the first round warms
                least[kernel][name] = min(least[kernel][name], sum(row[name] for row in rows))
    return [
        {
            "name": name,
            "kernel": min(clocks, key=lambda kernel: least[kernel][name]),
            "milliseconds": {kernel: least[kernel][name] / len(windows) for kernel in clocks},
        }
        for name in plain
        if clocks
    ]


def _variants(
    compilation: Compilation, plain: Kernels, chosen: Kernels, most_threads: int
) -> Iterator[Variant]:
    """What would be compiled without tuning first, then the likelier ones first."""
    steps = compilation.graph.time_steps
    batched = bool(compilation.schedule.batched)
    batches = list(dict.fromkeys(min(batch, steps) for batch in STEPS_AT_ONCE)) if batched else [1]
    threads = [1, *(2**k for k in range(1, 7) if 2**k < most_threads)]
    threads += [most_threads] if most_threads > 1 else []
    kernels = [plain] if chosen == plain else [plain, chosen]
    for batch, count in product(batches, threads):
        for each in kernels:
            yield Variant(each, batch, count)


def _timed(
    compilation: Compilation,
    windows: Sequence[Numbers],
    variants: Iterator[Variant],
    folder: Path,
    budget: Budget,
    left_out: list[str],
) -> list[Timed]:
    """The variants that there is time to build, run in turn."""
    timed: list[Timed] = []
    building = budget.share(0.6)
    for number, variant in enumerate(variants):
        if timed and not building.has_room:
            left_out.append(str(variant))
            continue
        started = time.monotonic()
        made = varied(compilation, variant.kernels, variant.batch, variant.threads)
        timed.append(Timed(variant, build(made, folder / str(number), NATIVE_ONLY)))
        building.built(time.monotonic() - started)
    given = compilation.graph["input"].type
    packed = [layout.frames(given, window) for window in windows]
    for number in range(ROUNDS + 1):
        if number > FEWEST_ROUNDS and budget.is_spent:
            break
        for each in timed:
            started = time.perf_counter()
            for window in packed:
                each.host.classify(window)
            if number:  # the first round warms
                each.rounds.append(1e3 * (time.perf_counter() - started) / len(packed))
    return timed


def _report(
    best: Timed,
    timed: Sequence[Timed],
    layers: list[dict[str, Any]],
    left_out: list[str],
    seconds: float,
    windows: int,
) -> dict[str, Any]:
    kernels = best.variant.kernels
    return {
        "seconds": seconds,
        "windows": windows,
        "machine": machine(),
        "layers": [{**entry, "kernel": kernels[entry["name"]]} for entry in layers],
        "variants": [
            {
                "dense": [name for name, kernel in each.variant.kernels.items() if kernel == DENSE],
                "steps_at_once": each.variant.batch,
                "threads": each.variant.threads,
                "least_ms": each.least,
                "rounds": len(each.rounds),
                "chosen": each is best,
            }
            for each in timed
        ],
        "left_out": left_out,
    }
