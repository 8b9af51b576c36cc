"""What a network really did on a recording: the values of every node, sample by sample.

A network has two graphs, the *source* (as the model computes it) and the *executed* one (as the C
computes it, with normalisation and pools folded). Both tell the same story: the source graph is
evaluated with the spikes and masks of the executed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch

from snnc.compiler.ir.graph import Array, Graph, Kind, fires
from snnc.compiler.ir.roles import Role
from snnc.estimator.layers import Layer, layers_of

Values = Mapping[str, torch.Tensor]
"""Values of nodes by name, ``[T, *shape]`` or ``[1, *shape]``."""

Interpreter = Callable[[Graph, Values, Values], Values]
"""Evaluates a graph on one sample from (graph, inputs, forced values); gives every value."""


@dataclass(frozen=True)
class Network:
    """The two graphs of one network.

    Attributes:
        source: the lowered graph.
        executed: the optimised graph, float32 or quantized.
        runs: how often a node runs in a window where that is more than once, because its value is
            computed again rather than stored.
    """

    source: Graph
    executed: Graph
    runs: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def source_layers(self) -> tuple[Layer, ...]:
        """The layers of the source graph."""
        return layers_of(self.source)

    @cached_property
    def executed_layers(self) -> tuple[Layer, ...]:
        """The layers of the executed graph."""
        return layers_of(self.executed)


class Activity:
    """One sample's values, on either graph; the source graph is evaluated when asked for.

    Args:
        network: the graphs.
        executed: values of every node of the executed graph.
        interpret: evaluates the source graph.
    """

    def __init__(self, network: Network, executed: Values, interpret: Interpreter) -> None:
        self.network = network
        self.executed = executed
        self._interpret = interpret

    @property
    def discrete(self) -> dict[str, torch.Tensor]:
        """The input, spikes and masks: what both graphs share."""
        shared = self.network.source.index
        return {
            node.name: self.executed[node.name]
            for node in self.network.executed.nodes
            if node.name in shared
            and (node.plays(Role.INPUT) or node.type.kind is Kind.SPIKE or fires(node))
        }

    @cached_property
    def source(self) -> Values:
        """Values of every node of the source graph, given the same spikes and masks."""
        graph, known = self.network.source, self.discrete
        inputs = {node.name: known.pop(node.name) for node in graph.nodes if node.plays(Role.INPUT)}
        return self._interpret(graph, inputs, known)


def observe(
    network: Network, recordings: Iterable[Array], interpret: Interpreter
) -> Iterator[Activity]:
    """Run a network on recordings, one at a time.

    Args:
        network: its graphs.
        recordings: input counts ``[T, *shape]`` each.
        interpret: the reference interpreter, or any run with the same values.
    """
    for frames in recordings:
        inputs = {"input": torch.as_tensor(frames).to(torch.float32)}
        with torch.no_grad():
            yield Activity(network, interpret(network.executed, inputs, {}), interpret)
