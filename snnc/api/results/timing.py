"""The result of ``compiled.benchmark()``: how long the C takes, beside PyTorch, on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from snnc.api.model import evaluation
from snnc.api.results.result import Result, text_page
from snnc.compiler.ir import layout
from snnc.console import slim_table
from snnc.models.encoders import Numbers

if TYPE_CHECKING:
    from snnc.bench.timing import Timing
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.host.model import HostModel
    from snnc.compiler.ir.graph import Graph


def every_fifth(shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
    """A window of which every fifth count is 1."""
    window = np.zeros(shape, np.uint16)
    window.reshape(-1)[::5] = 1
    return window


def timed(
    source: SourceModel, host: HostModel, graph: Graph, window: Numbers, rounds: int
) -> Benchmark:
    """Time the C and PyTorch's eager model in turn, on one core.

    Args:
        source: the model.
        host: its C.
        graph: what the C computes.
        window: event counts [T, *shape].
        rounds: timed rounds, after one that does not count.
    """
    import torch

    from snnc.bench.timing import machine, one_core, time_in_turn

    packed = layout.frames(graph["input"].type, window)
    x, module = torch.from_numpy(window.astype(np.float32))[:, None], source.module
    with one_core(), evaluation(module), torch.no_grad():
        runs = {"c": lambda: host.classify(packed), "pytorch": lambda: module(x)}
        timings = time_in_turn(runs, rounds)
    return Benchmark(source.origin, timings, machine())


@dataclass(frozen=True, repr=False)
class Benchmark(Result):
    """Milliseconds for one window, one core.

    Attributes:
        model: where the model comes from.
        timings: of "c" and "pytorch": ``median``, ``spread``, each round.
        machine: what it was measured on.

    >>> import snnc, torch
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> found = snnc.compile(model, torch.zeros(4, 1, 2, 32, 32)).benchmark(rounds=2)
    >>> found.milliseconds > 0, sorted(found.timings)
    (True, ['c', 'pytorch'])
    """

    model: str
    timings: Mapping[str, Timing]
    machine: Mapping[str, str]

    @property
    def milliseconds(self) -> float:
        """Median of the C."""
        return self.timings["c"].median

    @property
    def ratio(self) -> float:
        """Median of PyTorch's eager model over the C's; above 1 the C is faster."""
        return self.timings["pytorch"].median / self.milliseconds

    def to_json(self) -> dict[str, Any]:
        """``machine``, ``ratio``, and ``contestants`` with their milliseconds."""
        return {"machine": dict(self.machine), "ratio": self.ratio, "contestants": self._rows()}

    def show(self, console: Console) -> None:
        """Print the medians and the spread."""
        columns = ("median ms", "fastest", "slowest")
        title = f"{self.model}: one window, one core of {self.machine['cpu']}"
        table = slim_table("", numbers=columns, title=title)
        for row in self._rows():
            table.add_row(row["name"], *(f"{row[key]:.3f}" for key in _NUMBERS))
        console.print(table)
        console.print(f"PyTorch / C: {self.ratio:.1f} (load {self.machine['load']})")

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"name": who, **dict(zip(_NUMBERS, (t.median, *t.spread), strict=True))}
            for who, t in self.timings.items()
        ]

    def _page(self) -> str:
        return text_page(f"benchmark of {self.model}", self)


_NUMBERS = ("median_ms", "fastest_ms", "slowest_ms")
