"""How dense the spikes really are that each layer reads, measured on recordings with the C."""

from __future__ import annotations

from collections.abc import Iterable

from snnc.atomic import scratch_folder
from snnc.compiler.compilation import Compilation
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.passes.choose_kernels import choosable


def spike_inputs(graph: Graph) -> list[str]:
    """Names of the spikes that layers with a choice of kernel read, in order."""
    read = {node.inputs[0] for node in graph.nodes if choosable(graph, node)}
    return [node.name for node in graph.nodes if node.name in read]


def measured(compilation: Compilation, windows: Iterable[Array]) -> dict[str, float]:
    """Mean share of spikes of each of :func:`spike_inputs` over windows of counts [T, C, H, W].

    Raises:
        SnncError: NO_C_COMPILER, C_COMPILER_FAILED.
    """
    names = spike_inputs(compilation.graph)
    totals, count = dict.fromkeys(names, 0.0), 0
    with scratch_folder() as folder:
        flags = (*NATIVE, "-O1")  # the spikes are the same, and it compiles faster
        model = ObservedModel(compilation.graph, compilation.generated, folder, flags)
        for window in windows:
            seen = model.run(window, observe=[(name, "value") for name in names])
            for name in names:
                totals[name] += float(seen.values[name, "value"].mean())
            count += 1
    return {name: total / count for name, total in totals.items()}


def stated(graph: Graph, density: float) -> dict[str, float]:
    """The same density for every one of :func:`spike_inputs`."""
    return dict.fromkeys(spike_inputs(graph), density)
