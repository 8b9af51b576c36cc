"""What ``--dump-ir DIR`` writes: a text for every pass, and one page with the graph drawn."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path

from snnc.compiler.dump import page, stages_text
from snnc.compiler.ir.graph import Graph
from snnc.compiler.plan.planned import Planned
from snnc.errors import BAD_OUTPUT, SnncError


@dataclass
class Recorder:
    """Keeps the text of the graph after every pass, in the order of the passes."""

    passes: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, name: str, graph: Graph) -> None:
        """Take note of the graph that pass ``name`` gave; "imported" begins anew."""
        if name == "imported":
            self.passes.clear()
        self.passes.append((name, str(graph) + "\n"))

    def diffs(self) -> list[tuple[str, str]]:
        """For every pass what it changed, as a unified diff; empty where it changed nothing."""
        found = []
        for (before, old), (after, new) in zip(self.passes, self.passes[1:], strict=False):
            lines = difflib.unified_diff(
                old.splitlines(), new.splitlines(), before, after, lineterm="", n=1
            )
            found.append((after, "\n".join(lines)))
        return found

    def write(self, folder: Path, graph: Graph, planned: Planned) -> None:
        """Write all texts and ``index.html`` into a folder, which is made where it is missing.

        Raises:
            SnncError: BAD_OUTPUT where it cannot be written.
        """
        texts = {f"{at:02d}_{name}.txt": text for at, (name, text) in enumerate(self.passes)}
        texts |= {
            f"{at:02d}_{name}.diff": text for at, (name, text) in enumerate(self.diffs(), 1) if text
        }
        texts["schedule.txt"] = stages_text.schedule_text(planned.schedule)
        texts["program.txt"] = stages_text.program_text(planned.program)
        texts["arena.txt"] = stages_text.arena_text(planned)
        texts["index.html"] = page.render(graph, planned, self.diffs(), texts)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise SnncError(
                BAD_OUTPUT, f"{error.strerror or error}", where=str(error.filename or folder)
            ) from error
