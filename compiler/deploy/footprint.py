"""The memory of a compiled model: where flash and RAM go, and whether they fit a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snnc.compiler.codegen.c_program import Generated, is_integer
from snnc.compiler.compilation import Compilation
from snnc.errors import OVER_BUDGET, SnncError

ROLES = ("states", "input", "stored", "values", "scratch")
"""What the arena holds: from step to step; events; for all steps; for one; while a node runs."""


@dataclass(frozen=True)
class Memory:
    """Bytes that the compiled model needs.

    ``flash`` code and constants of the object file (None: not measured); ``weights`` the parameters
    of layers and ``tables`` other constants; ``arena`` the caller's memory, and ``roles`` what
    was asked of it before buffers shared it; ``stack`` the sum of all frames of the object file,
    an upper bound (None where the compiler does not report frames), or what firmware reserves.
    """

    flash: int | None
    weights: int
    tables: int
    roles: dict[str, int]
    arena: int
    arena_lower_bound: int
    stack: int | None

    @classmethod
    def of(cls, generated: Generated, flash: int | None, stack: int | None) -> Memory:
        """What the plan says, with what was measured or is reserved."""
        constants = generated.program.constants.values()
        tables = sum(constant.nbytes for constant in constants if constant.shared)
        asked = generated.plan.by_role()
        return cls(
            flash=flash,
            weights=generated.constant_bytes - tables,
            tables=tables,
            roles={role: asked.get(role, 0) for role in ROLES},
            arena=generated.plan.size,
            arena_lower_bound=generated.plan.lower_bound,
            stack=stack,
        )

    @property
    def code(self) -> int | None:
        """Flash that is not constants."""
        return None if self.flash is None else self.flash - self.weights - self.tables

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "flash": self.flash,
            "weights": self.weights,
            "tables": self.tables,
            "code": self.code,
            "ram": {**self.roles, "arena": self.arena, "stack": self.stack},
            "arena_lower_bound": self.arena_lower_bound,
        }


def choices_as_json(compilation: Compilation) -> list[dict[str, Any]]:
    """The trade-off between storing and recomputing: a row for each plan, the largest first."""
    return [
        {
            "recomputed": sorted(choice.recomputed),
            "executions": choice.executions,
            "arena": choice.arena.size,
            "arena_lower_bound": choice.arena.lower_bound,
            "chosen": choice.arena.size == compilation.generated.plan.size,
        }
        for choice in compilation.choices
    ]


def largest_constants(compilation: Compilation, count: int = 4) -> str:
    """The constants that take most flash, with their bytes."""
    constants = compilation.generated.program.constants.values()
    ordered = sorted(constants, key=lambda constant: -constant.nbytes)[:count]
    return ", ".join(f"{constant.symbol} {constant.nbytes:,}" for constant in ordered)


def largest_buffers(compilation: Compilation, count: int = 4) -> str:
    """The buffers that take most of the arena, with their bytes."""
    ordered = sorted(compilation.generated.plan.buffers, key=lambda buffer: -buffer.size)[:count]
    return ", ".join(f"{buffer.name.split('@')[0]} {buffer.size:,}" for buffer in ordered)


def less_flash(compilation: Compilation) -> str:
    """What would make the constants smaller."""
    narrower = "Fewer channels or a smaller hidden layer would help"
    if is_integer(compilation.graph):
        return f"{narrower}: the weights are int8 already."
    quarter = compilation.generated.constant_bytes // 4
    return f"--dtype int8 would bring the constants to about {quarter:,} bytes. {narrower} too."


def check_flash(compilation: Compilation, max_flash: int | None) -> None:
    """Raise SnncError (OVER_BUDGET), with the largest constants, where these alone do not fit."""
    generated = compilation.generated
    if max_flash is None or generated.constant_bytes <= max_flash:
        return
    raise SnncError(
        OVER_BUDGET,
        f"the constants alone are {generated.constant_bytes:,} bytes and --max-flash is "
        f"{max_flash:,}; the largest: {largest_constants(compilation)}",
        where=compilation.graph.name,
        hint=less_flash(compilation),
    )


def check_object(compilation: Compilation, memory: Memory, max_flash: int | None) -> None:
    """Raise SnncError (OVER_BUDGET) where the measured object file does not fit."""
    if max_flash is None or memory.flash is None or memory.flash <= max_flash:
        return
    raise SnncError(
        OVER_BUDGET,
        f"code of {memory.code:,} bytes and constants of "
        f"{compilation.generated.constant_bytes:,} are more than --max-flash {max_flash:,}; the "
        f"largest: {largest_constants(compilation)}",
        where=compilation.graph.name,
        hint=less_flash(compilation),
    )


def over_linked(error: SnncError, compilation: Compilation) -> SnncError:
    """The linker's words about a region that is too small, with what is largest in it."""
    flash = "FLASH" in error.what
    largest = largest_constants(compilation) if flash else largest_buffers(compilation)
    hint = less_flash(compilation)
    if not flash:
        hint = "Give a --max-ram that leaves room for stack and test program, or a smaller model."
    return SnncError(
        OVER_BUDGET,
        f"{error.what}; the largest: {largest}",
        where=compilation.graph.name,
        hint=hint,
    )
