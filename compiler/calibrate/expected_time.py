"""What a window is expected to take before anything has run: work times prices.

Every node's work of a step is counted as the choice of kernels counts it
(:mod:`snnc.compiler.passes.choose_kernels`): vectors of 16 outputs, spike words looked at, vectors
of weights. How dense spikes will be is not known, so the result is a range: every layer's inputs
are taken to be active at the one and at the other end of :data:`DENSITIES`.
"""

from __future__ import annotations

from dataclasses import dataclass

from snnc.compiler.ir.graph import Graph, Kind, Node
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.synapses.synapse import DENSE, EVENT, LANES, Synapse, Work
from snnc.compiler.passes.choose_kernels import CostModel, work_of

DENSITIES = (0.02, 0.3)
"""Shares of a layer's inputs that are active in a step; 0.03 to 0.26 in the bundled networks."""

INPUT, NEURON, OTHER = "input", "neuron", "other"
"""What nodes without a price of their own are priced as: frames that are made of events, neurons
and cells, and the rest."""


@dataclass(frozen=True)
class Expected:
    """What a window takes, in the unit of the prices.

    Attributes:
        least: where layers' inputs are active at the lower of the densities.
        most: at the upper.
        machine: whose prices these are.
        borrowed: ops of weighted sums that are priced as a convolution, for want of a price.
    """

    least: float
    most: float
    machine: str
    borrowed: tuple[str, ...]


def expected(graph: Graph, costs: CostModel) -> Expected | None:
    """What one window of an optimised graph takes; None where the prices are of weighted sums
    alone, as those of an older ``snnc bench --fit`` are.

    Args:
        graph: in float32, whatever the arithmetic of what is priced.
        costs: prices of a machine.
    """
    if (NEURON, EVENT) not in costs.prices or (OTHER, EVENT) not in costs.prices:
        return None
    priced = (INPUT, EVENT) in costs.prices
    nodes = [node for node in graph if priced or not node.plays(Role.INPUT)]
    ends = [sum(_of_window(graph, node, costs, density) for node in nodes) for density in DENSITIES]
    used = {node.op.name for node in nodes if isinstance(op_of(node), Synapse)}
    borrowed = sorted(op for op in used if (op, EVENT) not in costs.prices)
    return Expected(min(ends), max(ends), costs.machine, tuple(borrowed))


def priced_as(node: Node) -> str:
    """Under which name a node that is no weighted sum has its price."""
    named = ((Role.INPUT, INPUT), (Role.NEURON, NEURON))
    return next((name for role, name in named if node.plays(role)), OTHER)


def elementwise(node: Node) -> Work:
    """The work of one step of a node that is no weighted sum: its elements."""
    return Work(-(-node.type.size // LANES), 0, 0)


def _of_window(graph: Graph, node: Node, costs: CostModel, density: float) -> float:
    steps = graph.time_steps if node.type.temporal else 1
    if not isinstance(op_of(node), Synapse):
        return steps * costs.nanoseconds(priced_as(node), EVENT, elementwise(node), density)
    op = node.op.name if (node.op.name, EVENT) in costs.prices else "conv2d"
    real = graph[node.inputs[0]].type.kind is Kind.REAL
    kernel = DENSE if real and (op, DENSE) in costs.prices else EVENT
    return steps * costs.nanoseconds(op, kernel, work_of(graph, node), 1.0 if real else density)
