"""The proof on a board: firmware compares every value with the integer reference's digests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from snnc.atomic import scratch_folder
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.firmware import Vector
from snnc.compiler.deploy.targets import Target, require_tools

BATCH = 20
"""Most recordings in one firmware image; fewer where the board's flash holds no more."""


@dataclass
class BoardVerification:
    """What the board found over all recordings."""

    target: str
    board: str
    time_steps: int
    compared: int = 0
    samples: int = 0
    stack: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every batch of recordings passed."""
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """The JSON contract of ``snnc verify`` with a microcontroller target."""
        return {
            "samples": self.samples,
            "time_steps": self.time_steps,
            "dtype": "int8",
            "target": self.target,
            "board": self.board,
            "compared": self.compared,
            "unexplained": len(self.failures),
            "first_divergence": self.failures[0] if self.failures else None,
            "stack": self.stack,
        }


def verify_on_board(
    compilation: Compilation,
    target: Target,
    vectors: Iterable[Vector],
    max_ram: int | None = None,
) -> BoardVerification:
    """Build firmware with the vectors, in batches, and run it; the linker holds ``max_ram``.

    Raises:
        SnncError: NO_C_COMPILER without the tools, OVER_BUDGET where no board has room.
    """
    graph = compilation.graph
    require_tools(target, target.boards[0])
    result = BoardVerification(target.name, "", graph.time_steps)
    for batch in _batches(vectors, firmware.vector_room(compilation, target)):
        with scratch_folder() as folder:
            board = firmware.write_project(folder, compilation, target, batch, max_ram=max_ram)
            run = firmware.run(folder)
        result.board = board.name
        result.samples += len(batch)
        result.compared += sum(len(v.digests) + len(v.scores) for v in batch)
        result.stack = max(result.stack, run.stack or 0)
        if not run.passed:
            found = re.search(r"^FAIL.*$", run.output, re.MULTILINE)
            result.failures.append(found[0] if found else run.output or "the board said nothing")
    return result


def _batches(vectors: Iterable[Vector], room: int) -> Iterator[list[Vector]]:
    """Vectors in the order given, as many at a time as the flash has room for (bytes)."""
    batch: list[Vector] = []
    used = 0
    for vector in vectors:
        if batch and (len(batch) == BATCH or used + vector.size > room):
            yield batch
            batch, used = [], 0
        batch.append(vector)
        used += vector.size
    if batch:
        yield batch
