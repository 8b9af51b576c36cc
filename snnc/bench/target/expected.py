"""Cycles that a window is expected to take on a core, before anything is compiled or run.

Instructions of the int8 kernels by their work, as they were counted in QEMU on the bundled networks
(benchmarks/instruction_prices.py writes them), times the cycles of an instruction in that mix, by
the core's published table (:mod:`.cycles`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from snnc.bench.target.cycles import Range, at_clock, model_for
from snnc.compiler.calibrate.expected_time import expected
from snnc.compiler.calibrate.kernel_costs import parsed
from snnc.compiler.deploy.boards import OwnedBoard
from snnc.compiler.deploy.targets import Target
from snnc.compiler.ir.graph import Graph


@dataclass(frozen=True)
class ExpectedCycles:
    """What a window is expected to take.

    Attributes:
        cycles: of a window.
        board: where one was named.
        source: where the figures come from, in words.
        borrowed: ops that are priced as a convolution.
    """

    cycles: Range
    board: OwnedBoard | None
    source: str
    borrowed: tuple[str, ...]

    @property
    def milliseconds(self) -> Range | None:
        """At the board's clock; None where no board was named."""
        return at_clock(self.cycles, self.board)


def expected_cycles(graph: Graph, target: Target) -> ExpectedCycles | None:
    """What a window of an optimised float graph takes as int8 on a core; None for a core whose
    cycles nobody publishes."""
    model = model_for(target)
    entry = None if model is None else _prices().get(model.core)
    if model is None or entry is None:
        return None
    found = expected(graph, parsed(entry))
    if found is None:
        return None
    least, most = entry["cycles_per_instruction"]
    cycles = Range(found.least * least, found.most * most)
    source = f"instructions as counted on {entry['counted_on']}; cycles by {model.source}"
    return ExpectedCycles(cycles, target.owned, source, found.borrowed)


@cache
def _prices() -> dict[str, Any]:
    """Prices in instructions, by core, from runtime_c/targets/instruction_prices.json."""
    text = (files("snnc") / "runtime_c" / "targets" / "instruction_prices.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content
