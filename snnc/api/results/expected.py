"""How long a window is expected to take, as ``snnc check`` says it: an estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snnc.compiler.calibrate.expected_time import DENSITIES

if TYPE_CHECKING:
    from snnc.compiler.deploy.targets import Target
    from snnc.compiler.ir.graph import Graph


@dataclass(frozen=True)
class ExpectedTime:
    """What a window takes by prices of work, where between 2 and 30 % of every layer's inputs are
    active. It is the C's time alone, and rough: docs/bring-your-own-model.md has what was measured.

    Attributes:
        where: the processor, core or board.
        milliseconds: least and most; None for a core without a board's clock.
        cycles: least and most, of a core; None for this machine.
        source: where the prices come from.
        borrowed: ops that are priced as a convolution, for want of a price.
    """

    where: str
    milliseconds: tuple[float, float] | None
    cycles: tuple[float, float] | None
    source: str
    borrowed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Every attribute, and the ``densities``."""
        return {
            "grade": "estimated",
            "where": self.where,
            "milliseconds": self.milliseconds and list(self.milliseconds),
            "cycles": self.cycles and list(self.cycles),
            "densities": list(DENSITIES),
            "source": self.source,
            "borrowed": list(self.borrowed),
        }


def expected_time(graph: Graph, dtype: str, core: Target | None) -> ExpectedTime | None:
    """The estimate for an optimised float graph; None where nothing has prices: int8 on this
    machine, a core whose cycles nobody publishes.

    Args:
        graph: of the model.
        dtype: what it will be compiled to.
        core: where; None: this machine.
    """
    if core is not None:
        return _on_core(graph, core)
    return _on_host(graph) if dtype == "f32" else None


def _on_host(graph: Graph) -> ExpectedTime | None:
    from snnc.compiler.calibrate import kernel_costs
    from snnc.compiler.calibrate.expected_time import expected

    costs = kernel_costs.load()
    found = expected(graph, costs)
    if found is None:
        return None
    own = costs.machine == kernel_costs.cpu_name()
    prices = "times fitted on this kind of processor" if own else f"times fitted on {costs.machine}"
    source = f"{prices}, which `snnc bench MODEL --data DATA --fit` fits anew"
    milliseconds = (found.least * 1e-6, found.most * 1e-6)
    where = f"one core of {kernel_costs.cpu_name() if own else costs.machine}"
    return ExpectedTime(where, milliseconds, None, source, found.borrowed)


def _on_core(graph: Graph, core: Target) -> ExpectedTime | None:
    from snnc.bench.target.expected import expected_cycles

    found = expected_cycles(graph, core)
    if found is None:
        return None
    time, board = found.milliseconds, found.board
    where = core.name if board is None else f"{board.name} at {board.mhz:g} MHz"
    milliseconds = None if time is None else (time.least, time.most)
    cycles = (found.cycles.least, found.cycles.most)
    return ExpectedTime(where, milliseconds, cycles, found.source, found.borrowed)


def shown(found: dict[str, Any]) -> str:
    """The estimate of :meth:`ExpectedTime.to_json` in a sentence."""
    from snnc.bench.target.cycles import Range
    from snnc.bench.target.cycles import shown as range_shown

    amount = (
        range_shown(Range(*found["milliseconds"]), "ms")
        if found["milliseconds"]
        else range_shown(Range(*found["cycles"]).times(1e-6), "M cycles")
    )
    least, most = (f"{100 * density:g}" for density in found["densities"])
    borrowed = f"; {', '.join(found['borrowed'])} priced as conv2d" if found["borrowed"] else ""
    return (
        f"roughly estimated: {amount} a window on {found['where']}, with {least} to "
        f"{most} % of each layer's inputs active ({found['source']}{borrowed})"
    )
