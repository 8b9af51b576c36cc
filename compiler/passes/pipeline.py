"""The passes, in order, with a check of the graph after each."""

from __future__ import annotations

import logging
from collections.abc import Callable

from snnc.compiler.ir.graph import Graph
from snnc.compiler.ops import inference
from snnc.compiler.ops.int8.scaling import Ranges
from snnc.compiler.ops.int8.synapses.rows import PLAIN
from snnc.compiler.ops.int8.weight_types import Int4, nowhere
from snnc.compiler.passes.absorb_flatten import absorb_flatten
from snnc.compiler.passes.fold_avg_pool import fold_avg_pool
from snnc.compiler.passes.fold_batch_norm import fold_batch_norm
from snnc.compiler.passes.lower_composites import lower_composites
from snnc.compiler.passes.order_weights import order_weights
from snnc.compiler.passes.quantize import quantize
from snnc.errors import InternalError

Pass = Callable[[Graph], Graph]

Watch = Callable[[str, Graph], None]
"""Is shown every graph with the name of the pass that gave it."""

log = logging.getLogger(__name__)

OPTIMISATIONS: tuple[Pass, ...] = (fold_batch_norm, fold_avg_pool, absorb_flatten)


def lowered(graph: Graph) -> Graph:
    """The graph as the source model computes it, in primitive ops: what the judge evaluates."""
    return _apply(graph, (lower_composites,))


def optimised(graph: Graph, kernels: Pass | None = None, watch: Watch | None = None) -> Graph:
    """The graph as the C computes it; ``kernels`` is a last pass that chooses kernels."""
    chosen = () if kernels is None else (kernels,)
    if watch is not None:
        watch("imported", graph)
    return _apply(graph, (lower_composites, *OPTIMISATIONS, *chosen), watch)


def quantized(
    graph: Graph,
    ranges: Ranges,
    order: str = PLAIN,
    watch: Watch | None = None,
    int4: Int4 = nowhere,
) -> Graph:
    """The integer twin of an optimised graph; ``ranges`` from calibration on it, ``order`` of int8
    weights from the table of targets, ``int4`` the layers that have narrower ones."""

    def quantize_(given: Graph) -> Graph:
        return quantize(given, ranges, int4(given))

    def order_weights_(given: Graph) -> Graph:
        return order_weights(given, order)

    return _apply(graph, (quantize_, order_weights_), watch)


def _apply(graph: Graph, passes: tuple[Pass, ...], watch: Watch | None = None) -> Graph:
    inference.check(graph)
    done: list[str] = []
    for step in passes:
        name = getattr(step, "__name__", "choose_kernels").rstrip("_")
        graph = step(graph)
        log.info("pass %s: %d nodes", name, len(graph.nodes))
        if watch is not None:
            watch(name, graph)
        done.append(name)
        try:
            inference.check(graph)
        except InternalError as error:
            raise InternalError(
                f"the graph is broken after pass {name} ({error.what}); passes so far: "
                + ", ".join(done),
                where=error.where,
            ) from error
    return graph
