"""Choosing kernels for a model: by densities of recordings, by a stated density, by measurement, or
as a folder records them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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


@dataclass(frozen=True)
class Measured:
    """What was chosen by measurement: arguments of ``compile_graph``, and the manifest's entry."""

    how: dict[str, Any]
    choice: Choice


def tune(
    source: SourceModel,
    compilation: Compilation,
    recordings: Data,
    seconds: float,
    threads: int,
    *,
    batch_first: bool = False,
) -> Measured:
    """Choose kernels, steps at once and threads by measurement.

    Args:
        source: the model.
        compilation: it with event-driven kernels everywhere, for one thread.
        recordings: DATA, or what Python holds; its first training recordings are timed.
        seconds: the budget.
        threads: most threads.
        batch_first: samples in recordings, in the layout of forward, are [1, T, ...].

    Raises:
        SnncError: what reading DATA raises.
    """
    from snnc.api.data.windows import windows  # which brings the readers of recordings
    from snnc.api.tuning import WINDOWS, tuned

    every = windows(source, recordings, "train", None, batch_first=batch_first)
    frames = [window.frames for window in islice(every, WINDOWS)]
    found = tuned(compilation, frames, seconds, threads)
    how = found.variant
    kernels = partial(as_recorded, kernels=how.kernels)
    report = {"by": "measurement", "densities": _measured_on(recordings), **found.report}
    arguments = {"kernels": kernels, "batch": how.batch, "threads": how.threads}
    return Measured(arguments, Choice(kernels, report))


def as_recorded(graph: Graph, kernels: Mapping[str, str]) -> Graph:
    """A pass: the layers that have two kernels take those named, where they are."""
    from snnc.compiler.passes.choose_kernels import choosable, with_kernels

    known = {node.name for node in graph.nodes if choosable(graph, node)}
    return with_kernels(graph, {name: kernels[name] for name in known & kernels.keys()})


def recorded(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The kernels of a folder's layers by name, "event" or "dense", where they have two."""
    from snnc.compiler.ops.synapses.synapse import DENSE, EVENT

    layers = manifest["layers"]
    return {each["name"]: each["kernel"] for each in layers if each.get("kernel") in (EVENT, DENSE)}


def recorded_types(manifest: Mapping[str, Any]) -> str:
    """The types of a folder's weights, as ``CompileSettings.weight_types`` says them."""
    from snnc.compiler.ops.int8.synapses.rows import EIGHTS
    from snnc.compiler.ops.int8.weight_types import INT4, INT8

    narrow = [layer["name"] for layer in manifest["layers"] if layer.get("order") == EIGHTS]
    return f"{INT4}:{','.join(narrow)}" if narrow else INT8


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
    from snnc.compiler.passes.choose_kernels import choosable, choose_kernels, crossover_of

    if calibrate is not None and density is not None:
        raise SnncError(
            BAD_OPTION,
            "--calibrate measures densities and --density states one",
            hint="Give one of the two.",
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
    batched = compilation.schedule.batched
    kernels = partial(choose_kernels, densities=found, costs=prices, batched=batched)
    chosen = kernels(graph)

    def entry(node: Node) -> dict[str, Any]:
        crossing = crossover_of(graph, node, prices, batched)
        return {
            "name": node.name,
            "density": found[node.inputs[0]],
            "crossover": None if math.isinf(crossing) else crossing,
            "kernel": kernel_of(chosen[node.name]),
        }

    report = {
        "by": "prices",
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
