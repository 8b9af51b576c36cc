"""Choosing kernels for a model: from recordings, or from a stated density."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from snnc.compiler.ops.synapses.synapse import kernel_of
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from snnc.api.data.held import Data
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.ir.graph import Graph, Node

CALIBRATION_SAMPLES = 8


@dataclass(frozen=True)
class Choice:
    """The pass that chooses, and what it decides from: one entry a layer, for the manifest."""

    kernels: Callable[[Graph], Graph]
    report: dict[str, Any]


def choose(
    source: SourceModel,
    compilation: Compilation,
    calibrate: Data | None,
    density: float | None,
    *,
    batch_first: bool = False,
) -> Choice | None:
    """Choose by recordings (``calibrate``), or by a density of every spiking value; None: neither.

    Args:
        source: the model.
        compilation: it with event-driven kernels everywhere.
        calibrate: DATA, or what Python holds; its first training recordings are measured.
        density: 0 to 1.
        batch_first: samples in calibrate, in the layout of forward, are [1, T, ...].

    Raises:
        SnncError: BAD_OPTION for both at once; what reading DATA raises.
    """
    from snnc.compiler.calibrate import densities, kernel_costs
    from snnc.compiler.passes.choose_kernels import choosable, choose_kernels, work_of

    if calibrate is not None and density is not None:
        raise SnncError(
            BAD_OPTION,
            "--calibrate measures densities and --density states one",
            mend="Give one of the two.",
        )
    graph, prices = compilation.graph, kernel_costs.load()
    if calibrate is not None:
        from snnc.api.data.windows import windows  # which brings the readers of recordings

        every = windows(source, calibrate, "train", None, batch_first=batch_first)
        recordings = islice(every, CALIBRATION_SAMPLES)
        found = densities.measured(compilation, (window.frames for window in recordings))
    elif density is not None:
        found = densities.stated(graph, density)
    else:
        return None
    kernels = partial(choose_kernels, densities=found, costs=prices)
    chosen = kernels(graph)

    def entry(node: Node) -> dict[str, Any]:
        crossing = prices.crossover(node.op.name, work_of(graph, node))
        return {
            "name": node.name,
            "density": found[node.inputs[0]],
            "crossover": None if math.isinf(crossing) else crossing,
            "kernel": kernel_of(chosen[node.name]),
        }

    report = {
        "densities": _measured_on(calibrate),
        "prices_of": prices.machine,
        "fitted_here": prices.machine == kernel_costs.cpu_name(),
        "layers": [entry(node) for node in graph.nodes if choosable(graph, node)],
    }
    return Choice(kernels, report)


def _measured_on(calibrate: Data | None) -> str:
    """Where the densities come from, in a word."""
    if calibrate is None:
        return "stated"
    return calibrate if isinstance(calibrate, str) else type(calibrate).__name__
