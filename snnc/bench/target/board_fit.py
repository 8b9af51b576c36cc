"""``snnc boards``: which boards a model fits on, and the plan that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snnc.bench.target.cycles import Estimate, estimate, model_for
from snnc.bench.target.instructions import by_class
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.boards import OwnedBoard
from snnc.compiler.deploy.firmware import CODE_BYTES, RESERVED_BYTES, STACK_BYTES, Vector
from snnc.compiler.deploy.targets import Target, target_named
from snnc.compiler.plan import recompute
from snnc.compiler.plan.recompute import Choice


@dataclass(frozen=True)
class Fit:
    """A model on a board.

    Attributes:
        board: the board.
        flash: bytes of constants, and :data:`CODE_BYTES` as room for code.
        ram: bytes of the arena, and of the stack and statics of a small program around it, of the
            plan that recomputes least of those that fit; where none fits, of the smallest.
        recomputed: how many values that plan computes again instead of storing them.
        fits: whether both fit; None where the board's memories are not known.
    """

    board: OwnedBoard
    flash: int
    ram: int
    recomputed: int
    fits: bool | None

    @property
    def too_large(self) -> tuple[str, ...]:
        """The memories that are too small."""
        pairs = (("flash", self.flash, self.board.flash), ("RAM", self.ram, self.board.ram))
        return tuple(name for name, need, have in pairs if have is not None and need > have)

    def as_json(self) -> dict[str, Any]:
        """Its entry in the JSON of ``snnc boards``."""
        own = {"flash": self.flash, "ram": self.ram, "recomputed": self.recomputed}
        return {"board": self.board.as_json(), "fits": self.fits, "needs": own}


def fit_all(compilation: Compilation, boards: Sequence[OwnedBoard]) -> list[Fit]:
    """Fit a model, compiled without a budget of memory, on each board.

    Sizes are those of any core: the order of the weights pads rows to four bytes at most.
    """
    plans = recompute.choices(compilation.graph)
    flash = compilation.generated.constant_bytes + CODE_BYTES
    return [_fit(plans, flash, board) for board in boards]


def _fit(plans: Sequence[Choice], flash: int, board: OwnedBoard) -> Fit:
    around = STACK_BYTES + RESERVED_BYTES
    room = board.ram
    chosen = plans[-1] if room is not None else plans[0]
    if room is not None:
        chosen = next((plan for plan in plans if plan.arena.size + around <= room), plans[-1])
    fit = Fit(board, flash, chosen.arena.size + around, len(chosen.recomputed), None)
    known = board.flash is not None and board.ram is not None
    fits = not fit.too_large if known or fit.too_large else None
    return Fit(board, fit.flash, fit.ram, fit.recomputed, fits)


def time_all(
    compilation: Compilation, vectors: Sequence[Vector], fits: Sequence[Fit]
) -> dict[str, Estimate]:
    """What a window takes on each board that fits and whose core has a model of cycles.

    Args:
        compilation: of int8 for any core, with frames for the whole window.
        vectors: the recordings.
        fits: which boards fit.

    Raises:
        SnncError: as :func:`snnc.bench.target.instructions.count`.
    """
    framing = compilation.framing
    window_us = framing.dt_us * compilation.graph.time_steps if framing else None
    counted: dict[str, Mapping[str, int]] = {}
    found: dict[str, Estimate] = {}
    for target in _modelled(fits):
        if target.name not in counted:  # one emulated board for all that have its instructions
            core = target_named(target.name)
            counted[target.name] = by_class(compilation, core, vectors)
        result = estimate(target, counted[target.name], len(vectors), window_us)
        if result is not None and result.board is not None:
            found[result.board.name] = result
    return found


def _modelled(fits: Sequence[Fit]) -> list[Target]:
    targets = [target_named(fit.board.name) for fit in fits if fit.fits and fit.board.target]
    return [target for target in targets if model_for(target)]
