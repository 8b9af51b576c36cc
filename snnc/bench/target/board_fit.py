"""``snnc boards``: which boards a model fits on, with which plan, and how long it takes there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from snnc.bench.target.cycles import Estimate, estimate, model_for
from snnc.bench.target.instructions import by_class
from snnc.compiler.compilation import Compilation, recomputing
from snnc.compiler.deploy.boards import OwnedBoard
from snnc.compiler.deploy.firmware import CODE_BYTES, RESERVED_BYTES, STACK_BYTES, Vector
from snnc.compiler.deploy.targets import require_tools, target_of, targets
from snnc.compiler.plan import recompute
from snnc.compiler.plan.input_buffer import WINDOW, Buffering, buffered
from snnc.compiler.plan.recompute import Choice

Build = tuple[str, frozenset[str]]
"""What boards share that differ only in sizes and clocks: the name of the instruction set, and the
values that are computed again."""


@dataclass(frozen=True)
class Fit:
    """A model on a board.

    Attributes:
        board: the board.
        flash: bytes of constants, and :data:`CODE_BYTES` as room for code.
        plan: the one that recomputes least of those that fit; where none fits, the smallest, and
            where the board's RAM is not known, the one that stores everything.
    """

    board: OwnedBoard
    flash: int
    plan: Choice

    @property
    def ram(self) -> int:
        """Bytes of the arena, and of the stack and statics of a small program around it."""
        return self.plan.arena.size + STACK_BYTES + RESERVED_BYTES

    @property
    def recomputed(self) -> int:
        """How many values the plan computes again instead of storing them."""
        return len(self.plan.recomputed)

    @property
    def fits(self) -> bool | None:
        """Whether both memories are large enough; None where that is not known."""
        known = self.board.flash is not None and self.board.ram is not None
        return not self.too_large if known or self.too_large else None

    @property
    def too_large(self) -> tuple[str, ...]:
        """The memories that are too small."""
        pairs = (("flash", self.flash, self.board.flash), ("RAM", self.ram, self.board.ram))
        return tuple(name for name, need, have in pairs if have is not None and need > have)

    def as_json(self) -> dict[str, Any]:
        """Its entry in the JSON of ``snnc boards``."""
        own = {"flash": self.flash, "ram": self.ram, "recomputed": self.recomputed}
        return {"board": self.board.as_json(), "fits": self.fits, "needs": own}


def fit_all(
    compilation: Compilation, boards: Sequence[OwnedBoard], buffering: Buffering = WINDOW
) -> list[Fit]:
    """Fit a model, compiled without a budget of memory and for whole windows, on each board.

    Sizes are those of any core: the order of the weights pads rows to four bytes at most.

    Raises:
        SnncError: BAD_OPTION, NOT_CAUSAL for a buffering that the model cannot have.
    """
    graph = compilation.graph
    plans = recompute.choices(graph if buffering == WINDOW else buffered(graph, buffering))
    flash = compilation.generated.constant_bytes + CODE_BYTES
    return [Fit(board, flash, _plan_for(board, plans)) for board in boards]


def _plan_for(board: OwnedBoard, plans: Sequence[Choice]) -> Choice:
    if board.ram is None:
        return plans[0]
    room = board.ram - STACK_BYTES - RESERVED_BYTES
    return next((plan for plan in plans if plan.arena.size <= room), plans[-1])


def time_all(
    compilation: Compilation,
    vectors: Sequence[Vector],
    fits: Sequence[Fit],
    progress: Callable[[int, int], None],
) -> dict[str, Estimate]:
    """What a window takes on each board that the model may fit on and whose core has a model of
    cycles, with the plan that fits there.

    Args:
        compilation: of int8 for any core, with frames for the whole window.
        vectors: the recordings.
        fits: which boards fit.
        progress: is told how many builds have been counted, of how many.

    Raises:
        SnncError: as :func:`snnc.bench.target.instructions.count`.
    """
    timed = [fit for fit in fits if fit.fits is not False and _modelled(fit.board)]
    builds = {_build(fit) for fit in timed}
    counted = _count(compilation, vectors, sorted(builds, key=_by_name), progress)
    found: dict[str, Estimate] = {}
    for fit in timed:
        target = target_of(fit.board)
        result = estimate(target, counted[_build(fit)], len(vectors), compilation.window_us)
        if result is not None:
            found[fit.board.name] = result
    return found


def _modelled(board: OwnedBoard) -> bool:
    return board.target is not None and model_for(target_of(board)) is not None


def _build(fit: Fit) -> Build:
    return target_of(fit.board).name, fit.plan.recomputed


def _by_name(build: Build) -> tuple[str, list[str]]:
    return build[0], sorted(build[1])


def _count(
    compilation: Compilation,
    vectors: Sequence[Vector],
    builds: Sequence[Build],
    progress: Callable[[int, int], None],
) -> Mapping[Build, Mapping[str, int]]:
    """Instructions by class of every build. Compilers and emulators run side by side."""
    for name in {name for name, _ in builds}:
        require_tools(targets()[name], targets()[name].boards[0])
    plans = {names: recomputing(compilation, names) for _, names in builds}
    counted: dict[Build, Mapping[str, int]] = {}
    progress(0, len(builds))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        waiting = {
            pool.submit(by_class, plans[names], targets()[name], vectors): (name, names)
            for name, names in builds
        }
        for done in as_completed(waiting):
            counted[waiting[done]] = done.result()
            progress(len(counted), len(builds))
    return counted
