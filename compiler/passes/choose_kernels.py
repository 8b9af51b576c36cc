"""Choose the event-driven or the dense kernel of every weighted sum over spikes.

The time of one step is modelled as a sum of three kinds of work, each with a price in nanoseconds
that is fitted on a machine (``snnc bench --fit``)::

    event   pixel P + word W + vector d R        d: density of the input's spikes
    dense   pixel P               + vector R

with P vectors of 16 output channels begun and stored, W spike words looked at, and R weight vectors
of 16 channels that a full input would add. The dense kernel wins above the density where the lines
cross.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from snnc.compiler.ir.graph import Graph, Kind, Node
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.synapses.synapse import DENSE, EVENT, Synapse, Work, kernel_of
from snnc.compiler.ops.view import NodeView
from snnc.errors import BAD_OPTION, InternalError, SnncError


@dataclass(frozen=True)
class Prices:
    """Nanoseconds of each kind of work, for one op and kernel (``word`` 0 for a dense one)."""

    pixel: float
    word: float
    vector: float


@dataclass(frozen=True)
class CostModel:
    """Prices by (op, kernel), and the machine they were fitted on."""

    machine: str
    prices: Mapping[tuple[str, str], Prices]

    def nanoseconds(self, op: str, kernel: str, work: Work, density: float) -> float:
        """Modelled time of one step."""
        if (op, kernel) not in self.prices:
            raise SnncError(
                BAD_OPTION,
                f"the prices of {self.machine} have none for the {kernel} kernel of {op}",
                hint="Measure them by `snnc bench --fit`, or state no densities.",
            )
        price = self.prices[op, kernel]
        active = density if kernel == EVENT else 1.0
        looked_at = work.words if kernel == EVENT else 0
        return (
            price.pixel * work.pixels
            + price.word * looked_at
            + price.vector * active * work.vectors
        )

    def crossover(self, op: str, work: Work) -> float:
        """The density above which the dense kernel is faster: 0 always, infinity never."""
        idle = self.nanoseconds(op, EVENT, work, 0.0)
        slope = self.nanoseconds(op, EVENT, work, 1.0) - idle
        dense = self.nanoseconds(op, DENSE, work, 1.0)
        if dense <= idle:
            return 0.0
        crossing = (dense - idle) / slope if slope > 0.0 else math.inf
        return crossing if crossing < 1.0 else math.inf


def choosable(graph: Graph, node: Node) -> bool:
    """Whether a node has an event-driven and a dense kernel: a float layer that reads spikes."""
    if not isinstance(op_of(node), Synapse) or isinstance(op_of(node), IntegerOp):
        return False
    return graph[node.inputs[0]].type.kind is Kind.SPIKE


def kernels_of(graph: Graph) -> dict[str, str]:
    """The kernel of every :func:`choosable` node, by its name."""
    return {node.name: kernel_of(node) for node in graph.nodes if choosable(graph, node)}


def work_of(graph: Graph, node: Node) -> Work:
    """The work of one step of a :func:`choosable` node."""
    op = op_of(node)
    if not isinstance(op, Synapse):
        raise InternalError(f"{op.name} does not say what work its kernels do", where=node.name)
    return op.work(NodeView.of(graph, node))


def choose_kernels(
    graph: Graph,
    densities: Mapping[str, float],
    costs: CostModel,
    batched: Collection[str] = (),
) -> Graph:
    """Give every choosable node the kernel that the model says is faster.

    Args:
        graph: an optimised graph.
        densities: share of spikes among each choosable node's inputs, by the input's name.
        costs: the prices of this machine.
        batched: nodes that take several steps at once where they are event-driven: no dense kernel
            is faster then (:func:`crossover_of`).
    """

    def kernel(node: Node) -> str:
        crossing = crossover_of(graph, node, costs, batched)
        return DENSE if densities[node.inputs[0]] > crossing else EVENT

    return with_kernels(graph, {n.name: kernel(n) for n in graph.nodes if choosable(graph, n)})


def crossover_of(graph: Graph, node: Node, costs: CostModel, batched: Collection[str]) -> float:
    """The density above which a node's dense kernel is faster; never for one that is ``batched``,
    which loads its weights once for all steps where the dense kernel loads them at every step."""
    return math.inf if node.name in batched else costs.crossover(node.op.name, work_of(graph, node))


def one_kernel(graph: Graph, kernel: str) -> Graph:
    """Give every choosable node the same kernel, "event" or "dense"."""
    return with_kernels(graph, {n.name: kernel for n in graph.nodes if choosable(graph, n)})


def with_kernels(graph: Graph, kernels: Mapping[str, str]) -> Graph:
    """Give each node that is named its kernel, "event" or "dense"."""
    return graph.replace(
        nodes=tuple(
            node.with_op(kernel=kernels[node.name]) if node.name in kernels else node
            for node in graph.nodes
        )
    )


def fit(samples: list[tuple[Work, float, float]], kernel: str) -> Prices:
    """Prices that explain measured times best, by their relative error, none below 0.

    Args:
        samples: (work, input density, nanoseconds of one step) of one op with one kernel.
        kernel: "event" or "dense".
    """
    event = kernel == EVENT
    rows = np.array(
        [
            [work.pixels, work.words if event else 0, (density if event else 1.0) * work.vectors]
            for work, density, _ in samples
        ],
        dtype=np.float64,
    )
    times = np.array([time for _, _, time in samples])
    kept = [column for column in range(3) if rows[:, column].any()]
    while kept:
        scaled = rows[:, kept] / times[:, None]
        found, *_ = np.linalg.lstsq(scaled, np.ones(len(times)), rcond=None)
        if found.min() >= 0.0:
            break
        kept.pop(int(found.argmin()))  # a price below 0 only follows noise: leave the term out
    prices = np.zeros(3)
    prices[kept] = found
    return Prices(*map(float, prices))
